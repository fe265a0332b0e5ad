"""Acts on batteries: what they write down, which versions come of them, what they refuse."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passport.errors import FactRefused, InputRefused
from passport.issue import RecordGateClosed, view_of
from passport.ledger import batteries, database, life, operators, versions
from passport.life import acts
from passport.lifecycle import status
from passport.lifecycle.status import ActName
from passport.signing.verify import verify
from passport.web import views
from schemas.terms import Audience, BatteryStatus, Category, PassportStatus, RecordKind
from tests.passport.issuing import AFTER, BEFORE, NOW, OPERATOR, installation

LATER = NOW + timedelta(days=1)
DAY = timedelta(days=1)


@pytest.fixture
def house(tmp_path):
    with installation(tmp_path) as made:
        yield made


def pack(house, *, issue=True, **facts):
    made = house.battery(category=Category.EV, battery_status="original", **facts)
    if issue:
        house.issuer.issue(made.id, RecordKind.PASSPORT, now=NOW)
        house.issuer.issue(made.id, RecordKind.CONDITION, now=NOW)
    return made


def new(house, operator=None, **facts):
    facts = {"rated_capacity": Decimal(80), "placed_on_market_date": BEFORE, **facts}
    path = f"/01/09520123456788/21/N{next(house.serials)}"
    return acts.NewBattery(path, Category.STATIONARY, facts, operator)


def repurpose(house, *originals, at=LATER, **options):
    made = options.pop("new", None) or new(house)
    return acts.new_life(
        house.issuer,
        [one.id for one in originals],
        made,
        BatteryStatus.REPURPOSED,
        at=at,
        now=at,
        **options,
    )


def tell(house, battery, name, at=LATER, **options):
    return acts.tell(house.issuer, battery.id, ActName(name), at=at, now=at, **options)


def said(house, battery, kind=RecordKind.PASSPORT, audience=Audience.LEGITIMATE_INTEREST):
    with database.reading(house.engine) as connection:
        version = versions.latest(connection, battery.id, kind)
        return dict(view_of(connection, version, audience).values)


def lived(house, battery):
    with database.reading(house.engine) as connection:
        return life.life_of(connection, battery.id), batteries.get(connection, battery.id)


def value(house, battery, name, kind=RecordKind.PASSPORT):
    return said(house, battery, kind)[name].get("value")


def chain(house, battery, *, previous=None, now=LATER):
    """The line `chain` of the battery's bundle, judged with the operator's keys."""
    with database.reading(house.engine) as connection:
        version = versions.latest(connection, battery.id, RecordKind.PASSPORT)
        data = views.bundle(connection, view_of(connection, version, Audience.PUBLIC))
        keys = operators.jwks(connection, OPERATOR)["keys"]
    verdict = verify(data, jwks=keys, now=now, previous=previous)
    return data, {line.name: line for line in verdict.lines}


def test_a_pack_of_two_gets_a_passport_linked_both_ways(house):
    first, second = pack(house), pack(house)
    told = repurpose(house, first, second)
    assert [(kind, type(outcome).__name__) for _, kind, outcome in told.issued] == [
        (RecordKind.PASSPORT, "Version"),
        (RecordKind.CONDITION, "Version"),
        (RecordKind.PASSPORT, "Version"),
        (RecordKind.PASSPORT, "Version"),
        (RecordKind.CONDITION, "Version"),
        (RecordKind.CONDITION, "Version"),
    ]
    made = told.battery
    assert made.id not in (first.id, second.id)
    assert made.passport_id not in (first.passport_id, second.passport_id)
    addresses = {acts.passport_address(house.issuer, one) for one in (first, second)}
    assert set(value(house, made, "predecessor_passport_ids")) == addresses
    assert value(house, made, "second_life_operation") == "repurposing"
    for original in (first, second):
        assert value(house, original, "successor_passport_ids") == [acts.passport_address(house.issuer, made)]
        assert value(house, original, "dpp_status") == "Inactive"
        assert value(house, original, "battery_status", RecordKind.CONDITION) == "repurposed"
        history = value(house, original, "status_history", RecordKind.CONDITION)
        assert [one["status"] for one in history] == ["original", "repurposed"]
    assert value(house, made, "battery_status", RecordKind.CONDITION) == "repurposed"
    assert house.one("SELECT count(*) FROM due_version") == 0


def test_the_chain_of_the_new_passport_reaches_its_originals_and_theirs_reach_it(house):
    first, second = pack(house), pack(house)
    made = repurpose(house, first, second).battery
    _, lines = chain(house, made)
    assert lines["chain"].answer == "yes"
    assert lines["chain"].reason == "the first version; it came from 2 others"
    _, lines = chain(house, first)
    assert (lines["chain"].answer, lines["schema"].answer) == ("yes", "yes")
    assert lines["chain"].reason.endswith("back to the first; it goes on as 1 other")


def test_a_third_life_is_followed_back_to_the_first(house):
    made = repurpose(house, pack(house), pack(house)).battery
    again = repurpose(house, made, at=LATER + DAY).battery
    _, lines = chain(house, again, now=LATER + DAY)
    assert lines["chain"].reason == "the first version; it came from 1 other, 2 more behind these"


@pytest.mark.parametrize("side", ["record", "related"])
def test_tampering_with_either_side_of_a_link_is_noticed(house, side):
    made = repurpose(house, pack(house), pack(house)).battery
    data, _ = chain(house, made)
    bundle = json.loads(data)
    with database.reading(house.engine) as connection:
        keys = operators.jwks(connection, OPERATOR)["keys"]

    def judged(content):
        verdict = verify(json.dumps(content).encode(), jwks=keys, now=LATER)
        return {line.name: line for line in verdict.lines}

    if side == "record":
        head, payload, rest = bundle["record"].split(".")
        bundle["record"] = ".".join([head, payload[:-8] + "AAAAAAAA", rest])
        assert judged(bundle)["signature"].answer == "no"
        return
    whole = bundle["related"]
    head, payload, signature = whole[0].split(".")
    bundle["related"] = [f"{head}.{payload}.{signature[:-4]}AAAA", whole[1]]
    line = judged(bundle)["chain"]
    assert line.answer == "no"
    assert "is not the quoted one" in line.reason
    # One that is left out makes it unknown, not wrong.
    bundle["related"] = whole[1:]
    line = judged(bundle)["chain"]
    assert (line.answer, "1 not given" in line.reason) == ("unknown", True)


def test_all_refusals_come_at_once_and_nothing_is_done(house):
    waste, unstated, bare = pack(house), house.battery(), pack(house, issue=False)
    house.issuer.issue(unstated.id, RecordKind.PASSPORT, now=NOW)
    tell(house, waste, "waste")
    before = house.one("SELECT count(*) FROM battery"), house.one("SELECT count(*) FROM life_event")
    with pytest.raises(acts.ActRefused) as refused:
        acts.new_life(
            house.issuer,
            [waste.id, unstated.id, bare.id],
            new(house),
            BatteryStatus.RE_USED,
            at=LATER,
            now=LATER,
        )
    lines = str(refused.value).splitlines()
    assert len(lines) == 2
    assert "nobody stated the battery's status" in lines[0]
    assert "it starts from waste, and the battery is original" in lines[1]
    assert "Art. 77(7)" in lines[1]
    assert (house.one("SELECT count(*) FROM battery"), house.one("SELECT count(*) FROM life_event")) == before
    with pytest.raises(acts.ActRefused, match="no passport that could be linked"):
        repurpose(house, bare)


def test_the_gate_holds_for_a_new_life_and_nothing_is_done_when_it_is_shut(house):
    original = pack(house)
    owing = new(house, placed_on_market_date=AFTER)
    with pytest.raises(RecordGateClosed):
        repurpose(house, original, new=owing)
    assert house.one("SELECT count(*) FROM battery") == 1
    assert lived(house, original)[0].events == ()
    told = repurpose(house, original, new=owing, incomplete="tests of the pilot are under way")
    with database.reading(house.engine) as connection:
        version = versions.latest(connection, told.battery.id, RecordKind.PASSPORT)
    assert version.incomplete == "tests of the pilot are under way"


def test_waste_is_prepared_and_the_word_is_the_law_s(house):
    original = pack(house)
    tell(house, original, "waste")
    told = repurpose(house, original, at=LATER + DAY)
    assert value(house, told.battery, "second_life_operation") == "preparation_for_repurposing"


def test_an_original_goes_on_once_unless_a_further_part_of_it_does(house):
    original = pack(house)
    first = repurpose(house, original).battery
    with pytest.raises(acts.ActRefused, match="further part of it goes on here"):
        repurpose(house, original)
    second = repurpose(house, original, further=True, at=LATER + DAY).battery
    addresses = [acts.passport_address(house.issuer, one) for one in (first, second)]
    assert value(house, original, "successor_passport_ids") == addresses
    assert len([one for one in lived(house, original)[0].events if one.battery_status]) == 2
    _, lines = chain(house, original, now=LATER + DAY)
    assert lines["chain"].reason.endswith("it goes on as 2 others")


def test_remanufacturing_keeps_what_it_rests_on_and_has_bounds(house):
    original = pack(house)

    def remanufacture(capacity, spread):
        evidence = acts.Evidence(Decimal(capacity), Decimal(spread), "discharge at C/3, 25 °C")
        return acts.new_life(
            house.issuer,
            [original.id],
            acts.NewBattery("/01/09520123456788/21/REMAN", Category.EV, {"placed_on_market_date": BEFORE}),
            BatteryStatus.REMANUFACTURED,
            at=LATER,
            now=LATER,
            evidence=evidence,
        )

    with pytest.raises(acts.ActRefused, match=r"at least 90 % .* 89.9 % came"):
        remanufacture("89.9", "1")
    with pytest.raises(acts.ActRefused, match=r"at most 3 % in health, 3.1 %"):
        remanufacture("95", "3.1")
    made = remanufacture("90", "3").battery
    (event,) = lived(house, made)[0].events
    assert event.detail["evidence"] == {
        "capacity": "90",
        "cell_spread": "3",
        "method": "discharge at C/3, 25 °C",
    }
    with pytest.raises(InputRefused, match="remanufacturing, and it alone"):
        acts.new_life(house.issuer, [made.id], new(house), BatteryStatus.REMANUFACTURED, at=LATER, now=LATER)


def test_an_original_of_another_operator_is_linked_and_left_to_it(house):
    original = pack(house)
    with database.writing(house.engine) as connection:
        operators.create(connection, "second-cells", name="Second Cells", simulated=True, at=NOW)
    made = acts.NewBattery(
        "/01/09520123456788/21/OTHER", Category.STATIONARY, {"placed_on_market_date": BEFORE}, "second-cells"
    )
    told = repurpose(house, original, new=made)
    address = acts.passport_address(house.issuer, original)
    assert told.unwritten == (address,)
    assert value(house, told.battery, "predecessor_passport_ids") == [address]
    assert lived(house, original)[0].events == ()
    assert value(house, original, "dpp_status") == "Active"
    acts.goes_on(house.issuer, original.id, told.battery.id, at=LATER, now=LATER)
    assert value(house, original, "dpp_status") == "Inactive"
    assert value(house, original, "successor_passport_ids") == [
        acts.passport_address(house.issuer, told.battery)
    ]
    with pytest.raises(acts.ActRefused, match="does not name"):
        acts.goes_on(house.issuer, pack(house).id, told.battery.id, at=LATER, now=LATER)


def test_an_original_of_another_service_is_quoted_and_travels_in_the_bundle(house, tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    with installation(folder) as other:
        foreign = pack(other)
        with database.reading(other.engine) as connection:
            version = versions.latest(connection, foreign.id, RecordKind.PASSPORT)
            keys = operators.jwks(connection, OPERATOR)["keys"]
        quoted = acts.Foreign(
            acts.passport_address(other.issuer, foreign),
            version.jwt,
            other.issuer.record_url(version.record_id),
        )
    pack(house)
    told = repurpose(house, foreign=[quoted], new=new(house, OPERATOR))
    assert told.unwritten == (quoted.address,)
    data, lines = chain(house, told.battery)
    assert lines["chain"].answer == "no"  # both call themselves by one name, and its keys are others
    with database.reading(house.engine) as connection:
        own = operators.jwks(connection, OPERATOR)["keys"]
    verdict = verify(data, jwks=[*own, *keys], now=LATER)
    assert {line.name: line.answer for line in verdict.lines}["chain"] == "yes"


def test_recycling_ends_the_passport_and_leaves_class_data(house):
    battery = pack(house)
    with pytest.raises(acts.ActRefused, match="it starts from waste, and the battery is original"):
        tell(house, battery, "recycled")
    tell(house, battery, "received", by="Recycling Works")
    assert value(house, battery, "battery_status", RecordKind.CONDITION) == "waste"
    tell(house, battery, "recycled", at=LATER + DAY, by="Recycling Works")
    last = said(house, battery)
    assert last["dpp_status"]["value"] == "Archived"
    assert last["passport_ceased_at"]["value"] == "2026-11-22"
    assert last["serial_number"] == {"absent": "not_applicable"}
    assert last["rated_capacity"]["value"] == "102"
    assert house.issuer.issue(battery.id, RecordKind.PASSPORT, now=LATER + 2 * DAY).version == 2
    with database.reading(house.engine) as connection:
        condition = versions.latest(connection, battery.id, RecordKind.CONDITION)
    assert house.issuer.issue(battery.id, RecordKind.CONDITION, now=LATER + 2 * DAY) == condition
    for kind in RecordKind:
        with pytest.raises(Exception, match="passport has ceased"):
            house.issuer.issue(battery.id, kind, now=LATER + 2 * DAY, force=True)
    with pytest.raises(acts.ActRefused, match="the battery was recycled"):
        repurpose(house, battery)
    _, lines = chain(house, battery, now=LATER + DAY)
    assert {name: line.answer for name, line in lines.items() if line.answer == "no"} == {}


def test_a_repair_keeps_passport_and_status_and_stands_in_the_history(house):
    battery = pack(house)
    acts.record_repair(
        house.issuer,
        battery.id,
        part="BMS board",
        removed_serial="SN-1",
        installed_serial="SN-2",
        at=LATER,
        now=LATER,
        by="Workshop",
    )
    assert value(house, battery, "repair_history") == [
        {
            "at": "2026-11-21T12:00:00Z",
            "part": "BMS board",
            "removed_serial": "SN-1",
            "installed_serial": "SN-2",
            "operator": "Workshop",
        }
    ]
    assert value(house, battery, "dpp_status") == "Active"
    assert lived(house, battery)[1].passport_status is PassportStatus.ACTIVE
    with pytest.raises(InputRefused, match="names the part"):
        acts.record_repair(house.issuer, battery.id, part=" ", at=LATER, now=LATER)


def test_values_of_4a_are_kept_at_placing_and_at_every_change_of_status(house):
    battery = pack(house, expected_lifetime_years=Decimal(12))
    house.declare(battery, expected_lifetime_years=Decimal(10))
    tell(house, battery, "waste")
    with database.reading(house.engine) as connection:
        kept = life.snapshots(connection, battery.id)
    assert [(one.occasion, one.battery_status) for one in kept] == [
        ("placing_on_the_market", "original"),
        ("waste", "waste"),
    ]
    assert [one.values["expected_lifetime_years"]["value"] for one in kept] == ["12", "10"]


def test_what_the_act_decides_is_not_declared_beside_it(house):
    original = pack(house)
    with pytest.raises(FactRefused, match="the act decides that"):
        repurpose(house, original, new=new(house, second_life_operation="repurposing"))
    with pytest.raises(FactRefused, match="the act makes it repurposed"):
        repurpose(house, original, new=new(house, battery_status="original"))
    with pytest.raises(InputRefused, match="named twice"):
        repurpose(house, original, original)
    with pytest.raises(InputRefused, match="at least one original"):
        repurpose(house)


def test_no_act_lies_in_the_future_or_before_the_last_change(house):
    battery = pack(house)
    with pytest.raises(Exception, match="is yet to come"):
        acts.tell(house.issuer, battery.id, ActName.WASTE, at=LATER, now=NOW)
    tell(house, battery, "waste")
    with pytest.raises(Exception, match="is before that"):
        acts.new_life(
            house.issuer,
            [battery.id],
            new(house),
            BatteryStatus.RE_USED,
            at=NOW,
            now=LATER,
        )


@settings(max_examples=12, deadline=None, database=None)
@given(
    names=st.lists(
        st.sampled_from([*(act.value for act in ActName if act not in status.NEW_LIVES), "new_life"]),
        max_size=8,
    )
)
def test_any_sequence_of_acts_leaves_a_history_without_a_gap(names, tmp_path_factory):
    with installation(tmp_path_factory.mktemp("acts")) as house:
        battery = pack(house)
        at, before = LATER, ()
        for name in names:
            at += DAY
            _, known = lived(house, battery)
            with database.reading(house.engine) as connection:
                standing = life.standing_of(connection, known)
            end = BatteryStatus.REMANUFACTURED
            act = status.operation_for(standing, end) if name == "new_life" else ActName(name)
            evidence = acts.Evidence(Decimal(95), Decimal(1), "test")
            try:
                if name == "new_life":
                    acts.new_life(
                        house.issuer, [battery.id], new(house), end, at=at, now=at, evidence=evidence
                    )
                else:
                    detail = {"part": "fuse"} if name == "repair" else {}
                    tell(house, battery, name, at=at, detail=detail)
            except acts.ActRefused:
                assert status.obstacle(status.ACTS[act], standing) is not None
                expected = standing
            else:
                assert status.obstacle(status.ACTS[act], standing) is None
                expected = status.after(status.ACTS[act], standing)
            told, known = lived(house, battery)
            with database.reading(house.engine) as connection:
                reached = life.standing_of(connection, known)
            assert (reached.battery, reached.passport) == (expected.battery, expected.passport)
            # Nothing that stood there is gone or changed; numbers have no gap.
            assert told.events[: len(before)] == before
            assert [one.sequence for one in told.events] == list(range(1, len(told.events) + 1))
            before = told.events
            passports = [one.passport_status for one in told.events if one.passport_status]
            assert known.passport_status is (passports[-1] if passports else PassportStatus.ACTIVE)
            statuses = [one.battery_status for one in told.events if one.battery_status]
            assert reached.battery is (statuses[-1] if statuses else BatteryStatus.ORIGINAL)
        now_is = lived(house, battery)[1].passport_status
        ended = now_is in status.ENDED
        assert value(house, battery, "dpp_status") == (PassportStatus.ARCHIVED if ended else now_is)
        assert house.one("SELECT count(*) FROM due_version") == 0
