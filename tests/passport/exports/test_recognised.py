"""A file is told apart by its content: each format knows its own exports and nobody else's."""

import pytest

from passport.exports import available, format_of
from schemas.terms import Audience, Category
from tests.passport.exports.subjects import everything, subject

# One document, which both names stand for.
SAME = frozenset({frozenset({"en18223", "en18223-full"})})


@pytest.mark.parametrize("battery", [everything(Category.STATIONARY), subject(Category.EV, Audience.PUBLIC)])
@pytest.mark.parametrize("name", available())
def test_an_export_is_recognised_by_its_own_format_alone(name, battery):
    exported = format_of(name).export(battery)
    known = {
        other for other in available() if format_of(other).recognises(exported.data, f"x{exported.suffix}")
    }
    assert name in known
    assert all(frozenset({name, other}) in SAME for other in known - {name})


@pytest.mark.parametrize("name", available())
@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b"PK\x03\x04", b"\xff\xfe", b"\x00" * 64])
def test_what_is_nobody_s_is_recognised_by_nobody(name, data):
    assert not format_of(name).recognises(data, "x.json")
