"""Keys and sessions: what opens, what never opens, and when it stops."""

from datetime import UTC, datetime, timedelta

import pytest

from passport import grants
from passport.errors import Forbidden, InputRefused, NotFound
from passport.ledger import database
from schemas.terms import Audience
from tests.databases import migrated

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
YEAR = timedelta(days=365)

# Made from random bytes that are all 0x11, all 0x22: base32 by hand of 5 and 32 equal bytes, CRC-32 by zlib.
FIXED_HANDLE = "ceirceir"


def fixed(count):
    return bytes([0x11]) * count


@pytest.fixture
def engine(tmp_path):
    engine = migrated(tmp_path)
    yield engine
    engine.dispose()


def make(engine, **changes):
    given = {
        "audience": Audience.LEGITIMATE_INTEREST,
        "purpose": "dismantling of returned packs",
        "now": NOW,
        "expires_at": NOW + YEAR,
    }
    with database.writing(engine) as connection:
        return grants.create(connection, **(given | changes))


def who(engine, key, at=NOW):
    with database.reading(engine) as connection:
        return grants.principal(connection, key, at)


def test_a_new_key_opens_its_audience_and_nothing_is_stored_that_opens(engine, tmp_path):
    key = make(engine)
    found = who(engine, key)
    assert found.audience is Audience.LEGITIMATE_INTEREST
    assert found.purpose == "dismantling of returned packs"
    secret = key.split("_")[2][:52]
    with database.writing(engine):
        pass
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert key.encode() not in stored
    assert secret.encode() not in stored
    assert found.key is not None
    assert found.key.encode() in stored


def test_a_key_has_a_mark_a_handle_256_random_bits_and_a_checksum(engine):
    key = make(engine, random_bytes=fixed)
    mark, handle, rest = key.split("_")
    assert mark == "cp"
    assert handle == FIXED_HANDLE
    assert rest[:52] == "ceirceirceirceirceirceirceirceirceirceirceirceirceiq"
    assert len(rest) == 59


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda key: "", id="empty"),
        pytest.param(lambda key: key[:-1], id="cut"),
        pytest.param(lambda key: key + "a", id="one more"),
        pytest.param(
            lambda key: key[:20] + ("a" if key[20] != "a" else "b") + key[21:], id="one letter wrong"
        ),
        pytest.param(lambda key: key.upper(), id="upper case"),
        pytest.param(lambda key: key.replace("_", "-"), id="other separator"),
        pytest.param(lambda key: key[:12] + "é" * (len(key) - 12), id="not ascii"),
        pytest.param(lambda key: "Bearer " + key, id="with its scheme"),
        pytest.param(lambda key: "cp_' OR 1=1 --_" + key[12:], id="sql"),
        pytest.param(lambda key: "x" * 100_000, id="huge"),
        pytest.param(lambda key: key + "\x00", id="nul"),
        pytest.param(lambda key: "\ud800" + key, id="lone surrogate"),
    ],
)
def test_a_damaged_key_is_refused_as_401(engine, damage):
    key = make(engine)
    with pytest.raises(grants.KeyRefused) as caught:
        who(engine, damage(key))
    assert caught.value.status == 401
    assert key not in str(caught.value)


def test_another_secret_under_a_known_handle_is_refused(engine):
    key = make(engine, random_bytes=fixed)
    with database.writing(engine) as connection:
        connection.exec_driver_sql("UPDATE api_key SET key_sha256 = ?", ("0" * 64,))
    with pytest.raises(grants.KeyRefused, match="not known"):
        who(engine, key)


def test_a_key_ends_at_its_expiry_to_the_second(engine):
    key = make(engine, expires_at=NOW + timedelta(seconds=10))
    assert who(engine, key, NOW + timedelta(seconds=9)).audience is Audience.LEGITIMATE_INTEREST
    with pytest.raises(grants.KeyRefused, match="time is over"):
        who(engine, key, NOW + timedelta(seconds=10))


def test_revocation_holds_from_the_next_request(engine):
    key = make(engine)
    who(engine, key)
    with database.writing(engine) as connection:
        grants.revoke(connection, key.split("_")[1], now=NOW)
    with pytest.raises(grants.KeyRefused):
        who(engine, key)


def test_revoking_by_a_pasted_key_uses_its_handle_and_unknown_handles_are_not_found(engine):
    key = make(engine)
    with database.writing(engine) as connection:
        grants.revoke(connection, key, now=NOW)
    with pytest.raises(grants.KeyRefused):
        who(engine, key)
    with pytest.raises(NotFound, match="nosuchke"), database.writing(engine) as connection:
        grants.revoke(connection, "nosuchke", now=NOW)


def test_a_session_ends_with_the_revocation_of_its_key(engine):
    key = make(engine)
    with database.writing(engine) as connection:
        session = grants.open_session(connection, key, NOW)
    with database.reading(engine) as connection:
        assert grants.session_principal(connection, session, NOW).audience is Audience.LEGITIMATE_INTEREST
    with database.writing(engine) as connection:
        grants.revoke(connection, key, now=NOW)
    with database.reading(engine) as connection, pytest.raises(grants.KeyRefused):
        grants.session_principal(connection, session, NOW)


def test_a_session_ends_after_eight_hours_and_on_signing_out(engine):
    key = make(engine)
    with database.writing(engine) as connection:
        first = grants.open_session(connection, key, NOW)
        second = grants.open_session(connection, key, NOW)
        grants.close_session(connection, second)
    with database.reading(engine) as connection:
        grants.session_principal(connection, first, NOW + timedelta(hours=7, minutes=59))
        for token, at in ((first, NOW + timedelta(hours=8)), (second, NOW), ("made up", NOW), ("", NOW)):
            with pytest.raises(grants.KeyRefused):
                grants.session_principal(connection, token, at)


def test_the_session_id_is_not_stored(engine, tmp_path):
    key = make(engine)
    with database.writing(engine) as connection:
        session = grants.open_session(connection, key, NOW)
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert session.encode() not in stored


def test_a_device_key_reads_nothing_and_opens_no_session(engine):
    key = make(engine, audience=None, right=grants.Right.INTAKE, battery="B" * 16)
    device = who(engine, key)
    assert device.right is grants.Right.INTAKE
    assert device.audience is None
    with pytest.raises(Forbidden):
        device.audience_for(operator="any", battery="B" * 16)
    with database.writing(engine) as connection, pytest.raises(Forbidden):
        grants.open_session(connection, key, NOW)


def test_a_scope_only_narrows(engine):
    scoped = who(engine, make(engine, operator="first"))
    assert scoped.audience_for(operator="first", battery="A") is Audience.LEGITIMATE_INTEREST
    assert scoped.audience_for(operator="second", battery="A") is Audience.PUBLIC
    single = who(engine, make(engine, battery="A"))
    assert single.audience_for(operator="first", battery="A") is Audience.LEGITIMATE_INTEREST
    assert single.audience_for(operator="first", battery="B") is Audience.PUBLIC


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"purpose": "  "}, id="no purpose"),
        pytest.param({"purpose": "x" * 501}, id="a novel"),
        pytest.param({"expires_at": NOW}, id="already over"),
        pytest.param({"audience": Audience.PUBLIC}, id="public"),
        pytest.param({"audience": None}, id="reading without audience"),
        pytest.param({"right": grants.Right.INTAKE}, id="intake with audience"),
    ],
)
def test_a_key_that_makes_no_sense_is_not_made(engine, changes):
    with pytest.raises(InputRefused):
        make(engine, **changes)


def test_keys_are_listed_with_their_state(engine):
    make(engine, purpose="first")
    make(engine, purpose="second", expires_at=NOW + timedelta(days=1))
    third = make(engine, purpose="third", audience=Audience.AUTHORITY)
    with database.writing(engine) as connection:
        grants.revoke(connection, third, now=NOW)
    with database.reading(engine) as connection:
        rows = {row.purpose: row.state(NOW + timedelta(days=2)) for row in grants.keys(connection)}
    assert rows == {"first": "active", "second": "expired", "third": "revoked"}


def test_restricted_reads_are_written_down_and_a_visitors_are_not(engine):
    holder = who(engine, make(engine))
    with database.writing(engine) as connection:
        grants.audit(connection, holder, action="search", now=NOW, detail="chemistry")
        grants.audit(connection, grants.VISITOR, action="search", now=NOW)
        rows = connection.exec_driver_sql(
            "SELECT actor, action, audience, purpose, detail FROM audit WHERE actor LIKE 'key:%'"
        ).all()
    assert [tuple(row) for row in rows] == [
        (f"key:{holder.key}", "search", "legitimate_interest", "dismantling of returned packs", "chemistry")
    ]


def test_a_form_token_belongs_to_one_session():
    assert grants.form_token("a") != grants.form_token("b")
    assert grants.form_token("a") == grants.form_token("a")


def test_making_and_ending_a_key_is_written_down_without_the_key(engine):
    key = make(engine)
    handle = key.split("_")[1]
    with database.writing(engine) as connection:
        grants.revoke(connection, handle, now=NOW)
        rows = connection.exec_driver_sql("SELECT actor, action, detail FROM audit ORDER BY id").all()
    assert [tuple(row) for row in rows] == [
        ("administrator", "key create", f"{handle} until 2027-11-20T12:00:00Z"),
        ("administrator", "key revoke", handle),
    ]
