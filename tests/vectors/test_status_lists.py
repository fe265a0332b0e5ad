"""Status lists of the W3C and of the IETF draft; ours are the former, the latter test the same bit order."""

import base64
import json
import zlib

from openvc.status import bitstring as other

from passport.signing import status


def test_the_example_of_the_standard_decodes_to_131072_zero_bits(shared):
    text = shared("vectors/status-list/bitstring-w3c-example3.txt").read_text().strip()
    assert status.decode_list(text) == bytes(16_384)


def test_our_lists_are_read_by_another_program_bit_by_bit():
    entries = {0, 1, 7, 8, 94_567, 131_071}
    bits = other.decode_bitstring(status.encode_list(status.bitstring(entries)))
    assert {index for index in range(131_072) if other.get_status_bit(bits, index)} == entries


def test_lists_of_another_program_are_read_by_us_bit_by_bit():
    bits = other.new_bitstring(131_072)
    for index in (3, 100_000):
        other.set_status_bit(bits, index, True)
    ours = status.decode_list(other.encode_bitstring(bits))
    assert {index for index in range(131_072) if status.is_set(ours, index)} == {3, 100_000}


def test_a_token_status_list_is_another_encoding_with_its_bits_the_other_way_round(shared):
    # draft-ietf-oauth-status-list counts from the least significant bit.
    case = json.loads(shared("vectors/status-list/token-status-list-1bit.json").read_bytes())
    bits = zlib.decompress(base64.urlsafe_b64decode(case["lst"] + "=" * (-len(case["lst"]) % 4)))
    swapped = bytes(int(f"{byte:08b}"[::-1], 2) for byte in bits)
    assert {index for index in range(case["size"]) if status.is_set(swapped, index)} == set(
        map(int, case["set"])
    )
