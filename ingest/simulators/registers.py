"""A Modbus device whose registers somebody else fills: answers reads in their own form, and no write."""

from collections.abc import Callable
from typing import Final

from ingest import modbus
from ingest.protocol import Frame

_ILLEGAL_ADDRESS: Final = 2

# Gives the data of registers or coils (unit, function, start, count); None where there are none. For a unit
# that nobody has it raises KeyError.
Registers = Callable[[int, int, int, int], bytes | None]


class RegisterLine:
    """The far end of a Modbus line.

    Attributes:
        refused: requests for registers that are not there, newest last.
    """

    def __init__(self, registers: Registers) -> None:
        self.refused: list[bytes] = []
        self._registers = registers
        self._framer = modbus.ModbusFramer()

    def hear(self, data: bytes) -> bytes:
        """The answers to whatever requests are complete now."""
        out = b""
        found = self._framer.feed(data)
        for one in found:
            if isinstance(one, Frame) and one.is_request:
                out += self._answer(one)
        if found:
            self.quiet()  # the next caller may speak the other form
        return out

    def quiet(self) -> None:
        """Forget half a request."""
        self._framer = modbus.ModbusFramer()

    def _answer(self, frame: Frame) -> bytes:
        assert frame.address is not None
        start, count = (int.from_bytes(frame.payload[at : at + 2], "big") for at in (0, 2))
        try:
            data = self._registers(frame.address, frame.command, start, count)
        except KeyError:
            return b""
        if data is None:
            self.refused.append(frame.raw)
            answer = modbus.encode_exception(frame.address, frame.command, _ILLEGAL_ADDRESS)
        else:
            answer = modbus.encode_answer(frame.address, frame.command, data)
        is_tcp = frame.raw[-6:] == frame.raw[6:] and len(frame.raw) == modbus.TCP_HEAD + 6
        return modbus.as_tcp(answer, int.from_bytes(frame.raw[:2], "big")) if is_tcp else answer
