"""Answers of a registry, read: each form, and whatever else may come."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passport.union_registry import wire
from passport.union_registry.wire import AnswerNotUnderstood, Kind

PRODUCT = "https://id.example.com/01/09520123456788/21/A"

ANSWERS = {
    "bare": (201, {"registrationId": "R"}, Kind.REGISTERED, "R", ""),
    "200 is as good": (200, {"registrationId": "R"}, Kind.REGISTERED, "R", ""),
    "a draft's name": (
        201,
        {"registryIdentifier": "R", "statusCode": "SuccessCreated"},
        Kind.REGISTERED,
        "R",
        "",
    ),
    "wrapper": (
        201,
        {"statusCode": "SuccessCreated", "payload": {"registrationId": "R"}},
        Kind.REGISTERED,
        "R",
        "",
    ),
    "accepted for examination": (202, {"correlationId": "c"}, Kind.ACCEPTED, None, ""),
    "accepted in the body only": (200, {"statusCode": "SuccessAccepted"}, Kind.ACCEPTED, None, ""),
    "accepted and registered": (202, {"registrationId": "R"}, Kind.REGISTERED, "R", ""),
    "conflict with identifier": (409, {"payload": {"registrationId": "R"}}, Kind.EXISTS, "R", ""),
    "conflict by word": (200, {"statusCode": "ClientResourceConflict"}, Kind.EXISTS, None, ""),
    "HTTP's failure outranks a good word": (400, {"statusCode": "Success"}, Kind.REFUSED, None, ""),
    "messages": (
        400,
        {"messages": [{"messageType": "Error", "text": "wrong\nline", "code": "E1"}, "more"]},
        Kind.REFUSED,
        None,
        "E1; wrong line; more",
    ),
    "message": (422, {"message": [{"text": "wrong"}]}, Kind.REFUSED, None, "wrong"),
    "problem details": (
        409,
        {"title": "Conflict", "subCode": "KEY_USED", "status": 409},
        Kind.EXISTS,
        None,
        "KEY_USED; Conflict",
    ),
    "a number as status code": (200, {"statusCode": 409, "registrationId": "R"}, Kind.EXISTS, "R", ""),
    "denied": (403, {"detail": "no"}, Kind.DENIED, None, "no"),
    "not there": (404, {}, Kind.UNKNOWN, None, ""),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_means(name):
    status, told, kind, identifier, words = ANSWERS[name]
    answer = wire.read(status, json.dumps(told).encode(), product=PRODUCT)
    assert (answer.kind, answer.registration_id, answer.words) == (kind, identifier, words)


NONE = {
    "empty": (201, b""),
    "no JSON": (200, b"<html>"),
    "a list": (200, b"[]"),
    "no identifier": (201, b"{}"),
    "an empty identifier": (201, b'{"registrationId": ""}'),
    "a number": (201, b'{"registrationId": 7}'),
    "a control character": (201, b'{"registrationId": "a\\u0000b"}'),
    "too long": (201, json.dumps({"registrationId": "x" * 2001}).encode()),
    "twice the same name": (201, b'{"registrationId": "a", "registrationId": "b"}'),
    "half a letter": (201, b'{"registrationId": "\\ud800"}'),
    "another product": (201, b'{"registrationId": "R", "uniqueProductIdentifier": "https://x"}'),
    "no content": (204, b""),
}


@pytest.mark.parametrize("name", NONE)
def test_what_cannot_be_understood_is_no_registration(name):
    with pytest.raises(AnswerNotUnderstood):
        wire.read(*NONE[name], product=PRODUCT)


def test_a_failure_needs_no_json():
    answer = wire.read(502, b"<h1>Bad\x07 gateway</h1>", product=PRODUCT)
    assert (answer.kind, answer.words) == (Kind.REFUSED, "<h1>Bad gateway</h1>")


def test_an_examination_without_an_identifier_goes_on():
    answer = wire.read(200, b'{"status": "pending"}', product=PRODUCT, examined=True)
    assert (answer.kind, answer.words) == (Kind.ACCEPTED, "pending")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-600, 600) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["registrationId", "payload", "statusCode", "messages", "message", "status", "text", "title"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(status=st.integers(200, 599), told=JSON.map(lambda value: json.dumps(value).encode()) | st.binary())
@settings(deadline=None, database=None)
def test_any_answer_is_understood_or_refused_and_fit_to_be_shown(status, told):
    try:
        answer = wire.read(status, told, product=PRODUCT)
    except AnswerNotUnderstood:
        assert status < 400
        return
    assert answer.words.isprintable()
    if answer.kind is Kind.REGISTERED:
        assert answer.registration_id
        assert answer.registration_id.isprintable()
        assert status < 400
