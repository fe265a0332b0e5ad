import json
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.strict_json import StrictJsonError, loads, loads_own
from tests.data import shared_files

SUITE = shared_files("vectors/json-parsing/*.json")


@pytest.mark.parametrize("path", SUITE or [None], ids=lambda path: path.name if path else "absent")
def test_json_test_suite_is_read_or_refused_as_labelled(path: Path | None):
    if path is None:
        pytest.skip("no test data beside the project: vectors/json-parsing")
    data = path.read_bytes()
    try:
        value = loads(data)
    except StrictJsonError:
        accepted = False
    else:
        accepted = True
        assert value == json.loads(data, parse_float=Decimal)
    if path.name.startswith("y_"):
        # The suite calls a name given twice legal; we refuse it (RFC 7493 2.3) and say so here.
        assert accepted != ("duplicated_key" in path.name)
    if path.name.startswith("n_"):
        assert not accepted


REFUSED = {
    "duplicate name": (
        '{"a": 1,\n "a": 2}',
        'the name "a" stands twice in one object at line 2, column 2; write it once',
    ),
    "duplicate after unescaping": (
        '{"a": 1, "\\u0061": 2}',
        'the name "a" stands twice in one object at line 1, column 10',
    ),
    "duplicate deep inside": (
        '[{"b": {"x": 1, "x": 2}}]',
        '"x" stands twice in one object at line 1, column 17',
    ),
    "NaN": (
        '{"a": NaN}',
        "NaN is no JSON number; leave the value out and say why it is absent at line 1, column 7",
    ),
    "Infinity": ("[Infinity]", "Infinity is no JSON number"),
    "minus Infinity": (
        "[1, -Infinity]",
        "-Infinity is no JSON number; leave the value out and say why it is absent at line 1, column 5",
    ),
    "overflow": ("[1e400]", "the number 1e400 is beyond the range of a double at line 1, column 2"),
    "negative overflow": ("[-1e400]", "-1e400 is beyond the range"),
    "underflow to zero": ("[1e-400]", "1e-400 is beyond the range"),
    "a zero that would print a gigabyte": ("[0e-999999999]", "0e-999999999 is beyond the range"),
    "a zero with a huge exponent": ("[0e999999999]", "has an exponent beyond reason"),
    "an exponent no decimal holds": ("[1e-99999999999999999999]", "beyond"),
    "integer beyond 2**53": (
        "[9007199254740993]",
        "the integer 9007199254740993 is beyond 2**53 - 1; send it as a string at line 1, column 2",
    ),
    "negative integer beyond 2**53": ("[-9007199254740993]", "the integer -9007199254740993 is beyond"),
    "ten thousand digits": ("[" + "9" * 10_000 + "]", "(10000 characters) is beyond 2**53 - 1"),
    "high surrogate alone": (
        '["\\ud83d"]',
        "half a surrogate pair, \\ud83d, is no character at line 1, column 3",
    ),
    "low surrogate alone": ('["a\\uDE00"]', "half a surrogate pair, \\uDE00"),
    "halves in the wrong order": ('["\\ude00\\ud83d"]', "half a surrogate pair"),
    "half in a name": ('{"\\ud800": 1}', "half a surrogate pair"),
    "raw half in a str": ('["\ud800"]', "half a surrogate pair is no character at line 1, column 3"),
    "byte order mark": (b"\xef\xbb\xbf{}", "starts with a byte order mark"),
    "byte order mark in a str": ("\ufeff{}", "starts with a byte order mark"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "byte order mark"),
    "invalid UTF-8": (b'["\xff"]', "not UTF-8: invalid start byte at byte 2 (0xff)"),
    "overlong UTF-8": (b'["\xc0\xaf"]', "not UTF-8"),
    "truncated": ('{"a": ', "not JSON: expecting value at line 1, column"),
    "two values": ("{} {}", "not JSON: extra data at line 1, column 4"),
    "empty": ("", "not JSON: expecting value at line 1, column 1"),
    "comment": ("[1, /* two */ 2]", "not JSON"),
    "control character in a string": ('["a\nb"]', "not JSON: invalid control character"),
    "too deep": ("[" * 65 + "]" * 65, "nested deeper than 64 levels at line 1, column 65"),
}


@pytest.mark.parametrize(("data", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_a_text_with_two_meanings_is_refused_with_what_and_where(data: bytes | str, sentence: str):
    with pytest.raises(StrictJsonError) as refused:
        loads(data)
    assert sentence in str(refused.value)


ACCEPTED = {
    "decimals keep their digits": ("[102.40, 1E2]", [Decimal("102.40"), Decimal("1E2")]),
    "the largest safe integer": (
        "[9007199254740991, -9007199254740991]",
        [9007199254740991, -9007199254740991],
    ),
    "a long number inside a string": ('["90071992547409931234"]', ["90071992547409931234"]),
    "an escaped backslash before u": ('["\\\\ud83d"]', ["\\ud83d"]),
    "a whole surrogate pair": ('["\\ud83d\\ude00"]', ["😀"]),
    "brackets inside strings are not depth": ('["' + "[" * 100 + '"]', ["[" * 100]),
    "equal names in different objects": ('{"a": {"a": 1}, "b": {"a": 2}}', {"a": {"a": 1}, "b": {"a": 2}}),
    "a name that is also a value": ('{"a": "b", "b": ["a", "b"]}', {"a": "b", "b": ["a", "b"]}),
    "depth at the limit": ("[" * 64 + "]" * 64, None),
    "zero": ("-0", 0),
    "blanks around": (b" \r\n\t{} ", {}),
}


@pytest.mark.parametrize(("data", "value"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_strict_json_is_read_whole(data: bytes | str, value: object):
    read = loads(data)
    if value is not None:
        assert read == value


HOSTILE = {
    "opening arrays": b"[" * 100_000,
    "opening objects": b'{"a":' * 100_000,
    "escaped quotes without an end": b'["' + b'\\"' * 500_000,
    "unclosed strings": b'"' + b"\\" * 1_000_000,
    "quotes": b'"' * 1_000_000,
    "brackets in pairs": b"[" + b"[]," * 300_000 + b"[]]",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_megabyte_of_malice_is_answered_soon(data: bytes):
    began = perf_counter()
    with suppress(StrictJsonError):
        loads(data)
    # Not a benchmark: a quadratic reader needs minutes here.
    assert perf_counter() - began < 10


def test_a_text_over_the_limit_is_refused_before_it_is_parsed():
    with pytest.raises(StrictJsonError, match="too long: 11 bytes came, at most 10 are read"):
        loads(b"[[[[[[[[[[[", limit_bytes=10)
    with pytest.raises(StrictJsonError, match="too long: 12 bytes came, at most 10 are read"):
        loads('["äöü"]"\n', limit_bytes=10)


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_what_python_writes_is_read_back(value: object):
    for ascii_only in (True, False):
        assert loads(json.dumps(value, ensure_ascii=ascii_only)) == value


@settings(deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet='[]{}",:\\u0dD8 1eE+-.ntf', max_size=60))
def test_any_bytes_are_a_value_or_a_strict_json_error(data: bytes | str):
    with suppress(StrictJsonError):
        loads(data)


# ---------------------------------------------------------------------------------- the road for our own text


def answer(reader, data: bytes):
    """The value with its types, or the sentence of the refusal."""
    try:
        return repr(reader(data))
    except StrictJsonError as error:
        return f"refused: {error}"


TRICKY = (
    b'{"a":1,"a":1}',
    b'{"a":{"b":1,"b":2}}',
    b'{"b":1,"a":2}',
    b'{"a": 1}',
    b"[9007199254740991]",
    b"[9007199254740992]",
    b"[-9007199254740992]",
    b"[18446744073709551615]",
    b"[1.5]",
    b"[1.0]",
    b"[1e5]",
    b"[-0]",
    b"[-0.0]",
    b"[NaN]",
    b"1",
    b"9007199254740992",
    b'"text"',
    b'["\\ud800"]',
    b'["\xed\xa0\x80"]',
    b"\xef\xbb\xbf[]",
    b"[" * 64 + b"]" * 64,
    b"[" * 65 + b"]" * 65,
    b'{"a":' * 64 + b"{}" + b"}" * 64,
    b'{"a":' * 63 + b"{}" + b"}" * 63,
    b"[" * 64 + b"1" + b"]" * 64,
    b"[" * 2000 + b"]" * 2000,
    b'["' + b"[" * 100 + b'"]',
    b'[":1.5"]',
    b'["a\\\\"]',
    b'["a\\"",1.5]',
    b'{"at":"12:00:00.250Z","n":10}',
    b"[123456789012345]",
    b"[1234567890123456]",
    b"",
    b" []",
)


@pytest.mark.parametrize("data", TRICKY, ids=lambda data: data.decode("ascii", "replace")[:24])
def test_our_own_text_and_any_other_is_read_as_the_careful_reader_reads_it(data):
    assert answer(loads_own, data) == answer(loads, data)


@pytest.mark.parametrize("path", SUITE or [None], ids=lambda path: path.name if path else "absent")
def test_both_readers_agree_on_the_json_test_suite(path: Path | None):
    if path is None:
        pytest.skip("no test data beside the project: vectors/json-parsing")
    assert answer(loads_own, path.read_bytes()) == answer(loads, path.read_bytes())


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.decimals(allow_nan=False).map(str),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    ),
    st.data(),
)
def test_both_readers_agree_on_our_own_spelling_and_after_one_changed_byte(value: object, data):
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    assert answer(loads_own, text) == answer(loads, text)
    place = data.draw(st.integers(0, len(text) - 1))
    other = text[:place] + data.draw(st.binary(max_size=2)) + text[place + 1 :]
    assert answer(loads_own, other) == answer(loads, other)
