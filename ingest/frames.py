"""What frames of many protocols share: the sums that prove them, and bytes as people write them."""

import binascii
from typing import Final

import anycrc

_MODBUS: Final = anycrc.Model("CRC16-MODBUS")
_MAXIM: Final = anycrc.Model("CRC8-MAXIM-DOW")


def crc16_modbus(data: bytes) -> int:
    """CRC-16/MODBUS, 0..65535; on a Modbus line its low byte comes first."""
    return int(_MODBUS.calc(data))


def crc16_xmodem(data: bytes) -> int:
    """CRC-16/XMODEM, 0..65535."""
    return binascii.crc_hqx(data, 0)


def crc8_maxim(data: bytes) -> int:
    """CRC-8/MAXIM-DOW, 0..255."""
    return int(_MAXIM.calc(data))


def sum8(data: bytes) -> int:
    """The byte sum modulo 256; blind to the order of bytes."""
    return sum(data) & 0xFF


def sum16_complement(data: bytes) -> int:
    """The two's complement of the byte sum, 0..65535: added to the sum it gives zero modulo 65536.

    A sum is blind to the order of bytes: two swapped bytes, or +1 here and -1 there, pass it.
    """
    return -sum(data) & 0xFFFF


def nibble_complement(value: int) -> int:
    """The two's complement, 0..15, of the sum of the three low hexadecimal digits of `value`.

    Source: YD/T 1363, the check digit in front of a length.
    """
    return -((value & 0xF) + (value >> 4 & 0xF) + (value >> 8 & 0xF)) & 0xF


def hex_bytes(text: str) -> bytes:
    """The bytes of a hex text; spaces between bytes are allowed.

    Raises:
        ValueError: something is not a hexadecimal digit, or a byte is half.
    """
    return bytes.fromhex(text)
