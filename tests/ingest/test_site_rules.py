"""Rules over several sources of one site, from both sides and with their hold times."""

import pytest

from ingest.plausibility import Memory as SourceMemory
from ingest.plausibility import Severity, doubt
from ingest.site_rules import CHECKS, Described, Role, SiteMemory, site_findings
from tests.ingest.doubting import after, said


class Site:
    """Sources polled every ten seconds."""

    def __init__(self, **described):
        self.memory = SiteMemory()
        for source, plan in described.items():
            self.memory.describe(source, plan)

    def hears(self, seconds, **says):
        """Each source's (volts, amps), or readings; the codes that began or ended."""
        for source, batch in says.items():
            readings = electric(*batch) if isinstance(batch, tuple) else batch
            self.memory.note(source, readings, after(seconds))
        return self.found(seconds)

    def found(self, seconds):
        news = site_findings(self.memory, after(seconds))
        return [("-" if one.ended else "") + one.check.code for one in news]

    def lasts(self, until, step=10, **says):
        """What a constant picture comes to: the second at which each code began."""
        began = {}
        for seconds in range(0, until + 1, step):
            picture = {name: say(seconds) if callable(say) else say for name, say in says.items()}
            for code in self.hears(seconds, **picture):
                began.setdefault(code, seconds)
        return began


def electric(volts, amps, *more, component=None):
    return [
        said("voltage", volts, component=component),
        said("current", amps, component=component),
        *more,
    ]


def bound(battery, **more):
    return Described(bindings={None: battery}, **more)


METER = Described(role=Role.METER)


# Rule 1


def test_one_serial_number_behind_two_gateways_freezes_the_second_binding():
    site = Site(a=bound("A"), b=bound("B"))
    assert site.hears(0, a=[said("serial_number", "S1")], b=[said("serial_number", "S2")]) == []
    assert site.hears(10, b=[said("serial_number", "S1")]) == ["duplicate_serial"]
    assert site.memory.kept_aside("b", "module/1") == "duplicate_serial"
    assert site.memory.kept_aside("a", None) is None
    site.memory.commissioned("b", None)
    assert site.memory.kept_aside("b", None) is None
    assert site.hears(20, a=[said("serial_number", "S1")]) == []


def test_two_roads_to_one_battery_are_told_and_freeze_nothing():
    site = Site(a=bound("A"), b=bound("A"))
    found = site.hears(0, a=[said("serial_number", "S1")], b=[said("serial_number", "S1")])
    assert found == ["duplicate_serial"]
    assert site.memory.aside == {}


def test_a_master_that_repeats_the_number_of_its_module_is_one_road():
    site = Site()
    readings = [said("serial_number", "S1"), said("serial_number", "S1", component="module/1")]
    assert site.hears(0, a=readings) == []


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [(("l", 1), ("l", 1), ["same_address"]), (("l", 1), ("l", 2), []), ((None, 1), (None, 1), [])],
)
def test_two_sources_under_one_address_of_one_line(one, other, found):
    plans = [Described(line=line, bus_address=address) for line, address in (one, other)]
    site = Site(a=plans[0], b=plans[1])
    assert site.found(0) == found


# Rule 6


def swing(volts, factor=1):
    """A current that moves, the same at every source that has it."""
    return lambda seconds: (volts, factor * (10 + seconds // 10 % 7))


def test_independent_packs_in_series_are_told_and_stay_two():
    site = Site(a=bound("A"), b=bound("B"), inverter=METER)
    began = site.lasts(500, a=swing("48.0"), b=swing("48.4"), inverter=swing("96.5"))
    # Eight samples make a likeness, and it must last for five minutes.
    assert began == {"independent_in_series": 370}
    assert site.memory.aside == {}


def test_packs_whose_voltages_do_not_add_up_are_not_in_series():
    site = Site(a=bound("A"), b=bound("B"), inverter=METER)
    assert site.lasts(500, a=swing("48.0"), b=swing("48.4"), inverter=swing("48.2", 2)) == {}


def test_packs_with_different_currents_are_not_in_series():
    site = Site(inverter=METER)
    assert site.lasts(500, a=swing("48.0"), b=swing("48.4", 2), inverter=swing("96.5")) == {}


def test_modules_under_one_master_are_not_independent():
    site = Site(inverter=METER)

    def bank(seconds):
        amps = 10 + seconds // 10 % 7
        parts = [electric("48", amps, component=f"module/{at}") for at in (1, 2)]
        return [*electric("96", amps), *parts[0], *parts[1]]

    assert site.lasts(500, bank=bank, inverter=swing("96")) == {}


# Rule 7


def test_a_second_pack_that_nobody_registered_asks_for_commissioning():
    site = Site(a=bound("A"), inverter=METER)
    began = site.lasts(400, a=("52.0", 10), b=("52.1", 14), inverter=("52.0", 24))
    assert began == {"unplanned_parallel": 300}


@pytest.mark.parametrize(
    "says",
    [
        {"a": ("52.0", 10), "b": ("52.1", 14), "inverter": ("52.0", 10)},  # the bus knows of one
        {"a": ("52.0", 10), "b": ("26.1", 14), "inverter": ("52.0", 24)},  # another voltage
        {"a": ("52.0", 10), "b": ("52.1", 0), "inverter": ("52.0", 10)},
    ],
)
def test_what_does_not_add_up_is_not_parallel(says):
    assert Site(a=bound("A"), inverter=METER).lasts(400, **says) == {}


def test_two_registered_packs_in_parallel_are_as_planned():
    site = Site(a=bound("A"), b=bound("B"), inverter=METER)
    assert site.lasts(400, a=("52.0", 10), b=("52.1", 14), inverter=("52.0", 24)) == {}


# Rule 8


def test_a_bank_bound_as_a_battery_beside_its_batteries_is_frozen():
    site = Site(bau=bound("BANK"), a=bound("A"), b=bound("B"))
    began = site.lasts(200, bau=("52.0", 24), a=("52.0", 10), b=("52.1", 14))
    assert began == {"aggregate_as_battery": 120}
    assert site.memory.aside == {("bau", None): "aggregate_as_battery"}


def test_a_bank_is_told_from_its_modules_on_one_line():
    site = Site(bank=Described(bindings={None: "BANK", "module/1": "A", "module/2": "B"}))

    def says(seconds):
        del seconds
        one, two = (electric("52", amps, component=f"module/{at}") for at, amps in ((1, 10), (2, 14)))
        return [*electric("52", 24), *one, *two]

    assert site.lasts(200, bank=says) == {"aggregate_as_battery": 120}


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        # The parts are bound to nobody: the bank is the battery.
        ({"bau": bound("BANK")}, {"bau": ("52.0", 24), "a": ("52.0", 10), "b": ("52.1", 14)}),
        # Nothing adds up.
        (
            {"bau": bound("X"), "a": bound("A"), "b": bound("B")},
            {"bau": ("52.0", 30), "a": ("52.0", 10), "b": ("52.1", 14)},
        ),
    ],
)
def test_what_is_no_sum_is_a_battery(plan, says):
    assert Site(**plan).lasts(300, **says) == {}


def test_capacities_that_do_not_add_up_speak_against_a_sum():
    def says(volts, amps, capacity):
        return electric(volts, amps, said("nameplate_capacity", capacity))

    site = Site(bau=bound("BANK"), a=bound("A"), b=bound("B"))
    a, b = says("52.0", 10, 100), says("52.1", 14, 100)
    assert site.lasts(300, bau=says("52.0", 24, 100), a=a, b=b) == {}
    site = Site(bau=bound("BANK"), a=bound("A"), b=bound("B"))
    assert "aggregate_as_battery" in site.lasts(300, bau=says("52.0", 24, 200), a=a, b=b)


# Rule 18


def test_a_bank_of_different_capacities_is_written_down():
    def says(first, second):
        parts = []
        for component, capacity in (("module/1", first), ("module/2", second)):
            plate = said("nameplate_capacity", capacity, component=component)
            parts += electric("52", 5, plate, component=component)
        return parts

    assert Site().lasts(700, 60, bank=says(50, 74)) == {"mixed_bank": 600}
    assert Site().lasts(700, 60, bank=says(50, 52)) == {}


def test_chemistries_are_compared_on_one_bus_and_not_across_the_yard():
    def says(chemistry):
        return electric("52", 5, said("chemistry", chemistry))

    one_bus = Site(a=bound("A", bus="dc"), b=bound("B", bus="dc"))
    assert one_bus.lasts(700, 60, a=says("LFP"), b=says("NMC")) == {"mixed_bank": 600}
    assert Site(a=bound("A"), b=bound("B")).lasts(700, 60, a=says("LFP"), b=says("NMC")) == {}


# What holds for all


def test_a_finding_is_over_when_it_was_not_seen_for_as_long_as_it_must_last():
    site = Site(a=bound("A"), inverter=METER)
    site.lasts(300, a=("52.0", 10), b=("52.1", 14), inverter=("52.0", 24))
    ended = {}
    for seconds in range(310, 1000, 10):
        for code in site.hears(seconds, a=("52.0", 10), b=("52.1", 14), inverter=("52.0", 10)):
            ended[code] = seconds
    assert ended == {"-unplanned_parallel": 910}


def test_what_was_heard_long_ago_is_compared_with_nothing():
    site = Site(a=bound("A"), inverter=METER)
    site.hears(0, b=("52.1", 14))
    assert site.lasts(600, a=("52.0", 10), inverter=("52.0", 24)) == {}


def test_values_that_no_sum_may_use_are_passed_over():
    site = Site()
    out = doubt([said("voltage", "655.35"), said("current", 5)], SourceMemory())
    site.hears(0, a=out)
    assert "voltage" not in site.memory.units["a", None].numbers


def test_a_hostile_bank_cannot_fill_the_memory():
    site = Site()
    site.hears(0, a=[said("voltage", 52, component=f"module/{at}") for at in range(1000)])
    assert len(site.memory.units) == 200


def test_every_check_has_a_number_a_reason_and_a_severity():
    for check in CHECKS:
        assert check.number in {1, 6, 7, 8, 18}
        assert len(check.reason) > 40
        assert check.severity in {Severity.WARN, Severity.COMMISSION}
