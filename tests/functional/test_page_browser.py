"""The public page on a phone: what a person sees, what a scanner reads, what a screen reader meets."""

import io
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
import zxingcpp
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from passport.ledger import batteries, database
from schemas.identifier import qr_text
from schemas.terms import PassportStatus
from tests.passport.web.web_house import House

pytestmark = pytest.mark.browser
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on this machine (Debian package chromium)")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Addresses of a running service: of a passport, an ended one, the landing page, an unknown one."""
    server = make_server("127.0.0.1", 0, lambda *_: [], handler_class=Quiet)
    url = f"http://127.0.0.1:{server.server_port}"
    house = House(tmp_path_factory.mktemp("house"), public_url=url)
    battery = house.battery()
    ended = house.battery("ENDED2345ENDED23")
    with database.writing(house.engine) as connection:
        batteries.set_status(connection, ended.id, PassportStatus.ARCHIVED)
    server.set_app(house.wsgi())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield {
        "scan": url + battery.identifier,
        "text": qr_text(url, battery.identifier),
        "page": f"{url}/p/{battery.passport_id}",
        "ended": f"{url}/p/{ended.passport_id}",
        "home": f"{url}/",
        "unknown": f"{url}/p/AAAAAAAAAAAAAAAA",
    }
    server.shutdown()
    thread.join(10)
    server.server_close()
    house.close()


def opened(browser: Browser, url: str, **options: Any) -> Page:
    context = browser.new_context(**{**PHONE, **options})
    page = context.new_page()
    page.goto(url)
    return page


def test_the_code_on_the_first_screen_is_the_scanned_identifier(
    browser: Browser, served: dict[str, str]
) -> None:
    for scheme in ("light", "dark"):
        page = opened(browser, served["scan"], color_scheme=scheme)
        found = zxingcpp.read_barcodes(Image.open(io.BytesIO(page.screenshot())))
        assert [code.text for code in found] == [served["text"]]
        page.context.close()


def test_the_first_screen_of_a_phone_holds_identity_and_what_responders_need(
    browser: Browser, served: dict[str, str]
) -> None:
    page = opened(browser, served["page"])
    for text in ("Voltaro R-102", "Simulated.", "Extinguish with", "58.4", "46.5"):
        box = page.get_by_text(text).first.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 844, text
    page.context.close()


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_scrolls_sideways(browser: Browser, served: dict[str, str], width: int) -> None:
    for name in ("page", "ended", "home", "unknown"):
        page = opened(browser, served[name], viewport={"width": width, "height": 844})
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["page", "ended", "home", "unknown"])
def test_no_rule_of_accessibility_is_broken(
    browser: Browser, served: dict[str, str], scheme: str, name: str
) -> None:
    # The policy of the page forbids foreign scripts; the tester's own is let in.
    page = opened(browser, served[name], color_scheme=scheme, bypass_csp=True)
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": tags}})
    assert found.violations_count == 0, found.generate_report()
    page.context.close()


def test_one_request_no_cookie_no_storage_no_error(browser: Browser, served: dict[str, str]) -> None:
    context = browser.new_context(**PHONE)
    page = context.new_page()
    requests: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(served["page"])
    page.wait_for_load_state("networkidle")
    assert [url for url in requests if not url.startswith("data:")] == [served["page"]]
    assert complaints == []
    assert context.cookies() == []
    context.close()


def test_everything_can_be_read_without_script_and_by_keyboard(
    browser: Browser, served: dict[str, str]
) -> None:
    page = opened(browser, served["page"], java_script_enabled=False)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # skip to content
    page.locator("#performance > summary").focus()
    page.keyboard.press("Enter")
    assert page.locator("#performance").get_attribute("open") is not None
    assert page.locator("#rated_capacity .v").inner_text() == "102\u00a0Ah"
    page.context.close()


def test_closed_chapters_are_printed(browser: Browser, served: dict[str, str], tmp_path: Path) -> None:
    page = opened(browser, served["page"])
    page.emulate_media(media="print")
    assert page.locator("#rated_capacity").is_visible()
    assert page.locator(".print").is_visible()
    page.context.close()


def test_targets_are_large_enough_for_gloves(browser: Browser, served: dict[str, str]) -> None:
    page = opened(browser, served["page"])
    for selector in ("summary", ".files a"):
        for element in page.locator(selector).all():
            box = element.bounding_box()
            assert box is not None
            assert box["height"] >= 44
    page.context.close()
