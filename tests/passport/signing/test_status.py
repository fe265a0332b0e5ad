import gzip

import pytest

from passport.errors import VerificationFailed
from passport.signing import base64url, status


def test_entry_zero_is_the_leftmost_bit():
    # W3C Bitstring Status List 1.0, section 1.4: the first index, zero, is at the left-most bit.
    bits = status.bitstring([0, 9])
    assert bits[:2] == bytes([0b1000_0000, 0b0100_0000])
    assert len(bits) == 16_384
    assert [index for index in range(16) if status.is_set(bits, index)] == [0, 9]


def test_a_list_reads_back_and_is_always_written_the_same():
    bits = status.bitstring([7, 94_567, 131_071])
    text = status.encode_list(bits)
    assert text.startswith("uH4sI")
    assert text == status.encode_list(bits)
    assert status.decode_list(text) == bits


def test_an_entry_names_list_index_and_purpose():
    assert status.status_entry("https://id.example.com/o/demo/status/1", 94_567) == {
        "id": "https://id.example.com/o/demo/status/1#94567",
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": "94567",
        "statusListCredential": "https://id.example.com/o/demo/status/1",
    }


@pytest.mark.parametrize(("entries", "size"), [([131_072], 131_072), ([-1], 131_072), ([], 8), ([], 131_073)])
def test_a_list_that_cannot_be_is_not_made(entries, size):
    with pytest.raises(ValueError, match="entr"):
        status.bitstring(entries, size)


def packed(data: bytes) -> str:
    return "u" + base64url.encode(data)


WRONG = {
    "another base": "z" + status.encode_list(bytes(16_384))[1:],
    "nothing": "",
    "no GZIP": packed(b"hello"),
    "cut off": packed(gzip.compress(bytes(16_384))[:-4]),
    "two streams": packed(gzip.compress(bytes(16_384)) * 2),
    "a bomb": packed(gzip.compress(bytes(2**24 + 1))),
    "too few entries": packed(gzip.compress(bytes(16_383))),
    "padding": status.encode_list(bytes(16_384)) + "=",
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG.keys())
def test_what_is_no_list_is_refused(text):
    with pytest.raises(VerificationFailed):
        status.decode_list(text)


def test_an_entry_outside_the_list_is_refused():
    with pytest.raises(VerificationFailed, match="no entry 131072"):
        status.is_set(bytes(16_384), 131_072)


ENTRY = status.status_entry("https://a.example/1", 3)
LIST = {
    "id": "https://a.example/1",
    "credentialSubject": {
        "statusPurpose": "revocation",
        "encodedList": status.encode_list(status.bitstring([3])),
    },
}


def test_an_entry_is_looked_up_in_the_list_it_names():
    assert status.entry_is_set(ENTRY, LIST)
    assert not status.entry_is_set({**ENTRY, "statusListIndex": "4"}, LIST)


@pytest.mark.parametrize(
    ("entry", "listed"),
    [
        ({**ENTRY, "type": "StatusList2021Entry"}, LIST),
        ({**ENTRY, "statusListIndex": 3}, LIST),
        ({**ENTRY, "statusListIndex": "-3"}, LIST),
        ({**ENTRY, "statusListIndex": "³"}, LIST),
        ({**ENTRY, "statusListCredential": "https://a.example/2"}, LIST),
        ({**ENTRY, "statusPurpose": "suspension"}, LIST),
        (ENTRY, {**LIST, "credentialSubject": []}),
        (ENTRY, {**LIST, "credentialSubject": {"statusPurpose": "revocation"}}),
    ],
)
def test_an_entry_that_does_not_fit_its_list_is_refused(entry, listed):
    with pytest.raises(VerificationFailed):
        status.entry_is_set(entry, listed)
