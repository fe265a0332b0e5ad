"""Each rule over what came before, from both sides."""

from dataclasses import replace
from decimal import Decimal

import pytest

from ingest.plausibility import findings
from schemas.terms import Origin
from tests.ingest.doubting import NOON, Source, after, said

DAY = 86_400


# Rule 1


def test_two_devices_under_one_number_take_turns():
    source, steady = Source(), Source()
    told = [source.codes(at * 10, said("voltage", "52.00" if at % 2 else "48.10")) for at in range(14)]
    # Eight values make a track, and it must last half a minute.
    assert ["two_senders" in codes for codes in told] == [False] * 10 + [True] * 4
    for at in range(40):
        assert not steady.codes(at * 10, said("voltage", f"52.{at % 7}0"))


def test_a_load_that_comes_and_goes_is_no_second_sender():
    source = Source()
    for at in range(40):
        volts = Decimal("52.00") - (Decimal("2.5") + at % 5 if at % 2 else 0)
        assert "two_senders" not in source.codes(at * 10, said("voltage", volts))


def test_a_counter_that_keeps_falling_and_coming_back_belongs_to_two():
    source = Source()
    told = [source.codes(at * 10, said("cycle_count", 300 if at % 2 else 40)) for at in range(2, 20)]
    assert not any("two_senders" in codes for codes in told[:6])
    assert "two_senders" in told[-1]


def test_bursts_of_damage_are_told_and_a_single_frame_is_not():
    source = Source()
    for at in range(20):
        source.memory.frame(after(at), sound=at != 7)
    assert source.found(20) == ["damaged_frame"]
    for at in range(20, 40):
        source.memory.frame(after(at), sound=at % 3 != 0)
    assert source.found(40) == ["checksum_bursts"]
    assert source.found(40) == []


# Rule 2


def module(number, volts="52.0"):
    return said("voltage", volts, component=f"module/{number}")


def test_a_part_that_falls_silent_while_others_speak_is_missed():
    source = Source()
    for at in range(0, 100, 10):
        source.codes(at, module(1), module(2))
        assert source.found(at) == []
    for at in range(100, 130, 10):
        source.codes(at, module(1))
        assert source.found(at) == []
    source.codes(130, module(1))
    assert source.found(130) == ["part_silent"]


# Rule 9 and 14


def test_another_serial_number_freezes_the_binding_and_only_that_one():
    source = Source()
    for number in (1, 2):
        source.codes(0, said("serial_number", f"S{number}", component=f"module/{number}"), module(number))
    out = source.says(10, said("serial_number", "S1", component="module/2"), module(2), module(1))
    assert out == [("slot_shift",), ("slot_shift",), ()]
    assert source.says(20, module(2), module(1)) == [("slot_shift",), ()]
    (one,) = findings(source.memory, after(20))
    assert one.sentence == (
        "module/2 had the serial number S2 and now says S1, which was module/1: the parts changed places;"
        " its binding is frozen until somebody commissions it anew"
    )
    source.memory.commissioned("module/2", "S1")
    assert source.says(30, said("serial_number", "S1", component="module/2"), module(2)) == [(), ()]


def test_a_part_that_never_said_its_number_may_have_moved_with_the_one_beside_it():
    source = Source()
    source.codes(0, said("serial_number", "S1", component="module/1"), module(1), module(2))
    out = source.says(10, said("serial_number", "S9", component="module/1"), module(1), module(2))
    assert out == [("slot_shift",)] * 3
    assert source.says(20, said("voltage", 52), said("voltage", 50, component="string/1/module/1")) == [
        (),
        (),
    ]


def test_a_serial_number_is_compared_with_the_commissioned_one():
    source = Source(expected={None: "S1"})
    assert source.says(0, said("voltage", 52)) == [()]
    assert source.says(1, said("serial_number", "S2"), said("voltage", 52)) == [("slot_shift",)] * 2
    assert Source(expected={None: "S1"}).says(1, said("serial_number", "S1")) == [()]


def test_half_a_serial_number_is_no_other_one():
    source = Source()
    for words, doubts in (
        ("ABCD1234", ()),
        ("ABCD", ()),
        ("ABCD1234WXYZ", ()),
        ("1234ABCD", ("slot_shift",)),
    ):
        assert source.says(0, said("serial_number", words)) == [doubts]
    assert source.memory.serial(None) == "ABCD1234WXYZ"


def test_a_device_without_a_number_shifts_nothing():
    source = Source()
    source.codes(0, said("serial_number", "S1"))
    assert source.says(1, said("serial_number", "0000")) == [()]
    doubted = replace(said("serial_number", "S?"), doubts=("unreadable_text",))
    assert source.says(2, doubted) == [("unreadable_text",)]


def test_another_firmware_than_the_description_was_written_for():
    source = Source(firmware="1.4.0")
    assert source.codes(0, said("voltage", 52)) == set()
    assert source.codes(1, said("firmware_version", "1.4.0"), said("voltage", 52)) == set()
    assert source.codes(2, said("firmware_version", "1.5.0"), said("voltage", 52)) == {"firmware_differs"}
    assert Source().codes(2, said("firmware_version", "1.5.0")) == set()


# Rule 10


def test_a_fall_is_believed_when_it_was_said_three_times_over_half_a_minute():
    source = Source()
    assert source.says(0, said("cycle_count", 200)) == [()]
    assert source.says(10, said("cycle_count", 3)) == [("counter_unsettled",)]
    assert source.says(20, said("cycle_count", 3)) == [("counter_unsettled",)]
    assert source.says(30, said("cycle_count", 3)) == [("counter_unsettled",)]
    assert source.says(40, said("cycle_count", 3)) == [("counter_fell",)]
    assert source.says(50, said("cycle_count", 3)) == [()]


def test_a_slip_of_one_sample_never_counts():
    source = Source()
    source.says(0, said("cycle_count", 200))
    assert source.says(10, said("cycle_count", 0)) == [("counter_unsettled",)]
    assert source.says(20, said("cycle_count", 200)) == [()]
    assert source.says(30, said("cycle_count", 201)) == [()]


def test_a_counter_grows_as_fast_as_time_allows():
    source = Source()
    source.says(0, said("cycle_count", 200))
    assert source.says(3600, said("cycle_count", 204)) == [()]
    assert source.says(3610, said("cycle_count", 4000)) == [("counter_jumped",)]
    assert source.says(3620, said("cycle_count", 204)) == [()]


def test_a_new_level_is_believed_after_an_hour():
    source = Source()
    source.says(0, said("cycle_count", 5))
    told = [source.says(at, said("cycle_count", 900)) for at in range(60, 3781, 60)]
    assert told[0] == [("counter_jumped",)]
    assert told[59] == [("counter_jumped",)]
    assert told[60] == [()]


def test_charge_grows_by_no_more_than_the_current_carries():
    # 36 A for 100 s is 1 Ah; a fifth and one ampere hour more are granted.
    source = Source()
    source.says(0, said("current", "-36"), said("charge_out", "500.0"))
    assert source.says(100, said("current", "-36"), said("charge_out", "502.2"))[1] == ()
    assert source.says(200, said("current", "-36"), said("charge_out", "504.5"))[1] == ("counter_jumped",)


def test_what_happened_between_rare_samples_is_bounded_by_the_capacity():
    source = Source()
    source.says(0, said("nameplate_capacity", 50), said("current", 0), said("charge_out", 500))
    assert source.says(3600, said("charge_out", 540)) == [()]
    assert source.says(7200, said("charge_out", 900)) == [("counter_jumped",)]


def test_health_that_rises_without_a_word_is_told():
    source = Source()
    source.codes(0, said("bms_reported_health", 90))
    assert source.codes(10, said("bms_reported_health", 92)) == set()
    assert source.codes(20, said("bms_reported_health", "92.1")) == {"health_rose"}
    source.memory.commissioned(None)
    assert source.codes(30, said("bms_reported_health", "97")) == set()


def test_a_count_of_clearings_tells_of_a_new_beginning():
    source = Source()
    source.codes(0, said("event_count", 1, kind="statistics_cleared"), said("event_count", 4, kind="x"))
    assert source.codes(10, said("event_count", 1, kind="statistics_cleared")) == set()
    assert source.codes(20, said("event_count", 2, kind="statistics_cleared")) == {"counters_cleared"}
    assert source.codes(30, said("event_count", 5, kind="x")) == set()


# Rule 16


@pytest.mark.parametrize(
    ("stamp", "codes"),
    [
        (60, set()),
        (61, {"clock_off"}),
        (-61, {"clock_off"}),
    ],
)
def test_a_clock_may_be_a_minute_off(stamp, codes):
    assert Source().codes(0, said("voltage", 52, measured_at=after(stamp))) == codes


def test_an_entry_of_a_log_may_be_old():
    assert Source().codes(0, said("event_count", 1, kind="x", measured_at=after(-DAY))) == set()


def test_a_clock_that_was_never_set_is_told_from_one_that_is_right():
    epoch = NOON.replace(year=2000, month=1, day=1)
    assert "clock_never_set" in Source().codes(0, said("charge_in", 1, measured_at=epoch))
    assert Source().codes(0, said("charge_in", 1, measured_at=NOON)) == set()


def test_modules_whose_clocks_disagree():
    def pair(apart):
        return (
            said("voltage", 52, component="module/1", measured_at=after(0)),
            said("voltage", 52, component="module/2", measured_at=after(apart)),
        )

    assert "clocks_disagree" in Source().codes(30, *pair(61))
    assert Source().codes(30, *pair(60)) == set()


def test_nothing_is_measured_before_installation():
    source = Source(installed_at=NOON)
    assert source.codes(0, said("charge_in", 1, measured_at=after(-1))) == {"before_installation"}
    assert source.codes(0, said("charge_in", 1, measured_at=NOON)) == set()


# Rule 17


def test_a_source_that_falls_silent_is_stale_and_over_when_it_speaks():
    source = Source()
    for at in range(0, 100, 10):
        source.codes(at, said("voltage", 52))
    assert source.found(120) == []
    assert source.found(121) == ["stale"]
    assert source.found(300) == []
    told = []
    for at in range(310, 930, 10):
        source.codes(at, said("voltage", 52))
        told += source.found(at)
    assert told == ["-stale"]


@pytest.mark.parametrize(
    ("amps", "volts", "doubted"),
    [("-5", "52.00", True), ("-0.2", "52.00", False), ("-5", "52", False)],
)
def test_a_frozen_value_under_load_is_told_after_two_hours(amps, volts, doubted):
    source = Source()
    batch = (said("current", amps), said("voltage", volts))
    told = [source.says(at, *batch)[1] for at in range(0, 7381, 60)]
    assert ("frozen",) not in told[:121]
    assert (told[122] == ("frozen",)) is doubted


def test_a_value_that_moves_is_not_frozen():
    source = Source()
    for at in range(0, 9000, 60):
        cells = said("cell_voltage", f"3.30{at // 60 % 2}")
        assert source.codes(at, said("current", -5), cells) == set()


# Rule 19


def test_a_setting_that_changes_is_an_event():
    source = Source()
    source.codes(0, said("nameplate_capacity", 100))
    assert source.codes(10, said("nameplate_capacity", 100)) == set()
    assert source.codes(20, said("nameplate_capacity", 120)) == {"configuration_changed"}
    assert source.codes(30, said("nameplate_capacity", 120)) == set()


def test_a_charge_that_jumps_was_set():
    source = Source()
    full = said("full_charge_capacity", 100)
    source.codes(0, full, said("current", -36), said("state_of_charge", 60))
    # 36 A for 100 s is 1 % of 100 Ah, and five points are granted.
    assert source.codes(100, said("state_of_charge", 54)) == set()
    assert source.codes(200, said("state_of_charge", 100)) == {"charge_set"}
    assert source.codes(300, said("state_of_charge", 100)) == set()
    assert source.codes(9000, said("state_of_charge", 50)) == set()  # nobody watched


# Rule 20


def test_a_day_with_holes_is_told():
    watched, holed = Source(), Source()
    for at in range(0, DAY + 1, 60):
        watched.codes(at, said("voltage", 52))
        if at % 7200 < 3600:
            holed.codes(at, said("voltage", 52))
    assert "coverage_low" not in watched.found(DAY)
    assert "coverage_low" in holed.found(DAY)
    assert Decimal("0.45") < holed.memory.coverage(after(DAY))[1] < Decimal("0.55")


# Origins


@pytest.mark.parametrize(
    ("health", "cycles", "doubted"),
    [("99", (10, 60, 110), True), ("95", (10, 60, 110), True), ("99", (10, 60, 109), False),
     ("97", (10, 60, 210), False), ("100", (1000,), True), ("100", (999,), False), ("95", (1000,), False)],
)  # fmt: skip
def test_a_health_that_never_moves_is_a_placeholder(health, cycles, doubted):
    source = Source()
    for at, count in enumerate(cycles):
        codes = source.codes(at * 100 * DAY, said("bms_reported_health", health), said("cycle_count", count))
    assert ("health_placeholder" in codes) is doubted


def test_health_worked_out_from_cycles_is_told_from_health_that_is_measured():
    made_up, measured = Source(), Source()
    for step in range(1, 13):
        cycles = step * 60
        straight = Decimal(100) - Decimal(cycles) / 60  # 1 - cycles / 6000
        curved = Decimal(100) - Decimal(str(round((cycles / 60) ** 0.5, 1)))
        at = step * 30 * DAY
        first = made_up.codes(at, said("cycle_count", cycles), said("bms_reported_health", straight))
        second = measured.codes(at, said("cycle_count", cycles), said("bms_reported_health", curved))
    assert "health_from_cycles" in first
    assert "health_from_cycles" not in second


def test_a_learned_capacity_that_repeats_the_nominal_one():
    def codes(learned, cycles, origin=Origin.NATIVE):
        full = replace(said("full_charge_capacity", learned), origin=origin)
        return Source().codes(0, said("nameplate_capacity", 100), said("cycle_count", cycles), full)

    assert codes("100", 50) == {"repeats_nominal"}
    assert codes("100", 49) == set()
    assert codes("98.2", 500) == set()
    assert codes("100", 500, Origin.CONFIGURED) == set()


def test_cycles_that_are_throughput_over_nameplate():
    worked_out, counted = Source(), Source()
    for step in range(1, 5):
        through = said("charge_throughput", step * 100 + 30)
        plate = said("nameplate_capacity", 100)
        first = worked_out.codes(step * 30 * DAY, said("cycle_count", step), through, plate)
        second = counted.codes(step * 30 * DAY, said("cycle_count", step + 2), through, plate)
    assert "cycles_from_throughput" in first
    assert "cycles_from_throughput" not in second


# What is news


def test_a_doubt_is_news_when_it_begins_and_when_it_has_been_over_for_ten_minutes():
    source = Source()
    source.codes(0, said("state_of_charge", 101))
    assert source.found(0) == ["charge_out_of_range"]
    source.codes(10, said("state_of_charge", 101))
    assert source.found(10) == []
    source.codes(20, said("state_of_charge", 50))
    assert source.found(610) == []
    assert source.found(611) == ["-charge_out_of_range"]
    source.codes(700, said("state_of_charge", 101))
    assert source.found(700) == ["charge_out_of_range"]
