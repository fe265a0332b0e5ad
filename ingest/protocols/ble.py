"""`ble`: what the decoders of aiobmsble made of a BMS over Bluetooth, one JSON object a line.

`ingest.transports.ble` writes the lines: the library's sample as it came from the device, without the figures
that the library adds, and the device's word on who it is. The proof of the frames is the library's.

Source: aiobmsble 0.31, `BMSSample` and `BMSInfo` (Apache-2.0); docs/protocols/ble.md.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final

from ingest.protocol import Certainty, Damage, Fault, Frame, Framer, Protocol
from ingest.records import LONGEST_LINE, LineFramer, Record, RecordProtocol
from schemas.reading import Reading
from schemas.strict_json import StrictJsonError, loads
from schemas.terms import Origin

LIBRARY: Final = "aiobmsble"
_FINEST: Final = Decimal("0.000001")
_LARGEST: Final = Decimal(10) ** 15
_MOST: Final = 512
# What the library cuts to whole ampere hours.
_CUT: Final = ("whole_ampere_hours",)
# Cells and sensors that say nought are left out by the library, and those behind them move up.
_MOVED: Final = ("place_unproven",)

# Field of the sample, quantity, origin, doubts.
_NUMBERS: Final = (
    ("voltage", "voltage", Origin.NATIVE, ()),
    ("current", "current", Origin.NATIVE, ()),
    ("battery_level", "state_of_charge", Origin.NATIVE, ()),
    ("battery_health", "bms_reported_health", Origin.NATIVE, ()),
    ("cycle_charge", "remaining_charge", Origin.NATIVE, ()),
    ("design_capacity", "nameplate_capacity", Origin.CONFIGURED, _CUT),
    ("total_charge", "charge_out", Origin.NATIVE, _CUT),
    ("cycles", "cycle_count", Origin.NATIVE, ()),
    ("cell_count", "cell_count", Origin.NATIVE, ()),
    ("pack_count", "module_count", Origin.NATIVE, ()),
)
_FLAGS: Final = (
    ("chrg_mosfet", "charging_enabled"),
    ("dischrg_mosfet", "discharging_enabled"),
    ("balancer", "balancing_active"),
)
_TEXTS: Final = (
    ("manufacturer", "manufacturer", ()),
    ("model", "model", ()),
    ("serial_number", "serial_number", ("boards_number",)),
    ("hw_version", "hardware_version", ()),
    ("fw_version", "firmware_version", ()),
    ("sw_version", "firmware_version", ()),
)
# Kind of a sensor, quantity, whether there are several, doubts.
_SENSORS: Final = {
    "CELL": ("cell_temperature", True, ()),
    "GENERIC": ("cell_temperature", True, ("meaning_unproven",)),
    "CELL_MAX": ("cell_temperature_max", False, ()),
    "CELL_MIN": ("cell_temperature_min", False, ()),
    "MOSFET": ("board_temperature", True, ()),
    "PCB": ("board_temperature", True, ()),
    "BALANCER": ("board_temperature", True, ()),
    "HEATER": ("board_temperature", True, ()),
    "AMBIENT": ("ambient_temperature", False, ()),
}
ALSO: Final = (
    *(quantity for _, quantity, origin, _ in _NUMBERS if origin is Origin.NATIVE),
    *(quantity for _, quantity in _FLAGS),
    *(quantity for _, quantity, _ in _TEXTS),
    *(quantity for quantity, _, _ in _SENSORS.values()),
    "cell_voltage",
    "alarm",
)
ALSO_CONFIGURED: Final = ("nameplate_capacity",)


class _Lines(LineFramer):
    """A sample a line."""

    def record(self, line: bytes, position: int) -> Record | None:
        """The record of a sample."""
        _document(line)
        return Record(line, position, command=0, payload=line)


def _document(line: bytes) -> dict[str, Any]:
    try:
        document = loads(line, limit_bytes=LONGEST_LINE, long_integers=True)
    except StrictJsonError as error:
        raise Damage(
            Fault.DELIMITER, expected="a sample as JSON", came=str(error)[:200], where="the line"
        ) from None
    said = document.get("library") if isinstance(document, dict) else None
    if not isinstance(said, str) or not said.startswith(f"{LIBRARY} "):
        raise Damage(
            Fault.FOREIGN,
            expected=f'an object with "library": "{LIBRARY} ..."',
            came=str(said)[:40],
            where="the line",
        )
    if not isinstance(document.get("sample"), dict):
        raise Damage(Fault.FOREIGN, expected='"sample": {...}', came="none", where="the line")
    found: dict[str, Any] = document
    return found


class Ble(RecordProtocol):
    """See the module."""

    name = "ble"
    title = "Bluetooth, by the decoders of aiobmsble"
    certainty: ClassVar[Certainty] = Certainty.UNPROVEN

    def framer(self) -> Framer:
        """A new framer."""
        return _Lines()

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        del request
        document = _document(frame.payload)
        sample = document["sample"]
        out = [*_battery(sample, None), *_state(sample)]
        packs = sample.get("packs")
        for number, pack in enumerate(packs[:_MOST] if isinstance(packs, list) else [], 1):
            if isinstance(pack, dict):
                out += _battery(pack, f"module/{number}")
        info = document.get("info")
        return out + list(_identity(info if isinstance(info, dict) else {}))


def _battery(sample: Mapping[str, Any], component: str | None) -> Iterator[Reading]:
    """What the whole device and each of its packs may say."""
    for key, quantity, origin, doubts in _NUMBERS:
        value = _number(sample.get(key))
        if value is not None:
            yield Reading(quantity, value, component=component, origin=origin, doubts=doubts)
    cells = _list(sample, "cell_voltages")
    moved = _MOVED if _number(sample.get("cell_count")) not in (None, len(cells)) else ()
    for index, cell in enumerate(cells, 1):
        value = _number(cell)
        if value is not None:
            yield Reading("cell_voltage", value, index, component, doubts=moved)
    yield from _temperatures(sample, component)


def _temperatures(sample: Mapping[str, Any], component: str | None) -> Iterator[Reading]:
    sensors = _list(sample, "temp_values")
    stated = _number(sample.get("temp_sensors"))
    # Sensors of the board come on top of those that are counted; fewer than counted is what moves them.
    moved = _MOVED if stated is not None and len(sensors) < stated else ()
    places: dict[str, int] = {}
    for sensor in sensors:
        kind, value = (
            (sensor.get("type"), _number(sensor.get("value"))) if isinstance(sensor, dict) else ("", None)
        )
        quantity, several, doubts = _SENSORS.get(str(kind), _SENSORS["GENERIC"])
        index = None
        if several:
            index = places[quantity] = places.get(quantity, 0) + 1
        if value is not None:
            yield Reading(quantity, value, index, component, doubts=(*doubts, *(moved if several else ())))


def _state(sample: Mapping[str, Any]) -> Iterator[Reading]:
    for key, quantity in _FLAGS:
        value = sample.get(key)
        # The balancer is a flag of some devices and a mask of cells of others.
        if isinstance(value, bool | int):
            yield Reading(quantity, bool(value))
    code = sample.get("problem_code")
    if isinstance(code, int | Decimal) and code:
        # Each device numbers its conditions by itself; the number stays in the evidence.
        yield Reading("alarm", "general_alarm")


def _identity(info: Mapping[str, Any]) -> Iterator[Reading]:
    said: set[str] = set()
    for key, quantity, doubts in _TEXTS:
        text = info.get(key)
        clean = (
            "".join(char for char in text.strip()[:200] if char.isprintable())
            if isinstance(text, str)
            else ""
        )
        if clean and quantity not in said:
            said.add(quantity)
            yield Reading(quantity, clean, doubts=doubts)


def _list(sample: Mapping[str, Any], key: str) -> list[Any]:
    found = sample.get(key)
    return found[:_MOST] if isinstance(found, list) else []


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    number = Decimal(value)
    if abs(number) > _LARGEST:
        return None
    # The library works with binary fractions: 3.3000000000000003 is 3.3.
    rounded = number.quantize(_FINEST)
    return number if rounded == number else rounded


PROTOCOL: Final[Protocol] = Ble()
