import pytest

from ingest import frames
from ingest.frames import hex_bytes, nibble_complement, sum16_complement


def test_a_sum_and_its_complement_add_up_to_nothing():
    # 0x00 + 0x04 + 0x0d + 0x0b = 0x1c; 0x10000 - 0x1c = 0xffe4
    assert sum16_complement(bytes([0, 4, 0x0D, 0x0B])) == 0xFFE4
    assert sum16_complement(b"") == 0


def test_a_sum_wraps_at_sixteen_bits():
    # 258 * 255 = 65790 = 0x100fe; 0x20000 - 0x100fe = 0xff02
    assert sum16_complement(bytes([255]) * 258) == 0xFF02


@pytest.mark.parametrize(
    ("length", "digit"),
    [(0x000, 0), (0x002, 0xE), (0x142, 0x9), (0x05E, 0xD), (0xFFF, 0x3)],
)
def test_the_check_digit_of_a_length(length, digit):
    # 0x142: 1 + 4 + 2 = 7, 16 - 7 = 9; 0xfff: 45 mod 16 = 13, 16 - 13 = 3
    assert nibble_complement(length) == digit


def test_hex_from_people_may_have_spaces():
    assert hex_bytes("DD a5 03") == b"\xdd\xa5\x03"
    with pytest.raises(ValueError, match="hex"):
        hex_bytes("dd0")


def test_the_published_check_values_come_out():
    # The catalogue's check input is the text 123456789.
    assert frames.crc16_modbus(b"123456789") == 0x4B37
    assert frames.crc16_xmodem(b"123456789") == 0x31C3
    assert frames.crc8_maxim(b"123456789") == 0xA1
    assert frames.sum8(b"123456789") == 0xDD
