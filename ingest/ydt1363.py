"""The ASCII frame of the YD/T 1363 family, which Pylontech, Seplos and PACE fill in their own ways.

    ~ VER(2) ADR(2) CID1(2) CID2(2) LENGTH(4) INFO(n) CHKSUM(4) CR      every field in hexadecimal characters

LENGTH is the number of INFO characters in twelve bits with a check digit in front. CHKSUM is the two's
complement of the sum of all characters between `~` and CHKSUM. In a request CID2 is the command; in an answer
it is a return code, which does not say what was asked. A framer takes answers of the versions it is made for
and refuses the others as foreign: the frame is the same, what lies in it is not.

Source: docs/protocols/pylontech-rs485.md, proven there on recordings.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Final

from ingest.frames import nibble_complement, sum16_complement
from ingest.protocol import U8, Cursor, Damage, Fault, Field, Frame, Framer, cell_voltages
from schemas.reading import Reading, told

START: Final = 0x7E
END: Final = 0x0D
LITHIUM: Final = 0x46  # CID1

# Return codes; a frame whose CID2 is none of these is a request. E0..EF are the maker's own errors.
RETURN_CODES: Final = {
    0x00: "normal",
    0x01: "version error",
    0x02: "checksum error",
    0x03: "length checksum error",
    0x04: "command unknown",
    0x05: "command format error",
    0x06: "invalid data",
    0x90: "address error",
    0x91: "communication error inside the bank",
    **dict.fromkeys(range(0xE0, 0xF0), "maker's own error"),
}
COMMAND_UNKNOWN: Final = 0x04

# `~`, then twelve characters of head; INFO; four of checksum and the carriage return.
HEAD: Final = 13
TAIL: Final = 5

# States of the alarm answer: one byte for each cell, sensor and current; 80..EF are the maker's own.
NORMAL, BELOW, ABOVE, OTHER = 0x00, 0x01, 0x02, 0xF0
CELL_STATES: Final = {BELOW: "cell_under_voltage", ABOVE: "cell_over_voltage", OTHER: "cell_voltage_fault"}
TEMPERATURE_STATES: Final = {
    BELOW: "under_temperature",
    ABOVE: "over_temperature",
    OTHER: "temperature_fault",
}
CHARGE_STATES: Final = {ABOVE: "charge_over_current", OTHER: "charge_current_fault"}
VOLTAGE_STATES: Final = {BELOW: "pack_under_voltage", ABOVE: "pack_over_voltage", OTHER: "pack_voltage_fault"}
DISCHARGE_STATES: Final = {ABOVE: "discharge_over_current", OTHER: "discharge_current_fault"}

HEXADECIMAL: Final = frozenset(b"0123456789ABCDEFabcdef")
_FOREIGN_CHARACTER: Final = re.compile(rb"[^0-9A-Fa-f]")


def encode(version: int, address: int, cid2: int, info: bytes = b"", *, cid1: int = LITHIUM) -> bytes:
    """The bytes of one frame; `cid2` is a command or a return code, `info` the data before spelling."""
    text = info.hex().upper()
    length = nibble_complement(len(text)) << 12 | len(text)
    body = f"{version:02X}{address:02X}{cid1:02X}{cid2:02X}{length:04X}{text}".encode()
    return bytes([START]) + body + f"{sum16_complement(body):04X}".encode() + bytes([END])


def is_ascii(raw: bytes) -> bool:
    """Whether a frame that begins with `~` is the ASCII form; relatives have a binary one."""
    return len(raw) > 1 and raw[0] == START and raw[1] in HEXADECIMAL


class YdtFramer(Framer):
    """Frames `~` .. carriage return."""

    starts = bytes([START])
    quiet = b"\r\n"  # a log may hold line ends of its own

    def __init__(
        self, *, versions: Collection[int], cid1: int = LITHIUM, return_codes: Collection[int] = RETURN_CODES
    ) -> None:
        """Answers of other versions or device types are refused; another `return_codes` is a relative's."""
        super().__init__()
        self._versions = frozenset(versions)
        self._cid1 = cid1
        self._return_codes = frozenset(return_codes)

    def _length(self, buffer: bytes) -> int | None:
        head = buffer[:HEAD]
        _only_hex(head[1:], 1)
        if len(head) < HEAD:
            return None
        field = int(head[9:13], 16)
        count = field & 0xFFF
        if field >> 12 != nibble_complement(count):
            raise Damage(
                Fault.LENGTH,
                expected=f"check digit {nibble_complement(count):X} for a length of {count} characters",
                came=f"{field >> 12:X}",
                where="byte 9 of the frame",
                judged_bytes=HEAD,
            )
        if count % 2:
            raise Damage(
                Fault.LENGTH,
                expected="an even number of characters",
                came=str(count),
                where="byte 9 of the frame",
                judged_bytes=HEAD,
            )
        length = HEAD + count + TAIL
        _only_hex(buffer[HEAD : length - 1], HEAD)
        return length

    def _open(self, raw: bytes, position: int) -> Frame:
        if raw[-1] != END:
            where = f"byte {len(raw) - 1} of the frame, its end"
            raise Damage(
                Fault.DELIMITER, expected=f"{END:02x} (carriage return)", came=f"{raw[-1]:02x}", where=where
            )
        # Compared as characters: a checksum in small letters is not what the others would have written.
        expected, came = f"{sum16_complement(raw[1:-5]):04X}", raw[-5:-1].decode()
        if expected != came:
            where = f"byte {len(raw) - 5} of the frame"
            raise Damage(Fault.CHECKSUM, expected=f"checksum {expected}", came=came, where=where)
        version, address, cid1, cid2 = bytes.fromhex(raw[1:9].decode())
        is_request = cid2 not in self._return_codes
        if not is_request and (version not in self._versions or cid1 != self._cid1):
            versions = " or ".join(f"{known:02X}" for known in sorted(self._versions))
            raise Damage(
                Fault.FOREIGN,
                expected=f"version {versions} and device type {self._cid1:02X}",
                came=f"version {version:02X} and device type {cid1:02X}, whose data are laid out otherwise",
                where="bytes 1 to 6 of the frame",
            )
        info = bytes.fromhex(raw[HEAD:-TAIL].decode())
        status = 0 if is_request else cid2
        return Frame(raw, position, cid2 if is_request else 0, info, is_request, address, status)


def _only_hex(text: bytes, offset: int) -> None:
    found = _FOREIGN_CHARACTER.search(text)
    if found:
        raise Damage(
            Fault.DELIMITER,
            expected="a hexadecimal character",
            came=f"{text[found.start()]:02x}",
            where=f"byte {offset + found.start()} of the frame",
            judged_bytes=offset + found.start(),
        )


def cells(cursor: Cursor, field: Field) -> list[Reading]:
    """Cell voltages behind their count; nought is not fitted, or its wire is broken.

    Raises:
        Damage: the data end first.
    """
    count = cursor.number(U8, "count of cells")
    data = cursor.take(count * 2, f"{count} cell voltages")
    return cell_voltages(field, data, count)


def states(cursor: Cursor, what: str) -> bytes:
    """State bytes behind their count.

    Raises:
        Damage: the data end first.
    """
    count = cursor.number(U8, f"count of {what}")
    return cursor.take(count, f"states of {count} {what}")


def state_alarm(
    state: int, names: Mapping[int, str], cursor: Cursor, index: int | None, *, own: bool = False
) -> list[Reading]:
    """The alarm that one state byte raises; `own` when the maker's own states may stand there.

    Raises:
        Damage: no state is spelt so; the data are laid out otherwise.
    """
    if state == NORMAL:
        return []
    if state not in (BELOW, ABOVE, OTHER) and not (own and 0x80 <= state < OTHER):
        raise Damage(
            Fault.LENGTH,
            expected="a state of 00, 01, 02 or F0",
            came=f"{state:02X}",
            where=f"byte {cursor.at - 1} of the alarms or before it",
        )
    return [told("alarm", names.get(state, names[OTHER]), index=index)]


Layout = Callable[[Frame, Frame | None], list[Reading]]


def only_fitting(frame: Frame, layouts: Mapping[int, Layout]) -> list[Reading]:
    """The readings of the one layout that an answer without its request fits to its last byte.

    Raises:
        Damage: it fits none, or more than one.
    """
    fitting: list[tuple[int, list[Reading]]] = []
    misfits = []
    for command, layout in layouts.items():
        try:
            fitting.append((command, layout(frame, None)))
        except Damage as damage:
            misfits.append(f"as {command:02X}: {damage.expected} at {damage.where}, came {damage.came}")
    if len(fitting) == 1:
        return fitting[0][1]
    if fitting:
        commands = " and ".join(f"{command:02X}" for command, _ in fitting)
        raise Damage(
            Fault.UNMATCHED,
            expected="the request with it",
            came=f"an answer that reads as {commands}",
            where="the data",
        )
    raise Damage(
        Fault.FOREIGN,
        expected="data laid out as an answer of this protocol",
        came=f"{len(frame.payload)} bytes that are none ({'; '.join(misfits)})",
        where="the data",
    )
