"""What a new protocol must bring: a page of facts, own captures with their origin, and a list of reads."""

import json
from pathlib import Path

import pytest

from ingest import ant, daly
from ingest.errors import RequestForbidden
from ingest.protocol import CONDITIONS, Certainty, discover, openers
from ingest.protocols import jbd, jk, jk_uart, pylontech_rs485

ROOT = Path(__file__).parents[2]
PROTOCOLS = sorted(discover().items())


@pytest.mark.parametrize(("name", "protocol"), PROTOCOLS)
def test_a_protocol_has_a_page_of_facts_and_captures(name, protocol):
    page = (ROOT / "docs" / "protocols" / f"{name}.md").read_text()
    assert page.startswith(f"# {protocol.title}")
    assert protocol.certainty.value in page
    captures = sorted((ROOT / "tests" / "captures" / name).glob("*.json"))
    assert captures
    for path in captures:
        capture = json.loads(path.read_text())
        assert capture["protocol"] == name
        assert len(capture["origin"]) > 20


@pytest.mark.parametrize(("name", "protocol"), PROTOCOLS)
def test_the_page_lists_every_request_that_may_be_sent(name, protocol):
    page = (ROOT / "docs" / "protocols" / f"{name}.md").read_text()
    for row in protocol.requests:
        assert f"`{row.name}`" in page
        assert f"{row.command:02X}" in page


@pytest.mark.parametrize(("name", "protocol"), PROTOCOLS)
def test_what_is_polled_is_permitted_and_nothing_else_is(name, protocol):
    for address in (None, 2, 3, 5):
        for request in protocol.poll(address) + protocol.identify(address):
            assert protocol.permit(request).is_request
            with pytest.raises(RequestForbidden):
                protocol.permit(request + request)
            with pytest.raises(RequestForbidden):
                protocol.permit(request[:-1])
    with pytest.raises(RequestForbidden, match="allowed"):
        protocol.request("write")


def test_the_folder_is_the_list_of_protocols():
    modules = {path.stem for path in (ROOT / "ingest" / "protocols").glob("*.py")} - {"__init__"}
    assert {name.replace("-", "_") for name in [*discover(), *openers()]} == modules
    assert all(isinstance(protocol.certainty, Certainty) for protocol in discover().values())


def test_conditions_are_spelt_as_in_the_one_list():
    named = {
        *jbd.PROTECTIONS,
        *jbd.COUNTER_KINDS,
        *pylontech_rs485.PROTECTION_BITS.values(),
        *jk.ALARMS,
        *jk_uart.ALARMS,
        *daly.CONDITION_NAMES,
        *ant.CHARGE_STATES.values(),
        *ant.DISCHARGE_STATES.values(),
    }
    assert named <= CONDITIONS
