"""What frames of many protocols share: the sums that prove them, and bytes as people write them."""


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
