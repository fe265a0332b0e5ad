"""Saved searches and their webhooks, with a real server on this machine that hears them."""

import hashlib
import hmac
import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from passport import grants, search, watching
from passport.errors import Forbidden, InputRefused, NotFound
from passport.ledger import database
from passport.search import saved
from passport.search.saved import State
from schemas.terms import Audience
from tests.databases import migrated
from tests.passport.search.packs import Pack, judged, stated

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
URL = "http://127.0.0.1:8000"
LFP = stated(battery_chemistry="Li-ion LFP")


@dataclass
class Hook:
    """A webhook: what it heard, and what it answers."""

    url: str = ""
    status: int = 204
    location: str = ""
    heard: list = field(default_factory=list)


@pytest.fixture
def hook():
    told = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.heard.append((self.path, dict(self.headers), body))
            self.send_response(told.status)
            if told.location:
                self.send_header("Location", told.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}/hook?a=1"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


class Site:
    def __init__(self, folder):
        self.folder = folder
        self.engine = migrated(folder)
        self.now = NOW

    def key(self, **scope):
        scope = {"audience": Audience.LEGITIMATE_INTEREST, **scope}
        with database.writing(self.engine) as connection:
            key = grants.create(
                connection, purpose="recycling", now=NOW, expires_at=NOW + timedelta(days=9), **scope
            )
        return key.split("_")[1]

    def save(self, url, *pairs, handle, name="mine"):
        with database.writing(self.engine) as connection:
            who = grants.by_handle(connection, handle, self.now)
            return saved.save(
                connection,
                who,
                name=name,
                handle=handle,
                pairs=pairs,
                url=url,
                now=self.now,
                random_bytes=lambda count: bytes(range(count)),
            )

    def add(self, name, *, operator="first", **parts):
        with database.writing(self.engine) as connection:
            search.index(connection, battery=Pack(name, operator=operator), **parts)

    def watch(self):
        return watching.watch(self.engine, self.folder, public_url=URL, now=self.now)

    def messages(self):
        with database.reading(self.engine) as connection:
            return saved.deliveries(connection)


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path)
    yield made
    made.engine.dispose()


def names(hook):
    return [[one["passport_id"] for one in json.loads(body)["batteries"]] for _, _, body in hook.heard]


def test_what_newly_fits_is_told_once_and_what_fitted_before_is_not(site, hook):
    site.add("OLD", facts=LFP)
    site.save(hook.url, ("chemistry", "LFP"), handle=site.key())
    assert site.watch() == 0
    site.add("NEW", facts=LFP)
    site.add("OTHER", facts=stated(battery_chemistry="Li-ion NMC"))
    assert site.watch() == 1
    assert names(hook) == [["PNEW"]]
    site.add("NEW", facts=LFP)  # a further version
    assert site.watch() == 0
    site.add("OTHER", facts=LFP)  # it fits from now on
    assert site.watch() == 1
    assert names(hook) == [["PNEW"], ["POTHER"]]


def test_the_message_is_signed_with_the_secret_that_was_shown(site, hook):
    made = site.save(hook.url, ("chemistry", "LFP"), handle=site.key())
    site.add("NEW", facts=LFP)
    site.watch()
    ((path, headers, body),) = hook.heard
    secret = watching.secret_of(site.folder, made.id)
    stamp = headers["Cellpass-Timestamp"]
    assert stamp == "1795867200"  # 28 November 2026, noon
    expected = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["Cellpass-Signature"] == f"sha256={expected}"
    assert path == "/hook?a=1"
    assert headers["Content-Type"] == "application/json"
    assert json.loads(body)["search"] == made.id
    assert (site.folder / watching.KEY_FILE).stat().st_mode & 0o777 == 0o600
    with database.reading(site.engine) as connection:
        tables = [
            connection.exec_driver_sql(f"SELECT * FROM {table}").fetchall()
            for table in ("saved_search", "delivery", "audit")
        ]
    assert secret not in str(tables)


def test_a_message_says_only_what_the_key_may_read(site, hook):
    site.save(hook.url, ("chemistry", "LFP"), handle=site.key(operator="second"))
    site.add("MINE", operator="second", facts=LFP, assessment=judged("84.1"))
    site.add("THEIRS", operator="first", facts=LFP, assessment=judged("77.7"))
    site.watch()
    told = {one["passport_id"]: one for one in json.loads(hook.heard[0][2])["batteries"]}
    assert told["PMINE"]["fields"]["health"] == {"value": "84.1", "unit": "%"}
    assert told["PTHEIRS"]["fields"]["health"] == {"absent": "restricted"}
    assert b"77.7" not in hook.heard[0][2]


def test_a_question_that_the_key_may_not_ask_is_not_kept(site, hook):
    handle = site.key(audience=Audience.AUTHORITY)
    with pytest.raises(Forbidden, match="health"):
        site.save(hook.url, ("health_min", "80"), handle=handle)
    with pytest.raises(InputRefused, match="no order"):
        site.save(hook.url, ("order", "mass"), handle=handle)


def test_a_restricted_question_of_a_scoped_key_matches_only_in_its_scope(site, hook):
    site.save(hook.url, ("health_min", "70"), handle=site.key(operator="second"))
    site.add("THEIRS", operator="first", assessment=judged("90"))
    assert site.watch() == 0
    site.add("MINE", operator="second", assessment=judged("90"))
    assert site.watch() == 1
    assert names(hook) == [["PMINE"]]


def test_after_its_key_was_revoked_nothing_is_looked_at_and_nothing_sent(site, hook):
    handle = site.key()
    site.save(hook.url, ("chemistry", "LFP"), handle=handle)
    hook.status = 503
    site.add("NEW", facts=LFP)
    assert site.watch() == 0
    with database.writing(site.engine) as connection:
        grants.revoke(connection, handle, now=site.now)
    site.add("NEXT", facts=LFP)
    hook.status, site.now = 204, NOW + timedelta(hours=1)
    assert site.watch() == 0
    assert len(hook.heard) == 1
    (message,) = site.messages()
    assert (message.state, message.told) == (State.GIVEN_UP, "its key has ended")


def test_a_message_that_was_refused_is_tried_again_ever_later_and_at_last_given_up(site, hook):
    site.save(hook.url, ("chemistry", "LFP"), handle=site.key())
    site.add("NEW", facts=LFP)
    hook.status = 500
    waits = []
    while (message := (site.watch(), site.messages()[0])[1]).state is State.WAITING:
        waits.append((message.next_at - site.now) // timedelta(minutes=1))
        before = len(hook.heard)
        site.now = message.next_at - timedelta(seconds=1)
        site.watch()
        assert len(hook.heard) == before  # not a second too early
        site.now = message.next_at
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128]
    assert (message.attempts, message.told, message.state) == (9, "answered 500", State.GIVEN_UP)


def test_a_message_that_is_heard_at_last_is_delivered(site, hook):
    site.save(hook.url, ("chemistry", "LFP"), handle=site.key())
    site.add("NEW", facts=LFP)
    hook.status = 500
    site.watch()
    hook.status, site.now = 200, NOW + timedelta(minutes=1)
    assert site.watch() == 1
    assert hook.heard[0][2] == hook.heard[1][2]
    assert site.messages()[0].state is State.DELIVERED


def test_a_webhook_that_is_gone_is_not_asked_again(site, hook):
    site.save(hook.url, ("chemistry", "LFP"), handle=site.key())
    site.add("NEW", facts=LFP)
    hook.status = 410
    site.watch()
    assert site.messages()[0].state is State.GIVEN_UP


def test_a_redirection_is_not_followed(site, hook):
    site.save(hook.url, ("chemistry", "LFP"), handle=site.key())
    site.add("NEW", facts=LFP)
    hook.status, hook.location = 307, hook.url
    site.watch()
    assert len(hook.heard) == 1
    assert site.messages()[0].told == "answered 307"


def test_a_webhook_that_nobody_runs_is_written_down(site):
    site.save("http://127.0.0.1:9/", ("chemistry", "LFP"), handle=site.key())
    site.add("NEW", facts=LFP)
    assert site.watch() == 0
    assert site.messages()[0].told == "not reached: ConnectionRefusedError"


def test_very_many_matches_come_in_several_messages(site, hook, monkeypatch):
    monkeypatch.setattr(saved, "AT_ONCE", 2)
    site.save(hook.url, ("chemistry", "LFP"), handle=site.key())
    for name in "ABCDE":
        site.add(name, facts=LFP)
    assert site.watch() == 3
    assert names(hook) == [["PA", "PB"], ["PC", "PD"], ["PE"]]


def test_each_look_and_each_message_is_written_down_under_the_key(site, hook):
    handle = site.key()
    site.save(hook.url, ("chemistry", "LFP"), handle=handle)
    site.add("NEW", facts=LFP)
    site.watch()
    with database.reading(site.engine) as connection:
        rows = connection.exec_driver_sql(
            "SELECT actor, action, purpose FROM audit WHERE action IN ('search', 'webhook') ORDER BY id"
        )
        assert [tuple(row) for row in rows] == [
            (f"key:{handle}", "search", "recycling"),
            (f"key:{handle}", "webhook", "recycling"),
        ]


def test_a_removed_search_is_forgotten_and_its_waiting_message_given_up(site, hook):
    made = site.save(hook.url, ("chemistry", "LFP"), handle=site.key())
    site.add("NEW", facts=LFP)
    hook.status = 500
    site.watch()
    with database.writing(site.engine) as connection:
        saved.remove(connection, made.id)
        with pytest.raises(NotFound):
            saved.remove(connection, made.id)
    site.now = NOW + timedelta(hours=1)
    site.watch()
    assert len(hook.heard) == 1
    assert site.messages()[0].told == "the search was removed"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/hook",
        "ftp://example.org/",
        "https://",
        "https://user:word@example.org/",
        "https://example.org/#part",
        "https://example.org:port/",
        "https://example.org/a b",
        "https://exämple.org/",
        "https://example.org/" + "x" * 500,
        "file:///etc/passwd",
        "",
    ],
)
def test_a_webhook_is_https_or_on_this_machine(url):
    with pytest.raises(InputRefused, match="webhook"):
        saved.checked_url(url)


@pytest.mark.parametrize(
    "url", ["https://example.org", "https://example.org:8443/a?b=c", "http://[::1]:8000/"]
)
def test_an_address_that_may_be_told(url):
    assert saved.checked_url(url) == url


def test_by_its_handle_a_key_for_intake_reads_nothing(site):
    with database.writing(site.engine) as connection:
        key = grants.create(
            connection,
            audience=None,
            right=grants.Right.INTAKE,
            purpose="meter",
            now=NOW,
            expires_at=NOW + timedelta(days=9),
        )
        assert grants.by_handle(connection, key.split("_")[1], NOW) is None
        assert grants.by_handle(connection, "unknown", NOW) is None
