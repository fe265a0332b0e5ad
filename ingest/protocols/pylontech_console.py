"""The text console of Pylontech batteries and their relatives, on RS232.

    pwr 1 CR LF  @  lines of text  Command completed successfully  $$  pylon>

A host sends a command; the console repeats it, says `@`, a table or lines `key : value`, whether the command
was carried out, and `$$`. The prompt behind that says nothing and is not waited for. There is no checksum:
an answer is believed when its echo, `@`, closing sentence and `$$` are there, when each row has as many
fields as the header, and when every number that is read is a number in the unit that belongs to it. A digit
that was changed or added is not noticed, which is what plausibility rules are for.

Firmware differs in columns and keys, so both are found by their names; what is not known is skipped. The same
console shuts down, restarts, logs in and configures: nothing but the five reads below is ever sent.

Source: docs/protocols/pylontech-console.md. Rows of the tables hold in `offset` the place of their name in
the tuple of names beside them.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar, Final

from ingest.protocol import (
    Certainty,
    Damage,
    Decoder,
    Fault,
    Field,
    Frame,
    Framer,
    Integer,
    Poller,
    Protocol,
    Refused,
    Request,
    text_reading,
)
from schemas.reading import Reading
from schemas.terms import Origin, ReadingAbsence, Unit

# Twice what a table of sixteen modules or of the longest known string takes.
LONGEST: Final = 16_384
MOST_MODULES: Final = 16
# Of a command with its argument.
_LONGEST_LINE: Final = 64


def command(name: str) -> int:
    """The number that stands for a command: its letters."""
    return int.from_bytes(name.encode("ascii"), "big")


PWR, PWRSYS, BAT, STAT, INFO = (command(name) for name in ("pwr", "pwrsys", "bat", "stat", "info"))

REQUESTS: Final = (
    Request("pwr", PWR, "table of all modules, or details of one"),
    Request("pwrsys", PWRSYS, "the stack as a whole"),
    Request("bat", BAT, "every cell of a module"),
    Request("stat", STAT, "counters of a module"),
    Request("info", INFO, "who a module is"),
)
# Further commands that are known to exist; their answers are whole, and nothing of them is read.
OTHERS: Final = frozenset(
    (
        *("ci", "config", "data", "getpwr", "help", "log", "login", "logout", "shut", "soh", "sysinfo"),
        *("time", "trst", "unit", "ver"),
    )
)
_NAMES: Final = frozenset(row.name for row in REQUESTS) | OTHERS

_I32: Final = Integer(4, signed=True)


def _milli(quantity: str, place: int, unit: Unit, *, index: int | None = None) -> Field:
    return Field(quantity, place, _I32, -3, unit, index=index)


# `pwr`: one row for each module. BOARD and SWITCHES are positions of `board_temperature`.
BOARD, SWITCHES = 1, 2
MODULE_NAMES: Final = ("volt", "curr", "tempr", "tlow", "thigh", "vlow", "vhigh", "coulomb", "mostempr")
MODULE: Final = (
    _milli("voltage", 0, Unit.VOLT),
    _milli("current", 1, Unit.AMPERE),
    _milli("board_temperature", 2, Unit.CELSIUS, index=BOARD),
    _milli("cell_temperature_min", 3, Unit.CELSIUS),
    _milli("cell_temperature_max", 4, Unit.CELSIUS),
    _milli("cell_voltage_min", 5, Unit.VOLT),
    _milli("cell_voltage_max", 6, Unit.VOLT),
    Field("state_of_charge", 7, _I32, 0, Unit.PERCENT),
    _milli("board_temperature", 8, Unit.CELSIUS, index=SWITCHES),
)
# `pwr N`: the same in lines.
DETAIL_NAMES: Final = ("voltage", "current", "temperature", "coulomb", "total coulomb")
DETAIL: Final = (
    _milli("voltage", 0, Unit.VOLT),
    _milli("current", 1, Unit.AMPERE),
    _milli("board_temperature", 2, Unit.CELSIUS, index=BOARD),
    Field("state_of_charge", 3, _I32, 0, Unit.PERCENT),
    # The rated capacity: it stays when health falls.
    Field("nameplate_capacity", 4, _I32, -3, Unit.AMPERE_HOUR, origin=Origin.CONFIGURED),
)
# `bat`: one row for each cell.
CELL_NAMES: Final = ("volt", "tempr")
CELL: Final = (_milli("cell_voltage", 0, Unit.VOLT), _milli("cell_temperature", 1, Unit.CELSIUS))
STACK_NAMES: Final = (
    *("system volt", "system curr", "system rc", "system fcc", "system soc", "system soh"),
    *("highest voltage", "average voltage", "lowest voltage"),
    *("highest temperature", "average temperature", "lowest temperature"),
    *("system recommend chg voltage", "system recommend dsg voltage"),
    *("system recommend chg current", "system recommend dsg current"),
    *("total num", "present num"),
)
STACK: Final = (
    _milli("voltage", 0, Unit.VOLT),
    _milli("current", 1, Unit.AMPERE),
    _milli("remaining_charge", 2, Unit.AMPERE_HOUR),
    _milli("full_charge_capacity", 3, Unit.AMPERE_HOUR),
    Field("state_of_charge", 4, _I32, 0, Unit.PERCENT),
    Field("bms_reported_health", 5, _I32, 0, Unit.PERCENT),
    _milli("cell_voltage_max", 6, Unit.VOLT),
    _milli("cell_voltage_mean", 7, Unit.VOLT),
    _milli("cell_voltage_min", 8, Unit.VOLT),
    _milli("cell_temperature_max", 9, Unit.CELSIUS),
    _milli("cell_temperature_mean", 10, Unit.CELSIUS),
    _milli("cell_temperature_min", 11, Unit.CELSIUS),
    _milli("charge_voltage_limit", 12, Unit.VOLT),
    _milli("discharge_voltage_limit", 13, Unit.VOLT),
    _milli("charge_current_limit", 14, Unit.AMPERE),
    _milli("discharge_current_limit", 15, Unit.AMPERE),
    Field("module_count", 16, _I32, 0, Unit.ONE),
    Field("modules_online", 17, _I32, 0, Unit.ONE),
)
WHO_NAMES: Final = ("cell number", "max charge curr", "max dischg curr")
WHO: Final = (
    Field("cell_count", 0, _I32, 0, Unit.ONE),
    _milli("charge_current_limit", 1, Unit.AMPERE),
    _milli("discharge_current_limit", 2, Unit.AMPERE),
)
WHO_TEXTS: Final = {
    "manufacturer": "manufacturer",
    "device name": "model",
    "board version": "hardware_version",
    "main soft version": "firmware_version",
    "barcode": "serial_number",
}
# What `48V/50AH` says.
SPECIFICATION: Final = (
    Field("nominal_voltage", 0, _I32, -1, Unit.VOLT, origin=Origin.CONFIGURED),
    Field("nameplate_capacity", 1, _I32, -1, Unit.AMPERE_HOUR, origin=Origin.CONFIGURED),
)
# `stat`: what is counted, by key.
COUNTED: Final = {
    "coc times": "charge_over_current",
    "coc2 times": "charge_over_current_2",
    "coca times": "charge_over_current_warning",
    "doc times": "discharge_over_current",
    "doc2 times": "discharge_over_current_2",
    "doca times": "discharge_over_current_warning",
    "sc times": "short_circuit",
    "bat ov times": "cell_over_voltage",
    "bat hv times": "cell_over_voltage_warning",
    "bat lv times": "cell_under_voltage_warning",
    "bat uv times": "cell_under_voltage",
    "bat slp times": "cell_voltage_sleep",
    "pwr ov times": "pack_over_voltage",
    "pwr hv times": "pack_over_voltage_warning",
    "pwr lv times": "pack_under_voltage_warning",
    "pwr uv times": "pack_under_voltage",
    "pwr slp times": "pack_voltage_sleep",
    "cot times": "charge_over_temperature",
    "cut times": "charge_under_temperature",
    "dot times": "discharge_over_temperature",
    "dut times": "discharge_under_temperature",
    "cht times": "charge_over_temperature_warning",
    "clt times": "charge_under_temperature_warning",
    "dht times": "discharge_over_temperature_warning",
    "dlt times": "discharge_under_temperature_warning",
    "shut times": "shutdown",
    "reset times": "reset",
    "input ov times": "input_over_voltage",
    "bmicerr times": "front_end_error",
    "lifewarn times": "life_warning",
    "lifealarm times": "life_alarm",
}
COUNTER_NAMES: Final = ("cycle times", "soh", "soh percent", "pwr percent", "dsg cap", *COUNTED)
COUNTERS: Final = (
    Field("cycle_count", 0, _I32, 0, Unit.ONE),
    Field("bms_reported_health", 1, _I32, 0, Unit.PERCENT),
    Field("bms_reported_health", 2, _I32, 0, Unit.PERCENT),
    Field("state_of_charge", 3, _I32, 0, Unit.PERCENT),
    # Divided by the rated capacity it is the number of cycles, so it is of the whole life.
    _milli("charge_out", 4, Unit.AMPERE_HOUR),
    *(
        Field("event_count", place, _I32, 0, Unit.ONE, kind=kind)
        for place, kind in enumerate(COUNTED.values(), 5)
    ),
)
_CHARGE_LEFT: Final = "pwr coulomb"
_MAS_IN_AH: Final = Decimal(3_600_000)
_FINEST_AH: Final = Decimal("0.001")

# Words of a state. The protecting ones end charge or discharge, the others warn.
_WORDS: Final = {
    **dict.fromkeys(("high", "hv", "ht"), ("warning", 0)),
    **dict.fromkeys(("low", "lv", "lt"), ("warning", 1)),
    **dict.fromkeys(("over", "ov", "ot"), ("protection", 0)),
    **dict.fromkeys(("under", "uv", "ut"), ("protection", 1)),
}
# What a state above, below, or of an unknown word is called; by column or key.
_CELL_V: Final = ("cell_over_voltage", "cell_under_voltage", "cell_voltage_fault")
_PACK_V: Final = ("pack_over_voltage", "pack_under_voltage", "pack_voltage_fault")
_WARMTH: Final = ("over_temperature", "under_temperature", "temperature_fault")
_CHARGING: Final = ("charge_over_temperature", "charge_under_temperature", "temperature_fault")
_DISCHARGING: Final = ("discharge_over_temperature", "discharge_under_temperature", "temperature_fault")
_SWITCHES: Final = ("mosfet_over_temperature", "under_temperature", "temperature_fault")
MODULE_STATES: Final = {
    "volt.st": _PACK_V,
    "temp.st": _WARMTH,
    "b.v.st": _CELL_V,
    "b.t.st": _WARMTH,
    "m.t.st": _SWITCHES,
    "volt status": _PACK_V,
    "tmpr. status": _WARMTH,
}
CELL_STATES: Final = {
    "volt. state": _CELL_V,
    "temp. state": _WARMTH,
    "ctemp. state": _CHARGING,
    "dtemp. state": _DISCHARGING,
}
_CURRENT_STATES: Final = ("curr.st", "current status", "curr. state")
_CURRENT_WORDS: Final = {
    "coc": ("protection", "charge_over_current"),
    "coc2": ("protection", "charge_over_current"),
    "coca": ("warning", "charge_over_current"),
    "doc": ("protection", "discharge_over_current"),
    "doc2": ("protection", "discharge_over_current"),
    "doca": ("warning", "discharge_over_current"),
    "sc": ("protection", "short_circuit"),
}
_FINE: Final = frozenset(("normal", "-"))
# Names behind the bits of `Bat Events` and `Power Events`.
EVENTS: Final = {
    **_CURRENT_WORDS,
    "bov": ("protection", "cell_over_voltage"),
    "bhv": ("warning", "cell_over_voltage"),
    "blv": ("warning", "cell_under_voltage"),
    "buv": ("protection", "cell_under_voltage"),
    "pov": ("protection", "pack_over_voltage"),
    "phv": ("warning", "pack_over_voltage"),
    "plv": ("warning", "pack_under_voltage"),
    "puv": ("protection", "pack_under_voltage"),
    "cbot": ("protection", "charge_over_temperature"),
    "cbht": ("warning", "charge_over_temperature"),
    "cblt": ("warning", "charge_under_temperature"),
    "cbut": ("protection", "charge_under_temperature"),
    "dbot": ("protection", "discharge_over_temperature"),
    "dbht": ("warning", "discharge_over_temperature"),
    "dblt": ("warning", "discharge_under_temperature"),
    "dbut": ("protection", "discharge_under_temperature"),
    "pot": ("protection", "board_over_temperature"),
    "pht": ("warning", "board_over_temperature"),
    "lcoul": ("warning", "low_charge"),
}
_NO_HARM: Final = "coulfull"
_EVENT_KEYS: Final = ("bat events", "power events", "system fault", "system alarm")
_FLAGS: Final = {"cfetstate": "charging_enabled", "dfetstate": "discharging_enabled"}
_BASE_STATES: Final = {"charge": True, "dischg": False, "idle": False}
_ABSENT: Final = "Absent"

ALSO: Final = (
    *("alarm", "warning", "protection", "charging", "charging_enabled", "discharging_enabled"),
    *("balancing_active", "remaining_charge", "manufacturer", "model", "hardware_version"),
    *("firmware_version", "serial_number"),
)

_UNITS: Final = {
    Unit.VOLT: "mV",
    Unit.AMPERE: "mA",
    Unit.CELSIUS: "mC",
    Unit.AMPERE_HOUR: "mAH",
    Unit.PERCENT: "%",
    Unit.ONE: "",
}

# Finding: a command with its line end, an answer's end, the head of the next one, prompts.
_LINE: Final = re.compile(rb"([a-z]{2,12})(?: +([^\r\n>@$]{1,40}?))?[ \t]*[\r\n]")
_BEGUN: Final = re.compile(rb"[a-z]{1,12}(?: [^\r\n>@$]*)?")
_BETWEEN: Final = re.compile(rb"[\r\n \t]*")
_NEXT: Final = re.compile(rb"[a-z]{2,12}(?: [^\r\n>@$]{1,40})?[ \t]*[\r\n][\r\n \t]*@")
_PROMPT: Final = re.compile(rb"\s*[A-Za-z][\w.-]{0,30}>")
_UP_TO_PROMPT: Final = re.compile(rb"[^>]*>|[^>]+")
_DONE: Final = re.compile(rb"[\r\n][ \t]*Command completed successfully[ \t]*[\r\n]+[ \t]*\Z")
_FAILED: Final = re.compile(rb"(?:\A|[\r\n])[ \t]*(Unknown|Invalid) command")
_TEXT: Final = re.compile(rb"[\t\r\n -~]*")
_SECRET: Final = re.compile(rb"(\blogin[ \t]+)([^\r\n]+)")
_NUMBERED: Final = re.compile(rb"[0-9]{1,2}")
_AT: Final = 0x40
_UNKNOWN, _INVALID = 1, 2

# Reading.
_LINES: Final = re.compile(r"[\r\n]+")
_COLUMN: Final = re.compile(r"[\w.]+ State\b|\S+")
_TIME: Final = r"\d{2,4}-\d\d-\d\d +\d\d:\d\d:\d\d"
_CELL_TEXT: Final = re.compile(rf"{_TIME}|\d+ +mAH\b|\S+")
# Some write share and charge under one heading.
_CELL_TEXT_JOINED: Final = re.compile(rf"{_TIME}|\d+% +\d+ +mAH\b|\d+ +mAH\b|\S+")
_KEY: Final = re.compile(r"([A-Za-z][^:]*?)\s*(?:\([^)]*\))?\s*:\s*(.*)")
_OWN_NUMBER: Final = re.compile(r"(?:Device address\s*:?|Power)\s+(\d+)")
_NUMBER: Final = re.compile(r"(-?\d+)\s*([A-Za-z%]*)")
_EVENT: Final = re.compile(r"0x([0-9A-Fa-f]+)\s*(.*)")
_RATED: Final = re.compile(r"(\d+(?:\.\d)?)V/(\d+(?:\.\d)?)AH", re.IGNORECASE)
_ROW: Final = re.compile(r"\d+\s")
_REMARK: Final = re.compile(r"[A-Za-z][\w. ]*:")


# Writing


def encode_request(name: str, module: int | None = None) -> bytes:
    """The bytes of one command."""
    return f"{name}\n".encode() if module is None else f"{name} {module}\n".encode()


def encode_answer(asked: bytes, lines: Sequence[str], *, done: bool = True, prompt: str = "pylon") -> bytes:
    """What the console sends for a command, its echo first; for simulators and fixtures."""
    closing = ["Command completed successfully"] if done else [""]
    body = "".join(f"{line}\r\r\n" for line in ["@", *lines, *closing])
    return asked + b"\r" + body.encode("ascii") + f"$$\r\n\r{prompt}>".encode()


# Finding


_ELSEWHERE: Final = "elsewhere"


def _elsewhere() -> Damage:
    """No command begins here: the letter belongs to a prompt, or to what somebody wrote."""
    return Damage(Fault.NOISE, expected="a command", came="other text", where=_ELSEWHERE, judged_bytes=1)


class ConsoleFramer(Framer):
    """Commands alone, and answers from their echo to `$$`."""

    starts = bytes(range(ord("a"), ord("z") + 1)) + b"@"
    start_words = "a command"
    quiet = b"\r\n"

    def _attempt(self, view: bytes, position: int, *, final: bool) -> Frame | None:
        head = _LINE.match(view)
        if head is None and view[0] != _AT:
            if not final and len(view) <= _LONGEST_LINE and _BEGUN.fullmatch(view):
                return None
            raise _elsewhere()
        if head is not None:
            if head[1].decode() not in _NAMES and head[2] and not _NUMBERED.fullmatch(head[2]):
                raise _elsewhere()  # a sentence; a command may stand at its end
            between = _BETWEEN.match(view, head.end())
            after = between.end() if between else head.end()
            if after == len(view) and not final:
                # Line ends and blanks only, as far as it goes.
                return None if after < LONGEST else self._asked(view, position, head)
            if view[after : after + 1] != b"@":
                return self._asked(view, position, head)
        length = self._length(view)
        if length is not None:
            return self._open(view[:length], position)
        if not final:
            return None
        raise Damage(
            Fault.TRUNCATED,
            expected="an answer up to its $$",
            came=f"{len(view)} bytes",
            where="the end of the stream",
            judged_bytes=len(view),
        )

    def _length(self, buffer: bytes) -> int | None:
        begun = buffer.find(b"@") + 1
        end = buffer.find(b"$$", begun, LONGEST)
        limit = end if end >= 0 else LONGEST
        # The echo of another command is looked for only where its @ is: most answers have one.
        other = _NEXT.search(buffer, begun, limit) if buffer.find(b"@", begun, limit) >= 0 else None
        if other is not None:
            raise Damage(
                Fault.LENGTH,
                expected="$$ before the next command",
                came="none",
                where=f"byte {other.start()} of the answer",
                judged_bytes=other.start(),
            )
        if end >= 0:
            return end + 2
        if len(buffer) < LONGEST:
            return None
        raise Damage(
            Fault.LENGTH,
            expected=f"$$ within {LONGEST} bytes",
            came="none",
            where="the answer",
            judged_bytes=LONGEST,
        )

    def _asked(self, view: bytes, position: int, head: re.Match[bytes]) -> Frame:
        """A command that no answer follows."""
        name, argument = head.groups()
        if name.decode() not in _NAMES:
            raise _elsewhere()
        raw = view[: head.end()]
        return Frame(raw, position, command(name.decode()), b"", is_request=True, address=_module(argument))

    def _open(self, raw: bytes, position: int) -> Frame:
        head = _LINE.match(raw)
        if head is None:
            raise Damage(
                Fault.DELIMITER, expected="the echo of a command before @", came="none", where="the head"
            )
        name, argument = head[1].decode(), head[2]
        if name not in _NAMES or (name not in OTHERS and argument and not _NUMBERED.fullmatch(argument)):
            came = ascii(head[0].rstrip().decode("latin-1"))
            raise Damage(Fault.FOREIGN, expected="a known command", came=came, where="the echo")
        body = raw[raw.index(b"@") + 1 : -2]
        if not _TEXT.fullmatch(body):
            raise Damage(
                Fault.FOREIGN, expected="lines of ASCII text", came="other bytes", where="the answer"
            )
        done, failed = _DONE.search(body), _FAILED.search(body)
        if done is None and failed is None:
            raise Damage(
                Fault.DELIMITER,
                expected="Command completed successfully, or why not",
                came=ascii(body.rstrip()[-32:].decode("latin-1")),
                where="the line before $$",
            )
        status = 0 if done else _UNKNOWN if failed and failed[1] == b"Unknown" else _INVALID
        payload = body[: done.start()] if done else body
        return Frame(raw, position, command(name), payload.strip(), address=_module(argument), status=status)

    def _refuse(self, damage: Damage, view: bytes, position: int, out: list[Frame | Refused]) -> None:
        if damage.where != _ELSEWHERE:
            super()._refuse(damage, view, position, out)
        elif not self._in_damage:
            self._hear(view[:1], position)

    def _hear(self, skipped: bytes, position: int) -> None:
        # Any number of prompts may stand between two answers; they are forgotten one by one.
        for piece in _UP_TO_PROMPT.findall(skipped):
            super()._hear(piece, position)
            position += len(piece)
            whole = self._noise_seen == len(self._noise)
            if whole and piece.endswith(b">") and _PROMPT.fullmatch(self._noise):
                self._noise.clear()
                self._noise_length = self._noise_seen = 0


def _module(argument: bytes | None) -> int | None:
    return int(argument) if argument and _NUMBERED.fullmatch(argument) else None


# Reading


class PylontechConsole(Protocol):
    """See the module."""

    name: ClassVar[str] = "pylontech-console"
    title: ClassVar[str] = "Pylontech console (RS232)"
    certainty: ClassVar[Certainty] = Certainty.UNPROVEN
    requests: ClassVar[tuple[Request, ...]] = REQUESTS
    is_text: ClassVar[bool] = True
    baud_rates: ClassVar[tuple[int, ...]] = (115_200,)

    def framer(self) -> Framer:
        """A new framer."""
        return ConsoleFramer()

    def request(self, name: str, address: int | None = None) -> bytes:
        """The bytes of one read; `address` is the number of a module, which `pwrsys` has none of."""
        row = self._row(name)
        return encode_request(row.name, None if row.command == PWRSYS else address)

    def poll(self, address: int | None = None) -> list[bytes]:
        """Modules, stack, cells and counters; without a number those of the module on the line."""
        if address is None:
            return [self.request(name) for name in ("pwr", "pwrsys", "bat", "stat")]
        return [self.request(name, address) for name in ("pwr", "bat", "stat")]

    def identify(self, address: int | None = None) -> list[bytes]:
        """Who the module is."""
        return [self.request("info", address)]

    def poller(self, address: int | None, decoder: Decoder) -> Poller:
        """Without a number, asks each module that the table shows."""
        if address is None and isinstance(decoder, Session):
            return _EachModule(self, decoder)
        return super().poller(address, decoder)

    def answers(self, frame: Frame, request: Frame) -> bool:
        """An answer begins with what was asked, so each one is understood by itself."""
        del frame, request
        return True

    def is_last(self, frame: Frame, request: Frame) -> bool:
        """What an impatient host asked before may still be answered first."""
        return frame.command == request.command and frame.address == request.address

    def decoder(self) -> "Session":
        """What remembers which modules are there."""
        return Session(self)

    def redact(self, raw: bytes) -> bytes:
        """The argument of a log-in blanked, sign by sign."""
        return _SECRET.sub(lambda found: found[1] + b"*" * len(found[2]), raw)

    def _readings(self, frame: Frame, request: Frame | None) -> list[Reading]:
        del request
        read = _READS.get(frame.command)
        if read is None:
            return []
        if frame.status:
            return _unread(frame)
        lines = [line for text in _LINES.split(frame.payload.decode("ascii")) if (line := text.strip())]
        return read(_part(frame, lines), lines)


@dataclass
class Session:
    """Reads the answers of one console.

    Attributes:
        modules: numbers of those that the last table showed.
        known: numbers of those that have said who they are.
    """

    protocol: PylontechConsole
    modules: tuple[int, ...] = ()
    known: set[int] = field(default_factory=set)

    def decode(self, frame: Frame, *, request: bytes | None = None) -> list[Reading]:
        """See `Protocol.decode`.

        Raises:
            FrameRefused: as there.
            RequestForbidden: as there.
        """
        readings = self.protocol.decode(frame, request=request)
        if frame.is_request or frame.status:
            return readings
        if frame.command == INFO and frame.address is not None:
            self.known.add(frame.address)
        if frame.command == PWR and frame.address is None:
            parts = dict.fromkeys(reading.component for reading in readings)
            self.modules = tuple(int(part.removeprefix("module/")) for part in parts if part)
            self.known.intersection_update(self.modules)
        return readings


@dataclass(frozen=True)
class _EachModule:
    """The table, the stack, and each module of the table by itself."""

    protocol: PylontechConsole
    session: Session

    def cycle(self) -> Iterator[bytes]:
        for name in ("pwr", "pwrsys"):
            yield self.protocol.request(name)
        for module in self.session.modules:
            for name in ("bat", "stat") if module in self.session.known else ("bat", "stat", "info"):
                yield self.protocol.request(name, module)


def _part(frame: Frame, lines: Sequence[str]) -> str | None:
    """The module that an answer speaks of: as asked, or as it says itself.

    Raises:
        Damage: the two differ.
    """
    own = next((int(found[1]) for line in lines[:4] if (found := _OWN_NUMBER.fullmatch(line))), None)
    if None not in (own, frame.address) and own != frame.address:
        raise Damage(
            Fault.UNMATCHED,
            expected=f"module {frame.address}, as asked",
            came=str(own),
            where="the head of the answer",
        )
    number = frame.address if frame.address is not None else own
    return f"module/{number}" if number else None


def _unread(frame: Frame) -> list[Reading]:
    """What a console that does not carry out a command leaves unsaid."""
    absent = ReadingAbsence.NOT_SUPPORTED if frame.status == _UNKNOWN else ReadingAbsence.NOT_READ
    part = f"module/{frame.address}" if frame.address else None
    quantities = {
        PWR: ("voltage", "current", "state_of_charge"),
        PWRSYS: ("remaining_charge", "full_charge_capacity", "bms_reported_health"),
        BAT: ("cell_voltage", "cell_temperature"),
        STAT: ("cycle_count", "bms_reported_health", "charge_out"),
        INFO: ("serial_number", "model", "firmware_version"),
    }[frame.command]
    return [Reading(name, None, component=part, absence=absent) for name in quantities]


# Tables


def _table(lines: Sequence[str], first: str) -> tuple[list[str], list[list[str]]] | None:
    """Names of the columns in small letters, and the fields of each row; None when there is no table.

    Raises:
        Damage: a row has not one field for each column, or a line behind the header is no row.
    """
    for place, line in enumerate(lines):
        words = line.split(None, 2)
        if words[0] == first and ":" not in line and len(words) > 2:
            columns = [name.lower() for name in _COLUMN.findall(line)]
            if "volt" in columns:
                rows = [row for row in lines[place + 1 :] if not _REMARK.match(row)]
                return columns, [_fields(row, columns) for row in rows]
    return None


def _fields(row: str, columns: Sequence[str]) -> list[str]:
    if not _ROW.match(row):
        raise Damage(
            Fault.DELIMITER,
            expected="a row that begins with a number",
            came=ascii(row[:16]),
            where="the table",
        )
    texts: list[str] = (_CELL_TEXT if "soc" in columns else _CELL_TEXT_JOINED).findall(row)
    if _ABSENT in texts and {*texts[1:]} == {_ABSENT, "-"}:
        return [texts[0], _ABSENT]
    if len(texts) != len(columns):
        raise Damage(
            Fault.LENGTH,
            expected=f"{len(columns)} fields, as the header has",
            came=str(len(texts)),
            where=f"row {texts[0]} of the table",
        )
    return texts


def _number(text: str, unit: Unit, what: str) -> int:
    """The number that a text is, with its own unit or none.

    Raises:
        Damage: it is none, or has another unit.
    """
    found = _NUMBER.fullmatch(text)
    if found is None or found[2].lower() not in ("", _UNITS[unit].lower()):
        expected = f"a number {_UNITS[unit]}".rstrip()
        raise Damage(Fault.DELIMITER, expected=expected, came=ascii(text[:32]), where=what)
    return int(found[1])


def _one(row: Field, text: str, what: str, part: str | None, index: int | None = None) -> Reading:
    """The reading of one field or line; absent where the console shows a dash or nothing."""
    if text in ("-", ""):
        return Reading(
            row.quantity,
            None,
            index=row.index if index is None else index,
            component=part,
            kind=row.kind,
            absence=ReadingAbsence.NOT_READ,
            origin=row.origin,
        )
    raw = _number(text, row.unit, what)
    # A discharge is sent negative; a limit is an amount.
    return row.reading(abs(raw) if row.quantity.endswith("_limit") else raw, index=index, component=part)


_MODULE_ROW: Final = {name: MODULE[place] for place, name in enumerate(MODULE_NAMES)}
_CELL_ROW: Final = {name: CELL[place] for place, name in enumerate(CELL_NAMES)}
_DETAIL_LINE: Final = {name: DETAIL[place] for place, name in enumerate(DETAIL_NAMES)}
_STACK_LINE: Final = {name: STACK[place] for place, name in enumerate(STACK_NAMES)}
_WHO_LINE: Final = {name: WHO[place] for place, name in enumerate(WHO_NAMES)}
_COUNTER_LINE: Final = {name: COUNTERS[place] for place, name in enumerate(COUNTER_NAMES)}


def _modules(part: str | None, lines: Sequence[str]) -> list[Reading]:
    """`pwr`: the table of all modules, or the lines of one."""
    table = _table(lines, "Power")
    if table is None:
        return _detail(part, lines)
    columns, rows = table
    readings: list[Reading] = []
    last = present = 0
    for texts in rows:
        number = _number(texts[0], Unit.ONE, "the first column")
        if number <= last:
            raise Damage(
                Fault.LENGTH, expected=f"a module behind {last}", came=str(number), where="the table"
            )
        last = number
        if texts[1] == _ABSENT:
            continue
        present += 1
        readings += _module_row(f"module/{number}", dict(zip(columns, texts, strict=True)))
    if part is None:
        readings.append(Reading("modules_online", Decimal(present)))
    return readings


def _module_row(part: str, said: Mapping[str, str]) -> list[Reading]:
    readings = []
    for name, text in said.items():
        row = _MODULE_ROW.get(name)
        if row is None:
            continue
        # Newer firmware adds which cell it is, counted from 0.
        cell = said.get(f"{name}.id", "")
        index = int(cell) + 1 if cell.isdecimal() else None
        share = text.removesuffix("%") if row.unit is Unit.PERCENT else text
        readings.append(_one(row, share, f"column {name}", part, index))
    charging = _BASE_STATES.get(said.get("base.st", "").lower())
    if charging is not None:
        readings.append(Reading("charging", charging, component=part))
    for name, quantity in (("barcode", "serial_number"), ("devtype", "model")):
        if said.get(name, "-") != "-":
            readings.append(Reading(quantity, said[name], component=part))
    return readings + _conditions(
        said, MODULE_STATES, part, is_charge=not said.get("curr", "").startswith("-")
    )


def _cells(part: str | None, lines: Sequence[str]) -> list[Reading]:
    """`bat`: a row for each cell, counted from 0 or from 1, none left out."""
    table = _table(lines, "Battery")
    if table is None or not table[1]:
        raise Damage(
            Fault.DELIMITER, expected="a table that begins with Battery", came="none", where="the answer"
        )
    columns, rows = table
    first = _number(rows[0][0], Unit.ONE, "the first column")
    readings: list[Reading] = []
    for index, texts in enumerate(rows, 1):
        if texts[0] != str(first + index - 1) or first > 1:
            raise Damage(Fault.LENGTH, expected=f"cell {first + index - 1}", came=texts[0], where="the table")
        if texts[1] == _ABSENT:
            continue
        said = dict(zip(columns, texts, strict=True))
        readings += [
            _one(row, said[name], f"column {name}", part, index)
            for name, row in _CELL_ROW.items()
            if name in said
        ]
        if said.get("bal") in ("Y", "N"):
            readings.append(Reading("balancing_active", said["bal"] == "Y", index=index, component=part))
        is_charge = not said.get("curr", "").startswith("-")
        readings += _conditions(said, CELL_STATES, part, is_charge=is_charge, index=index)
    return readings


def _conditions(
    said: Mapping[str, str],
    states: Mapping[str, tuple[str, str, str]],
    part: str | None,
    *,
    is_charge: bool,
    index: int | None = None,
) -> list[Reading]:
    """What is not normal, each once."""
    found: dict[tuple[str, str], None] = {}
    for name, names in states.items():
        word = said.get(name, "-").lower()
        if word not in _FINE:
            quantity, place = _WORDS.get(word, ("alarm", 2))
            found[quantity, names[place]] = None
    for name in _CURRENT_STATES:
        word = said.get(name, "-").lower()
        if word in _CURRENT_WORDS:
            found[_CURRENT_WORDS[word]] = None
        elif word not in _FINE:
            quantity, _ = _WORDS.get(word, ("alarm", 2))
            way = "charge" if is_charge else "discharge"
            found[quantity, f"{way}_current_fault" if quantity == "alarm" else f"{way}_over_current"] = None
    for name in _EVENT_KEYS:
        found |= dict.fromkeys(_events(name, said.get(name, "0x0")))
    return [Reading(quantity, value, component=part, index=index) for quantity, value in found]


def _events(name: str, text: str) -> list[tuple[str, str]]:
    """What the bits of a line of events mean, by the names that the console writes behind them.

    Raises:
        Damage: it is no hexadecimal number.
    """
    event = _EVENT.fullmatch(text)
    if event is None:
        raise Damage(Fault.DELIMITER, expected="0x and digits", came=ascii(text[:32]), where=name)
    bits, words = int(event[1], 16), event[2].lower().split()
    named = [EVENTS[word] for word in words if word in EVENTS]
    if named or not bits or words == [_NO_HARM]:
        return named
    what = name.replace(" ", "_")
    return [("alarm", f"{what}_bit_{bit}") for bit in range(bits.bit_length()) if bits >> bit & 1]


# Lines


def _keys(lines: Sequence[str], known: Mapping[str, Field], what: str) -> dict[str, str]:
    """What stands behind each key, in small letters.

    Raises:
        Damage: no key is known.
    """
    said = {}
    for line in lines:
        found = _KEY.fullmatch(line)
        if found is not None:
            said[" ".join(found[1].lower().split())] = found[2]
    if not known.keys() & said.keys():
        raise Damage(
            Fault.DELIMITER, expected=f"lines of {what}", came="none that is known", where="the answer"
        )
    return said


def _known(said: Mapping[str, str], known: Mapping[str, Field], part: str | None) -> list[Reading]:
    return [_one(row, said[name], f"line {name}", part) for name, row in known.items() if name in said]


def _detail(part: str | None, lines: Sequence[str]) -> list[Reading]:
    """`pwr N`."""
    said = _keys(lines, _DETAIL_LINE, "a module")
    readings = _known(said, _DETAIL_LINE, part)
    charging = _BASE_STATES.get(said.get("basic status", "").lower())
    if charging is not None:
        readings.append(Reading("charging", charging, component=part))
    for name, quantity in _FLAGS.items():
        if said.get(name) in ("ON", "OFF"):
            readings.append(Reading(quantity, said[name] == "ON", component=part))
    is_charge = not said.get("current", "").startswith("-")
    return readings + _conditions(said, MODULE_STATES, part, is_charge=is_charge)


def _stack(part: str | None, lines: Sequence[str]) -> list[Reading]:
    """`pwrsys`."""
    return _known(_keys(lines, _STACK_LINE, "a stack"), _STACK_LINE, part)


def _counters(part: str | None, lines: Sequence[str]) -> list[Reading]:
    """`stat`."""
    said = _keys(lines, _COUNTER_LINE, "counters")
    readings = _known(said, _COUNTER_LINE, part)
    if _CHARGE_LEFT in said:
        # In mA s: one layout writes so behind the key, and share and capacity of the others agree.
        raw = _number(said[_CHARGE_LEFT], Unit.ONE, f"line {_CHARGE_LEFT}")
        readings.append(Reading("remaining_charge", (raw / _MAS_IN_AH).quantize(_FINEST_AH), component=part))
    return readings


def _who(part: str | None, lines: Sequence[str]) -> list[Reading]:
    """`info`. The day of release is the firmware's, not the battery's."""
    said = _keys(lines, _WHO_LINE, "who it is")
    readings = []
    for name, quantity in WHO_TEXTS.items():
        if name in said:
            told = text_reading(quantity, said[name].encode())
            readings.append(
                Reading(quantity, told.value, component=part, absence=told.absence, doubts=told.doubts)
            )
    rated = _RATED.fullmatch(said.get("specification", ""))
    if rated is not None:
        readings += [
            row.reading(int(Decimal(text) * 10), component=part)
            for row, text in zip(SPECIFICATION, rated.groups(), strict=True)
        ]
    return readings + _known(said, _WHO_LINE, part)


_READS: Final[dict[int, Callable[[str | None, Sequence[str]], list[Reading]]]] = {
    PWR: _modules,
    PWRSYS: _stack,
    BAT: _cells,
    STAT: _counters,
    INFO: _who,
}

PROTOCOL: Final = PylontechConsole()
