"""JSON that others wrote: numbers keep their digits, encodings are found, and nothing is endless."""

from decimal import Decimal

import pytest

from passport.errors import InputRefused
from passport.exports import foreign_json
from schemas.strict_json import StrictJsonError, loads


def test_numbers_are_never_binary_floats_however_large():
    value = foreign_json.parse(b'{"a": 102.40, "b": -1080408238430575992, "c": 1e308, "d": 7}')
    assert value == {
        "a": Decimal("102.40"),
        "b": Decimal(-1080408238430575992),
        "c": Decimal("1E+308"),
        "d": 7,
    }
    assert [type(one) for one in value.values()] == [Decimal, Decimal, Decimal, int]


def test_long_integers_are_refused_unless_they_are_asked_for():
    with pytest.raises(StrictJsonError, match=r"beyond 2\*\*53 - 1"):
        loads("[9007199254740993]")
    assert loads("[9007199254740993, 9007199254740991]", long_integers=True) == [
        Decimal(9007199254740993),
        9007199254740991,
    ]
    with pytest.raises(StrictJsonError, match="beyond the range of a double"):
        loads(f"[{'9' * 400}]", long_integers=True)


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"\xff\xfe", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be"),
        (b"\xef\xbb\xbf", "utf-8"),
        (b"", "utf-8"),
    ],
)
def test_encodings_are_found_by_their_mark(mark, encoding):
    assert foreign_json.parse(mark + '{"ort": "Skellefteå"}'.encode(encoding)) == {"ort": "Skellefteå"}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\xff\xfe{", "cannot be read"),
        (b"\xff{}", "cannot be read"),
        (b"[" * 41, "nested deeper than 40"),
        (b'{"a": 1, "a": 2}', 'the name "a" stands twice'),
        (b" " * (foreign_json.LIMIT_BYTES + 1), "at most 4194304 are read"),
        (b"PK\x03\x04nonsense", "cannot be unpacked"),
    ],
    ids=["half of UTF-16", "not UTF-8", "deep", "twice", "long", "no archive"],
)
def test_what_has_not_one_meaning_or_no_end_is_refused(data, sentence):
    with pytest.raises(InputRefused, match=sentence):
        foreign_json.files(data)
