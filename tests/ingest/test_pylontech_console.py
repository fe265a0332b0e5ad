"""The Pylontech console: where answers end, what may be sent, what damage shows, and the simulated stack."""

import contextlib
from decimal import Decimal

import pytest

from ingest.captures import Decoded, read_capture
from ingest.errors import RequestForbidden
from ingest.protocol import CONDITIONS, Damage, Fault, Frame, Refused
from ingest.protocols import pylontech_console as console
from ingest.protocols.pylontech_console import PROTOCOL, encode_answer, encode_request
from ingest.simulators.live import LivePack
from ingest.simulators.pack import PackSpec, Protection, cell_voltages, step
from ingest.simulators.pylontech_console import PylontechConsole
from ingest.simulators.serve import serve_tcp
from tests.ingest.test_gateway import ListSink, gateway

HEADER = (
    "Battery  Volt   Curr   Tempr  Base State  Volt. State  Curr. State  Temp. State  SOC  Coulomb    BAL"
)
ROW = "0        3304   -1250  19000  Dischg      Normal       Normal       Normal       34%  17000 mAH  N"
CELL = encode_answer(b"bat 1\n", [HEADER, ROW])
SUMMARY = encode_answer(b"pwrsys\n", ["System Volt : 49777 mV", "System SOH : 94 %"])


def stack(count=2, **options):
    return PylontechConsole(
        [LivePack(PackSpec("LFP", 15, 50.0, seed=seed, **options)) for seed in range(count)]
    )


def found(*pieces):
    framer = PROTOCOL.framer()
    return [one for piece in pieces for one in framer.feed(piece)] + framer.flush()


def asked(device, name, module=None):
    """Every reading of the answer, by part, quantity, index and kind."""
    request = PROTOCOL.request(name, module)
    (frame,) = found(device.hear(request))
    readings = PROTOCOL.decode(frame, request=request)
    return {(r.component, r.quantity, r.index, r.kind): r.value for r in readings}


# Finding


@pytest.mark.parametrize(
    "between",
    [b"", b"\r\n", b"\r\npylon>\r\npylon>", b"\nPYTES>\n", b"\rpylon_debug>\r\r\n" * 40],
    ids=["nothing", "line end", "prompts", "another prompt", "many prompts"],
)
def test_prompts_between_answers_are_passed_over(between):
    frames = found(between, CELL, between, SUMMARY, between)
    assert [(frame.command, frame.address) for frame in frames] == [(console.BAT, 1), (console.PWRSYS, None)]
    assert frames[0].raw.startswith(b"bat 1\n")
    assert frames[0].raw.endswith(b"$$")


def test_an_answer_ends_with_its_marker_and_not_with_a_pause():
    framer = PROTOCOL.framer()
    (frame,) = framer.feed(CELL[: CELL.index(b"$$") + 2])
    assert PROTOCOL.is_last(frame, PROTOCOL.permit(b"bat 1\n"))
    assert not PROTOCOL.is_last(frame, PROTOCOL.permit(b"bat 2\n"))


def test_a_log_of_a_terminal_is_read_with_the_line_ends_of_an_editor():
    log = b"\npylon>\npylon>" + CELL.replace(b"\r", b"") + b"\npylon>" + SUMMARY.replace(b"\r", b"") + b"\n"
    entries = list(read_capture(log, PROTOCOL))
    assert all(isinstance(entry, Decoded) for entry in entries)
    said = {reading.quantity: reading.value for entry in entries for reading in entry.readings}
    assert said["cell_voltage"] == Decimal("3.304")
    assert said["bms_reported_health"] == 94


def test_what_somebody_wrote_in_front_is_noise():
    noise, frame = found(b"# day two: ", CELL)
    assert isinstance(noise, Refused)
    assert noise.fault is Fault.NOISE
    assert isinstance(frame, Frame)


def test_a_command_that_is_answered_late_is_a_request():
    first, second, answer = found(b"pwr\n", b"bat 1\n", CELL)
    assert (first.is_request, first.raw) == (True, b"pwr\n")
    assert (second.is_request, second.address) == (True, 1)
    assert not answer.is_request


def test_an_answer_without_end_is_refused_with_its_bound():
    endless = b"pwr\n@\n" + b"1 2 3\n" * 4000
    refused = found(endless, CELL)[0]
    assert (refused.fault, refused.length) == (Fault.LENGTH, console.LONGEST)
    assert isinstance(found(endless, CELL)[-1], Frame)


# Sending


def test_only_the_five_reads_are_ever_sent():
    for row in PROTOCOL.requests:
        for module in (None, 1, 16):
            assert PROTOCOL.permit(PROTOCOL.request(row.name, module)).is_request
    for line in (
        "config",
        "login debug",
        "shut",
        "reboot",
        "trst",
        "pwrsys 1",
        "pwr 1 off",
        "stat x",
        "soh 1",
    ):
        with pytest.raises(RequestForbidden):
            PROTOCOL.permit(f"{line}\n".encode())
        with pytest.raises(RequestForbidden):
            PROTOCOL.request(line)


def test_a_log_in_is_blanked_in_what_is_kept():
    heard = encode_answer(b"login secret\n", [])
    assert b"secret" not in PROTOCOL.redact(heard)
    assert len(PROTOCOL.redact(heard)) == len(heard)
    (frame,) = found(heard)
    assert PROTOCOL.decode(frame) == []
    entries = list(read_capture(b"pylon>login secret\r", PROTOCOL))
    assert all(b"secret" not in entry.raw for entry in entries)


def test_each_module_of_the_table_is_asked_and_who_it_is_only_once():
    device, session = stack(3), PROTOCOL.decoder()
    poller = PROTOCOL.poller(None, session)

    def cycle():
        lines = []
        for request in poller.cycle():
            lines.append(request)
            for frame in PROTOCOL.framer().feed(device.hear(request)):
                session.decode(frame, request=request)
        return lines

    each = [encode_request(name, module) for module in (1, 2, 3) for name in ("bat", "stat")]
    assert [line for line in cycle() if not line.startswith(b"info")] == [b"pwr\n", b"pwrsys\n", *each]
    assert cycle() == [b"pwr\n", b"pwrsys\n", *each]
    assert list(PROTOCOL.poller(2, session).cycle()) == [b"pwr 2\n", b"bat 2\n", b"stat 2\n"]


# Damage


def numbers(frame):
    return {r.value for r in PROTOCOL.decode(frame) if isinstance(r.value, Decimal)}


def wrong(data):
    """Numbers of sound answers in these bytes that the undamaged answer does not hold."""
    out = set()
    for frame in found(data):
        if isinstance(frame, Frame):
            with contextlib.suppress(Damage):
                out |= numbers(frame)
    return out - numbers(found(CELL)[0])


def test_a_flipped_bit_gives_no_wrong_number_unless_a_digit_came_or_went():
    for at in range(CELL.index(b"$$") + 2):
        for bit in range(8):
            damaged = bytearray(CELL)
            damaged[at] ^= 1 << bit
            made = damaged[at : at + 1]
            if not made.isdigit() and not (CELL[at : at + 1].isdigit() and made.isspace()):
                assert wrong(bytes(damaged)) == set(), (at, bit)


def test_a_lost_byte_gives_no_wrong_number_unless_it_was_a_digit():
    for at in range(CELL.index(b"$$") + 2):
        if not CELL[at : at + 1].isdigit():
            assert wrong(CELL[:at] + CELL[at + 1 :]) == set(), at


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ([HEADER, ROW.replace("  Normal  ", "  ", 1)], Fault.LENGTH),
        ([HEADER, ROW + " N"], Fault.LENGTH),
        ([HEADER, ROW, ROW], Fault.LENGTH),
        ([HEADER, "5" + ROW[1:]], Fault.LENGTH),
        ([HEADER, ROW.replace("3304", "33o4")], Fault.DELIMITER),
        ([HEADER, "x" + ROW[1:]], Fault.DELIMITER),
        ([ROW], Fault.DELIMITER),
        ([HEADER], Fault.DELIMITER),
    ],
)
def test_a_damaged_table_is_refused_as_a_whole(lines, fault):
    (frame,) = found(encode_answer(b"bat 1\n", lines))
    with pytest.raises(Damage) as caught:
        PROTOCOL.decode(frame)
    assert caught.value.fault is fault


def test_a_column_that_is_missing_or_unknown_costs_nothing_else():
    (frame,) = found(encode_answer(b"bat 3\n", ["Battery  Volt  Future", "0  3301  what", "1  3302  ever"]))
    told = [(r.quantity, r.index, r.component, r.value) for r in PROTOCOL.decode(frame)]
    assert told == [
        ("cell_voltage", 1, "module/3", Decimal("3.301")),
        ("cell_voltage", 2, "module/3", Decimal("3.302")),
    ]


def test_an_answer_about_another_module_than_was_asked_is_refused():
    (frame,) = found(encode_answer(b"info 2\n", ["Device address : 3", "Cell Number : 15"]))
    with pytest.raises(Damage, match="expected module 2"):
        PROTOCOL.decode(frame)


def test_conditions_are_spelt_as_in_the_one_list():
    states = [*console.MODULE_STATES.values(), *console.CELL_STATES.values()]
    assert {name for names in states for name in names} <= CONDITIONS
    assert {name for _, name in console.EVENTS.values()} <= CONDITIONS


@pytest.mark.parametrize(
    ("word", "current", "expected"),
    [
        ("COC", "0", ("protection", "charge_over_current")),
        ("DOCA", "0", ("warning", "discharge_over_current")),
        ("High", "-5", ("warning", "discharge_over_current")),
        ("Over", "5", ("protection", "charge_over_current")),
        ("Strange", "-5", ("alarm", "discharge_current_fault")),
    ],
)
def test_a_state_of_the_current_says_which_way(word, current, expected):
    lines = ["Power Volt Curr Curr.St Coulomb", f"1 50000 {current} {word} 50%"]
    (frame,) = found(encode_answer(b"pwr\n", lines))
    told = [(r.quantity, r.value) for r in PROTOCOL.decode(frame) if isinstance(r.value, str)]
    assert told == [expected]


# The simulated stack


def test_a_stack_tells_its_packs_state():
    device = stack()
    device.advance(600)
    table, whole = asked(device, "pwr"), asked(device, "pwrsys")
    for number, pack in enumerate(device.modules, 1):
        part = f"module/{number}"
        volts = [round(Decimal(float(volt)), 3) for volt in cell_voltages(pack.spec, pack.state)]
        cells = asked(device, "bat", number)
        assert [cells[part, "cell_voltage", index, None] for index in range(1, 16)] == volts
        assert table[part, "voltage", None, None] == sum(volts)
        assert table[part, "current", None, None] == round(Decimal(pack.state.current_a), 3) < 0
        assert asked(device, "stat", number)[part, "bms_reported_health", None, None] <= 100
        who = asked(device, "info", number)
        assert who[part, "serial_number", None, None] == f"SIM{pack.spec.seed:013d}"
        assert who[part, "nameplate_capacity", None, None] == 50
    assert table[None, "modules_online", None, None] == whole[None, "module_count", None, None] == 2
    assert whole[None, "remaining_charge", None, None] < whole[None, "full_charge_capacity", None, None]


def test_a_worn_stack_shows_health_and_a_tripped_one_its_protection():
    device = stack(1, health=0.82)
    pack = device.modules[0]
    pack.state = step(pack.spec, pack.state, 10, -400.0, 21.0)
    assert Protection.DISCHARGE_OVER_CURRENT in pack.state.protections
    counted = asked(device, "stat", 1)
    assert counted["module/1", "bms_reported_health", None, None] in (81, 82)
    assert counted["module/1", "event_count", None, "discharge_over_current"] == 1
    assert asked(device, "pwr")["module/1", "protection", None, None] == "discharge_over_current"
    assert asked(device, "pwr", 1)["module/1", "protection", None, None] == "discharge_over_current"


def test_a_stack_obeys_no_write_and_remembers_what_it_was_told():
    device = stack(1)
    before = device.modules[0].state
    for line in (b"shut\n", b"config 1\n", b"reboot\n"):
        assert b"Unknown command" in device.hear(line)
    assert list(device.refused) == [b"shut", b"config 1", b"reboot"]
    assert device.modules[0].state is before
    (frame,) = found(device.hear(b"bat 9\n"))
    assert {reading.absence for reading in PROTOCOL.decode(frame)} == {"not_read"}


def test_a_line_in_pieces_is_one_command_and_half_a_line_is_forgotten():
    device = stack(1)
    assert device.hear(b"in") == b""
    assert device.hear(b"fo 1\r\n").startswith(b"info 1\n")
    assert device.hear(b"sta") == b""
    device.quiet()
    assert device.hear(b"pwr\n").startswith(b"pwr\n")


@pytest.mark.parametrize("count", [0, 17])
def test_a_stack_has_as_many_modules_as_its_table_has_rows(count):
    with pytest.raises(ValueError, match="1 to 16"):
        stack(count)


def test_a_gateway_reads_each_module_of_a_stack():
    device, sink = stack(2), ListSink()
    with serve_tcp(device) as address:
        bindings = {None: "STACK", "module/1": "ONE", "module/2": "TWO"}
        heard = gateway(address, PROTOCOL, bindings, sink).run(count=2)
    assert not heard.refused
    assert not device.refused
    for battery in ("ONE", "TWO"):
        assert len(sink.values(battery, "cell_voltage", 15)) == 2
        assert len(sink.values(battery, "cycle_count")) == 2
    assert heard.last["TWO"]["serial_number", None, None].value == "SIM0000000000001"
    assert len(sink.values("STACK", "full_charge_capacity")) == 2
