"""What the threads of a site's run hand to the site's rules, and what comes of it."""

from contextlib import nullcontext

from ingest.site.watch import SiteWatch
from tests.ingest.doubting import NOON, after, said
from tests.ingest.test_site_rules import electric


class Records:
    def __init__(self):
        self.entries = []

    def serials(self, connection, source):
        return {}

    def audit(self, connection, *, at, actor, action, battery, detail):
        self.entries.append((actor, action, battery, detail.split(":")[0]))


def watch():
    records = Records()
    return SiteWatch(nullcontext, records, lambda: NOON), records


def test_a_frozen_binding_reaches_the_gateway_and_every_battery_of_the_sum():
    site, records = watch()
    for source, battery in (("bau", "BANK"), ("a", "A"), ("b", "B")):
        site.add(source, {None: battery}, line=source, bus_address=None)
    aside = site.aside("bau")
    for seconds in range(0, 200, 10):
        for source, volts, amps in (("bau", "52.0", 24), ("a", "52.0", 10), ("b", "52.1", 14)):
            site.heard(source, after(seconds), electric(volts, amps))
    assert aside == {None: "aggregate_as_battery"}
    assert site.aside("a") == {}
    what = "rule 8 aggregate_as_battery"
    assert records.entries == [("device:bau", "doubt", battery, what) for battery in ("BANK", "A", "B")]


def test_a_binding_that_is_commissioned_anew_is_thawed_and_stays_so_while_the_finding_stands():
    site, records = watch()
    for source, battery in (("bau", "BANK"), ("a", "A"), ("b", "B")):
        site.add(source, {None: battery}, line=source, bus_address=None)
    aside = site.aside("bau")
    for seconds in range(0, 400, 10):
        if seconds == 200:
            assert aside == {None: "aggregate_as_battery"}
            site.commissioned("bau", {None: "BANK"}, [None])
        for source, volts, amps in (("bau", "52.0", 24), ("a", "52.0", 10), ("b", "52.1", 14)):
            site.heard(source, after(seconds), electric(volts, amps))
    assert aside == {}
    assert len(records.entries) == 3, "told once"


def test_sources_on_different_buses_are_not_added_up():
    site, records = watch()
    for source, battery in (("bau", "BANK"), ("a", "A"), ("b", "B")):
        bus = "garage" if source == "b" else "cellar"
        site.add(source, {None: battery}, line=source, bus_address=None, bus=bus)
    for seconds in range(0, 200, 10):
        for source, volts, amps in (("bau", "52.0", 24), ("a", "52.0", 10), ("b", "52.1", 14)):
            site.heard(source, after(seconds), electric(volts, amps))
    assert (site.aside("bau"), records.entries) == ({}, [])


def test_a_source_without_a_battery_is_the_meter_of_the_bus():
    site, records = watch()
    site.add("a", {None: "A"}, line="a", bus_address=None)
    site.add("b", {None: "B"}, line="b", bus_address=None)
    site.add("inverter", {}, line="i", bus_address=None)
    for seconds in range(0, 600, 10):
        amps = 10 + seconds // 10 % 7
        for source, volts in (("a", "48.0"), ("b", "48.4"), ("inverter", "96.5")):
            site.heard(source, after(seconds), electric(volts, amps))
    assert [entry[2:] for entry in records.entries] == [
        ("A", "rule 6 independent_in_series"),
        ("B", "rule 6 independent_in_series"),
    ]
    assert site.aside("a") == {}


def test_two_sources_of_one_line_and_address_are_told_once_for_each_battery():
    site, records = watch()
    site.add("a", {None: "A"}, line="tcp:bridge:1", bus_address=2)
    site.add("b", {None: "B"}, line="tcp:bridge:1", bus_address=2)
    site.heard("a", NOON, [said("voltage", 52)])
    site.heard("a", after(10), [said("voltage", 52)])
    assert [entry[2] for entry in records.entries] == ["A", "B"]
