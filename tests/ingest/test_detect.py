"""`cellpass detect`: every protocol tries a recording, and each candidate has its reasons."""

import json
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import ClassVar

import pytest
from click.testing import CliRunner

from ingest.commands import detect as detect_command
from ingest.commands.detect import command
from ingest.detect import Strength, agreement, detect, exchanges, measure
from ingest.frames import sum8
from ingest.protocol import Certainty, Damage, Fault, Field, Frame, Framer, Protocol, Request, discover
from ingest.protocols import eg4, jbd, seplos_v3, sunspec
from ingest.protocols import pylontech_rs485 as pylontech
from ingest.simulators.jbd import JbdDevice
from ingest.simulators.live import LivePack
from ingest.simulators.pack import PackSpec
from ingest.simulators.pylontech_rs485 import PylontechBank
from ingest.simulators.seplos_v3 import SeplosBank
from ingest.simulators.serve import serve_pty, serve_tcp
from ingest.simulators.sunspec import SunSpecBank
from schemas.reading import Reading
from schemas.terms import ReadingAbsence, Unit

CAPTURES = Path(__file__).parent.parent / "captures"
NAMES = tuple(discover())


class _SumFramer(Framer):
    """`A5 LL data SUM`, a frame with an eight-bit sum."""

    starts = b"\xa5"
    summed: ClassVar[bool] = True

    def _length(self, buffer):
        return 3 + buffer[1] if len(buffer) > 1 else None

    def _open(self, raw, position):
        if self.summed and sum8(raw[:-1]) != raw[-1]:
            raise Damage(Fault.CHECKSUM, expected=f"{sum8(raw[:-1]):02x}", came=f"{raw[-1]:02x}", where="end")
        return Frame(raw, position, command=0, payload=raw[2:-1])


class _PlainFramer(_SumFramer):
    summed = False


class _Small(Protocol):
    """A protocol with an eight-bit sum, or none."""

    name, title, certainty = "small", "Small", Certainty.UNPROVEN
    requests: ClassVar[tuple[Request, ...]] = ()
    fields = (
        Field("voltage", 0, jbd.U16, -2, Unit.VOLT),
        Field("cell_voltage", 2, jbd.U16, -3, Unit.VOLT, index=1),
        Field("cell_voltage", 4, jbd.U16, -3, Unit.VOLT, index=2),
    )

    def __init__(self, framer=_SumFramer):
        self._framer = framer

    def framer(self):
        return self._framer()

    def poll(self, address=None):
        return []

    def request(self, name, address=None):
        raise NotImplementedError

    def _readings(self, frame, request):
        return [reading for field in self.fields if (reading := field.read(frame.payload)) is not None]


def small(*, volts: int, cells: tuple[int, int], tail: bytes = b"") -> bytes:
    data = b"".join(value.to_bytes(2, "big") for value in (volts, *cells)) + bytes(8) + tail
    frame = bytes([0xA5, len(data)]) + data
    return frame + bytes([sum8(frame)])


@cache
def named(path: Path) -> list[str]:
    return [one.protocol for one in detect(path.read_bytes()).candidates]


@pytest.mark.parametrize("name", NAMES)
def test_every_protocol_is_found_in_a_recording_of_its_own(name: str) -> None:
    found: dict[str, list[str]] = {}
    for path in sorted((CAPTURES / name).glob("*")):
        if path.suffix in {".json", ".txt", ".log", ".csv"}:
            try:
                found[path.name] = named(path)
            except Exception as error:  # noqa: BLE001 - the name of the file belongs to the message
                found[path.name] = [f"{type(error).__name__}"]
    assert any(name in names for names in found.values()), found


def test_an_eight_bit_sum_needs_two_different_frames() -> None:
    protocol = _Small()
    one, other = small(volts=663, cells=(3312, 3318)), small(volts=664, cells=(3320, 3320))
    assert measure(protocol, one) is Strength.WEAK
    noise = bytes(range(64, 96))
    among = detect(noise + one, [protocol])
    assert among.candidates == ()
    assert among.turned_down[0].reasons[-1].startswith("turned down: one frame with an 8-bit checksum")
    assert detect(one + noise + one, [protocol]).candidates == (), "the same frame twice is one frame"
    # A recording that is one frame from its first byte to its last: start, length and sum are no chance.
    assert [found.protocol for found in detect(one, [protocol]).candidates] == ["small"]
    assert [found.protocol for found in detect(one + other, [protocol]).candidates] == ["small"]


def test_without_a_checksum_values_must_agree() -> None:
    protocol = _Small(_PlainFramer)
    frames = [small(volts=663 + n, cells=(3312 + 5 * n, 3318 + 5 * n)) for n in range(5)]
    assert measure(protocol, frames[0]) is Strength.NONE
    assert detect(b"".join(frames[:3]), [protocol]).candidates == (), "three frames are too few"
    assert detect(b"".join(frames), [protocol]).candidates[0].agree == (
        "2 cells add up to 6.670 V, the pack says 6.67 V",
    )
    wrong = [small(volts=900 + n, cells=(3312, 3318)) for n in range(5)]
    turned = detect(b"".join(wrong), [protocol]).turned_down
    assert turned[0].contradict == ("2 cells add up to 6.630 V, the pack says 9.04 V",)
    assert detect(b"".join(frames) + bytes(64), [protocol]).candidates == (), (
        "foreign bytes are not explained"
    )


def reading(quantity: str, value: str | None, index: int | None = None, doubts=()) -> Reading:
    absent = ReadingAbsence.NOT_READ if value is None else None
    return Reading(quantity, None if value is None else Decimal(value), index, absence=absent, doubts=doubts)


@pytest.mark.parametrize("absent", ["-200", "6553.5", "-40", "3276.7", "-273.1"])
def test_sensors_that_are_not_fitted_count_for_nothing(absent: str) -> None:
    heat = [
        reading("cell_temperature", value, n) for n, value in enumerate(("21.5", absent, "22", absent), 1)
    ]
    assert agreement(heat) == ([], [])
    odd = [reading("cell_temperature", value, n) for n, value in enumerate(("6553.5", "-1203.2", "21"), 1)]
    assert agreement(odd) == ([], ["cell_temperature of 6553.5 degC"]), (
        "two impossible values are no sentinel"
    )
    hot = [reading("cell_temperature", value, n) for n, value in enumerate(("180", "21"), 1)]
    assert agreement(hot) == ([], ["cell_temperature of 180 degC"])


def test_positions_without_a_cell_count_for_nothing() -> None:
    cells = [
        reading("cell_voltage", value, n) for n, value in enumerate(("3.30", "3.32", "65.535", "65.535"), 1)
    ]
    assert agreement([reading("voltage", "6.62"), *cells]) == (
        ["2 cells add up to 6.62 V, the pack says 6.62 V"],
        [],
    )


@pytest.mark.parametrize(
    "more",
    [
        pytest.param([reading("cell_count", "4")], id="counted"),
        pytest.param([reading("cell_voltage", None, 3)], id="absent"),
        pytest.param([reading("cell_voltage", "3.3", 3, ("place_unproven",))], id="doubted"),
    ],
)
def test_a_sum_without_all_of_its_cells_contradicts_nothing(more) -> None:
    said = [reading("voltage", "13.2"), reading("cell_voltage", "3.3", 1), reading("cell_voltage", "3.3", 2)]
    assert agreement([*said, *more]) == ([], [])
    assert agreement(said) == ([], ["2 cells add up to 6.6 V, the pack says 13.2 V"])


def test_a_text_without_a_checksum_is_known_by_its_names() -> None:
    path = CAPTURES / "pylontech-console" / "counters.json"
    (found,) = detect(path.read_bytes()).candidates
    assert (found.protocol, found.strength) == ("pylontech-console", Strength.NAMES)
    # Numbers alone have no names: four of such lines that agree are needed, as before.
    lines = CAPTURES / "lithionics" / "values-and-totals.json"
    (turned,) = detect(lines.read_bytes()).turned_down
    assert turned.strength is Strength.NONE


def test_a_recorded_message_is_known_by_its_keys(shared) -> None:
    (found,) = detect(shared("captures/aiobmsble/felicity-json.capture.json").read_bytes()).candidates
    assert (found.protocol, found.strength) == ("felicity", Strength.NAMES)


# Recordings that name nothing, and why; the page docs/gateway.md says it for people.
NAMES_NOTHING = {
    "bdf/not-bdf": "is none",
    "can-pylontech/short-frames": "cut off",
    "can-pylontech/two-buses": "one identifier on each bus",
    "can-pylontech-hv/short-frames": "cut off",
    "cia418/wrong-lengths": "cut off",
    "emus-can/flags-and-validity": "every value said to be invalid",
    "j1939-hvess/broken-messages": "cut off",
    "jbd/unasked": "one frame that nobody asked for",
    "jk/damaged": "one frame of eight bits among damaged ones",
    "libat-can/two-devices-under-one-base": "two identifiers",
    "lithionics/values-and-totals": "two lines of numbers alone",
    "nmea2000/broken-packets": "cut off",
    "pylontech-console/damaged": "half of it damaged",
    "tdt/damaged": "damaged",
    "uds/damaged": "damaged",
}


def test_the_own_captures_that_name_nothing_are_these() -> None:
    found = set()
    for path in sorted(CAPTURES.glob("*/*.json")):
        if not named(path):
            found.add(f"{path.parent.name}/{path.stem}")
    assert found == set(NAMES_NOTHING)


def test_a_long_checksum_is_told_from_a_short_one() -> None:
    device = JbdDevice(LivePack(PackSpec("NMC", 10, 14.0, seed=7)))
    answer = device.hear(jbd.PROTOCOL.request("basic"))
    assert measure(jbd.PROTOCOL, answer) is Strength.STRONG
    bank = PylontechBank([LivePack(PackSpec("LFP", 15, 50.0, seed=1))])
    assert measure(pylontech.PROTOCOL, bank.hear(pylontech.PROTOCOL.poll()[0])) is Strength.STRONG


def test_noise_has_no_candidate() -> None:
    found = detect(bytes(range(256)) * 40)
    assert found.candidates == ()


def test_two_that_fit_are_both_named_with_what_settles_it() -> None:
    class Coarse(_Small):
        name = "small-coarse"
        fields = (Field("voltage", 0, jbd.U16, -1, Unit.VOLT),)

    class More(_Small):
        name = "small-more"
        fields = (*_Small.fields, Field("cycle_count", 12, jbd.U16, 0, Unit.ONE))

    recording = small(volts=663, cells=(3312, 3318)) + small(volts=664, cells=(3320, 3320))
    found = detect(recording, [Coarse(), _Small()])
    assert {one.protocol for one in found.candidates} == {"small", "small-coarse"}
    assert found.candidates[0].protocol == "small", "values that agree count"
    assert found.settle == (
        (
            "small or small-coarse: they differ in 1 of 1 values, as voltage, which is 6.64 by small and "
            "66.4 by small-coarse; a meter or the display tells which"
        ),
    )
    (same,) = detect(recording, [More(), _Small()]).settle
    assert "the 3 values both read are the same; small-more also reads cycle_count" in same


@pytest.mark.parametrize(
    ("values", "fits"),
    [
        pytest.param({("state_of_charge", None): "140"}, False, id="a share above 100"),
        pytest.param({("cell_voltage_min", 1): "3.4", ("cell_voltage_max", 2): "3.3"}, False, id="order"),
        pytest.param(
            {("cell_voltage_min", 1): "3.300", ("cell_voltage_max", 2): "3.310", ("voltage", None): "52.9"},
            True,
            id="whole cells",
        ),
        pytest.param(
            {("cell_voltage_min", 1): "3.300", ("cell_voltage_max", 2): "3.310", ("voltage", None): "5.0"},
            False,
            id="one and a half cells",
        ),
        pytest.param(
            {
                ("remaining_charge", None): "20",
                ("full_charge_capacity", None): "50",
                ("state_of_charge", None): "90",
            },
            False,
            id="charge against share",
        ),
    ],
)
def test_values_agree_or_contradict(values: dict[tuple[str, int | None], str], *, fits: bool) -> None:
    readings = [Reading(quantity, Decimal(value), index=index) for (quantity, index), value in values.items()]
    agree, contradict = agreement(readings)
    assert bool(contradict) is not fits
    assert bool(agree) or not fits


# The command


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(command, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def test_a_recording_gets_its_candidate_reasons_and_the_next_command(tmp_path: Path) -> None:
    device = JbdDevice(LivePack(PackSpec("NMC", 10, 14.0, seed=7)))
    asked = jbd.PROTOCOL.poll()
    path = tmp_path / "log.json"
    path.write_bytes(exchanges([(request, device.hear(request)) for request in asked]))
    code, out, _ = run(str(path))
    assert code == 0
    assert out.startswith("1. jbd (JBD / Xiaoxiang / LLT")
    assert "2 sound frames with readings" in out
    assert "proof: a checksum of more than 8 bits" in out
    assert "10 cells add up to" in out
    assert f"next: cellpass ingest {path} --protocol jbd --bind BATTERY" in out
    code, out, _ = run(str(path), "--json")
    wire = json.loads(out)
    assert (code, wire["candidates"][0]["protocol"]) == (0, "jbd")
    assert wire["candidates"][0]["explained"] == "1.000"


def test_the_next_command_names_every_part_of_a_bank_in_order(tmp_path: Path) -> None:
    bank = PylontechBank([LivePack(PackSpec("LFP", 15, 50.0, seed=n)) for n in range(11)])
    path = tmp_path / "bank.json"
    path.write_bytes(exchanges([(asked, bank.hear(asked)) for asked in pylontech.PROTOCOL.poll()]))
    code, out, _ = run(str(path))
    assert code == 0
    binds = " ".join(f"--bind module/{n}=BATTERY{n}" for n in range(1, 12))
    assert f"next: cellpass ingest {path} --protocol pylontech-rs485 {binds}\n" in out
    wire = json.loads(run(str(path), "--json")[1])
    assert wire["candidates"][0]["parts"] == [f"module/{n}" for n in range(1, 12)]
    assert wire["candidates"][0]["next"].endswith(binds)


def test_the_next_command_has_the_rate_at_which_the_line_was_heard(monkeypatch) -> None:
    monkeypatch.setattr(detect_command, "_ANSWER_S", 0.15)
    monkeypatch.setattr(detect_command, "_PAUSE_S", 0.0)
    monkeypatch.setattr(detect_command, "_protocols", lambda: [jbd.PROTOCOL])
    with serve_pty(JbdDevice(LivePack(PackSpec("NMC", 10, 14.0, seed=7)))) as address:
        plain = address.partition("?")[0]
        code, out, err = run(plain, "--listen", "0.1")
    assert code == 0, err
    assert f"cellpass ingest '{plain}?baud={jbd.PROTOCOL.baud_rates[0]}' --protocol jbd" in out


def test_no_candidate_ends_with_one_and_no_file_with_two(tmp_path: Path) -> None:
    path = tmp_path / "noise.bin"
    path.write_bytes(bytes(range(1, 200)))
    code, out, _ = run(str(path))
    assert (code, out) == (1, f"{path}: no protocol fits.\n")
    code, _, err = run(str(tmp_path / "missing.bin"))
    assert code == 2
    assert "missing.bin" in err
    assert "can:, modbus:, http:, https:, ble:, mqtt:, mqtts:" in err
    assert run("serial:/dev/ttyUSB0?baud=abc")[0] == 2


def test_too_few_identifiers_are_told_to_record_more() -> None:
    found = detect((CAPTURES / "can-pylontech" / "two-buses.json").read_bytes())
    assert any("record more" in one.reasons[-1] for one in found.turned_down)


@pytest.mark.parametrize("serve", [serve_tcp, serve_pty])
def test_a_line_is_asked_with_reads_only(serve, monkeypatch) -> None:
    monkeypatch.setattr(detect_command, "_ANSWER_S", 0.15)
    monkeypatch.setattr(detect_command, "_PAUSE_S", 0.0)
    monkeypatch.setattr(detect_command, "_protocols", lambda: [pylontech.PROTOCOL, jbd.PROTOCOL])
    device = JbdDevice(LivePack(PackSpec("NMC", 10, 14.0, seed=7)))
    asked: list[bytes] = []
    hear = device.hear
    device.hear = lambda data: (asked.append(data), hear(data))[1]
    with serve(device) as address:
        code, out, err = run(address, "--listen", "0.1")
    assert code == 0, err
    assert out.startswith("1. jbd")
    allowed = {*pylontech.PROTOCOL.poll(), *jbd.PROTOCOL.poll()}
    assert set(asked) <= allowed


@pytest.mark.parametrize(
    ("device", "protocol"),
    [
        (SeplosBank([LivePack(PackSpec("LFP", 16, 280.0, seed=1))]), seplos_v3.PROTOCOL),
        (SunSpecBank([LivePack(PackSpec("LFP", 16, 100.0, seed=1))]), sunspec.PROTOCOL),
    ],
    ids=["seplos-v3", "sunspec"],
)
def test_a_device_that_refuses_the_reads_of_others_is_asked_on(device, protocol, monkeypatch) -> None:
    """Both answer the read of EG4 with an exception, and SunSpec tells only later where its models lie."""
    monkeypatch.setattr(detect_command, "_ANSWER_S", 0.15)
    monkeypatch.setattr(detect_command, "_PAUSE_S", 0.0)
    monkeypatch.setattr(detect_command, "_protocols", lambda: [eg4.PROTOCOL, protocol])
    device.advance(60)
    assert device.hear(eg4.PROTOCOL.poll()[0]).hex() == "018302c0f1"
    with serve_tcp(device) as address:
        code, out, err = run(address, "--listen", "0")
    assert code == 0, err
    assert out.startswith(f"1. {protocol.name} (")
    assert "eg4" not in out


def test_a_turned_down_answer_does_not_end_the_asking(monkeypatch) -> None:
    """An answer that is a candidate by itself, and none beside what was heard before, is not enough."""
    monkeypatch.setattr(detect_command, "_PAUSE_S", 0.0)
    chance, asked = _Chance(), jbd.PROTOCOL.poll()
    monkeypatch.setattr("ingest.detect.discover", lambda: {"small": chance, "jbd": jbd.PROTOCOL})
    device = JbdDevice(LivePack(PackSpec("NMC", 10, 14.0, seed=7)))
    line = _Answers(
        {_Chance.asks: small(volts=600, cells=(3000, 3000))} | {one: device.hear(one) for one in asked}
    )
    noise = [(b"\x01", bytes(40))]
    heard = list(detect_command._ask_all(line, [chance, jbd.PROTOCOL], noise))
    assert [one for one, _ in heard] == [_Chance.asks, *asked]


class _Chance(_Small):
    """Asks, and is answered with a frame of its own form."""

    asks = b"\xa5\x00\xa5"

    def poll(self, address=None):
        return [self.asks]

    def permit(self, data):
        assert data == self.asks

    def _parse_request(self, data):
        return Frame(data, 0, command=0, payload=b"", is_request=True)


class _Answers:
    """A line on which each request has one answer."""

    def __init__(self, answers) -> None:
        self._answers, self._waiting = answers, b""

    def discard(self) -> None:
        self._waiting = b""

    def send(self, data: bytes) -> None:
        self._waiting = self._answers[data]

    def receive(self, timeout_s: float) -> bytes:
        came, self._waiting = self._waiting, b""
        return came


def test_an_exception_of_modbus_names_nobody() -> None:
    refused = bytes.fromhex("018302c0f1")
    found = detect(exchanges([(eg4.PROTOCOL.poll()[0], refused)]), [eg4.PROTOCOL])
    assert (found.candidates, found.turned_down) == ((), ())
    # Five bytes, the last two of them a CRC of 16 bits.
    assert measure(eg4.PROTOCOL, refused) is Strength.STRONG


def test_what_was_recorded_without_its_frame_has_no_proof() -> None:
    """The data of a Seplos answer to the read of its coils, without unit, function and CRC."""
    log = {"frames": [{"dir": "rx", "hex": "10000000000000430000", "note": "payload only"}]}
    found = detect(json.dumps(log).encode(), [seplos_v3.PROTOCOL])
    assert found.candidates == ()
    (down,) = found.turned_down
    assert down.strength is Strength.NONE
    assert down.doubts["no_checksum"] > 0


def test_a_silent_line_is_told_what_to_check(monkeypatch) -> None:
    monkeypatch.setattr(detect_command, "_ANSWER_S", 0.05)
    monkeypatch.setattr(detect_command, "_protocols", lambda: [pylontech.PROTOCOL])
    device = JbdDevice(LivePack(PackSpec("NMC", 10, 14.0, seed=7)))
    with serve_tcp(device) as address:
        code, _, err = run(address, "--listen", "0")
    assert code == 3
    assert "nothing came, asked or unasked" in err


@pytest.mark.parametrize("source", ["can:virtual:x", "modbus:127.0.0.1:1", "http://127.0.0.1:1/"])
def test_a_line_that_cannot_be_asked_is_refused_and_never_opened(source: str) -> None:
    result = CliRunner().invoke(command, [source])
    assert result.exit_code == 3
    assert "asks on serial: and tcp: alone" in result.output
