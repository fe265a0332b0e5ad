"""A complete battery goes out in every format that there is, by the real command, and foreign tools take it.

One battery per category is declared, issued without an excuse and exported as each audience. Every value that
is stated is in the document or named in the loss report; what comes back from the document is what went in,
but for what was named. Official schemas and tools judge what they can where they are at hand.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import app  # noqa: TID251 - the command line itself is tried
from passport.exporting import subject_of
from passport.exports import available, format_of
from passport.exports.format import Subject
from passport.judgement import compliance
from passport.ledger import batteries, operators
from schemas.identifier import identifier_path
from schemas.registry import REGISTRY
from schemas.terms import Audience, Category
from schemas.validation import MADE_BY_SERVICE, load_facts
from tests.passport.exports.subjects import GTINS, SERIALS, facts

PLACED_ON = date(2027, 2, 20)
OPERATOR = "example-batteries"
# No complaint is left over, so nothing is excused: the gate opens by itself.
EVERY = pytest.mark.parametrize("name", available())


def cellpass(data: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """The real command, as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "app", "--data", str(data), *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, (words, done.returncode, done.stdout[-3000:], done.stderr[-3000:])
    return done


@dataclass
class Site:
    """A data folder with one issued battery per category."""

    data: Path
    folder: Path
    batteries: dict[Category, str]

    def __post_init__(self) -> None:
        self.export = cache(self._export)
        self.subject = cache(self._subject)

    def _export(self, name: str, category: Category, audience: Audience) -> tuple[Path, list[dict[str, str]]]:
        """The file that the command wrote, and the losses that it told."""
        file = self.folder / f"{category}-{audience}-{name}"
        words = ["--format", name, "--audience", audience.value, "-o", str(file), "--json"]
        ran = CliRunner().invoke(
            app.cli, ["--data", str(self.data), "export", self.batteries[category], *words]
        )
        assert ran.exit_code == 0, (ran.output, ran.exception)
        told = json.loads(ran.stdout)
        assert (told["format"], told["file"]) == (name, str(file))
        return file, told["losses"]

    def _subject(self, category: Category, audience: Audience) -> Subject:
        """What the format was handed."""
        house = app.House(self.data)
        try:
            with house.reading() as connection:
                found = batteries.find(connection, self.batteries[category], house.settings.public_url)
                return subject_of(connection, found, audience, public_url=house.settings.public_url)
        finally:
            house.close()


def complete(category: Category) -> dict[str, Any]:
    """What may be declared of the example battery today: values that must stay empty are left out."""
    may = {
        name
        for name, ruling in compliance.rulings(category, PLACED_ON, date(2027, 3, 1)).items()
        if ruling.may_be_stated and name not in MADE_BY_SERVICE
    }
    own = {"battery_id", "successor_passport_ids", "passport_ceased_at"}
    return load_facts({name: value for name, value in facts(category).items() if name in may - own})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    data = tmp_path_factory.mktemp("foreign") / "data"
    house = app.House(data)
    made = {}
    with house.writing() as connection:
        operators.create(connection, OPERATOR, name="Example Batteries SE", simulated=False, at=house.now())
        for category in Category:
            path = identifier_path(GTINS[category], SERIALS[category])
            batteries.create(
                connection,
                operator=OPERATOR,
                category=category,
                identifier_path=path,
                facts=complete(category),
                placed_on=PLACED_ON,
                simulated=False,
                at=house.now(),
            )
            made[category] = path
    house.close()
    for kind in ("passport", "condition"):
        told = cellpass(data, "issue", "--all", "--kind", kind, "--json").stdout
        outcomes = [json.loads(line) for line in told.splitlines()]
        assert [(one["outcome"], one["incomplete"]) for one in outcomes] == [("issued", None)] * 4
    return Site(data, tmp_path_factory.mktemp("files"), made)


@EVERY
@pytest.mark.parametrize("audience", Audience)
def test_every_stated_value_is_in_the_document_or_in_the_loss_report(
    site: Site, name: str, audience: Audience
) -> None:
    form = format_of(name)
    for category in Category:
        file, losses = site.export(name, category, audience)
        brought = form.read(file.read_bytes())
        subject = site.subject(category, audience)
        stated = {one for one in subject.values if subject.given(one) is not None}
        lost = {loss["attribute"] for loss in losses} | {loss.attribute for loss in brought.losses}
        assert stated - set(brought.facts) - lost <= {"battery_id"}, (category, "neither read nor told")
        assert brought.identifier is not None
        raw = {one: brought.facts[one] for one in brought.facts if one in stated}
        loaded = load_facts(raw)
        changed = {
            one
            for one, value in loaded.items()
            if REGISTRY[one].value.to_wire(value) != subject.given(one) and one not in lost
        }
        assert not changed, (category, {one: (loaded[one], subject.given(one)) for one in changed})


@EVERY
def test_the_same_record_gives_the_same_bytes(site: Site, name: str) -> None:
    file, losses = site.export(name, Category.EV, Audience.PUBLIC)
    first = file.read_bytes()
    assert site._export(name, Category.EV, Audience.PUBLIC) == (file, losses)
    assert file.read_bytes() == first


def test_the_command_as_a_process_writes_the_file_and_tells_a_person_what_is_lost(site: Site) -> None:
    file, losses = site.export("batterypass", Category.EV, Audience.PUBLIC)
    again = file.with_suffix(".again")
    words = ["--format", "batterypass", "-o", str(again)]
    told = cellpass(site.data, "export", site.batteries[Category.EV], *words)
    assert again.read_bytes() == file.read_bytes()
    assert told.stdout == f"{again}\n"
    assert told.stderr.startswith("BatteryPass data model 1.2: ")
    for loss in losses:
        assert loss["sentence"].split()[0] in told.stderr


@EVERY
def test_no_restricted_value_is_in_a_public_file(site: Site, name: str) -> None:
    file, _ = site.export(name, Category.STATIONARY, Audience.PUBLIC)
    whole = file.read_bytes()
    for secret in (b"dismantling/manual", b"reports/un38-3", b"evidence/", b"registry/EUDPP"):
        assert secret not in whole


def test_each_file_is_recognised_by_its_own_format_alone(site: Site) -> None:
    for name in available():
        data = site.export(name, Category.LMT, Audience.PUBLIC)[0].read_bytes()
        claimed = [one for one in available() if format_of(one).recognises(data, f"x-{name}")]
        assert claimed == [name]


# ------------------------------------------------------------------------------- what foreign tools say of it


def wanted(name: str) -> None:
    if name not in available():
        pytest.skip(f"the format {name} is not there yet")


def problems(schema: Any, document: Any) -> list[str]:
    """What a JSON Schema says of a document."""
    from jsonschema import validators

    judge = validators.validator_for(schema)(schema)
    return [f"{'/'.join(map(str, one.path))}: {one.message}" for one in judge.iter_errors(document)]


def any_json(file: Path) -> Any:
    data = file.read_bytes()
    return json.loads(data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"))


@pytest.mark.parametrize("audience", Audience)
def test_the_schema_of_catena_x_accepts_its_passport(
    site: Site, shared: Callable[[str], Path], audience: Audience
) -> None:
    wanted("catenax")
    schema = any_json(shared("reference/catenax/BatteryPass-6.1.0/BatteryPass.schema.json"))
    for category in Category:
        file, losses = site.export("catenax", category, audience)
        found = problems(schema, json.loads(file.read_bytes()))
        assert bool(found) == any(loss["why"] == "unfilled" for loss in losses), (category, found[:5])


ASPECTS = (
    *("CarbonFootprint-1.2.0", "Circularity-1.2.0", "GeneralProductInformation-1.2.0", "Labels-1.2.0"),
    *("MaterialComposition-1.2.0", "Performance-1.2.1", "SupplyChainDueDiligence-1.2.0"),
)


@pytest.mark.parametrize("aspect", ASPECTS)
def test_the_schemas_of_batterypass_accept_its_aspects(
    site: Site, shared: Callable[[str], Path], aspect: str
) -> None:
    wanted("batterypass")
    name = aspect.partition("-")[0]
    schema = any_json(shared(f"reference/batterypass/{aspect}/{name}.schema.json"))
    seen = 0
    for category in Category:
        file, losses = site.export("batterypass", category, Audience.LEGITIMATE_INTEREST)
        document = json.loads(file.read_bytes())
        if name not in document:  # no act says yet how a footprint is calculated, so none may be stated
            assert name == "CarbonFootprint"
            continue
        seen += 1
        found = problems(schema, document[name])
        unfilled = [loss for loss in losses if loss["why"] == "unfilled" and name in loss["path"]]
        assert bool(found) == bool(unfilled), (category, found[:5])
    assert seen == (0 if name == "CarbonFootprint" else len(Category))


def test_the_test_engines_of_the_aas_accept_the_shell(site: Site) -> None:
    wanted("idta")
    from aas_test_engines import file as engine

    for category in Category:
        file, _ = site.export("idta", category, Audience.LEGITIMATE_INTEREST)
        with file.open(encoding="utf-8") as opened:
            result = engine.check_json_file(opened)
        result.dump()
        assert result.ok(), category


def test_the_test_engines_of_the_aas_accept_the_package(site: Site) -> None:
    wanted("aasx")
    from aas_test_engines import file as engine

    for category in Category:
        file, _ = site.export("aasx", category, Audience.AUTHORITY)
        with file.open("rb") as opened:
            result = engine.check_aasx_file(opened)
        result.dump()
        assert result.ok(), category


def test_basyx_reads_the_shell_and_finds_the_capacity(site: Site) -> None:
    wanted("idta")
    from basyx.aas import model
    from basyx.aas.adapter.json import read_aas_json_file
    from basyx.aas.util.traversal import walk_submodel

    file, _ = site.export("idta", Category.STATIONARY, Audience.PUBLIC)
    with file.open(encoding="utf-8") as opened:
        store = read_aas_json_file(opened, failsafe=False)
    submodels = [one for one in store if isinstance(one, model.Submodel)]
    assert len(submodels) >= 6  # the condition is not public, and no footprint may be stated yet
    capacity = REGISTRY["rated_capacity"]
    stated = site.subject(Category.STATIONARY, Audience.PUBLIC).given(capacity.id)
    found = [
        str(one.value)
        for submodel in submodels
        for one in walk_submodel(submodel)
        if isinstance(one, model.Property) and "capacity" in str(one.id_short).lower()
    ]
    assert any(value.rstrip("0").rstrip(".") == stated for value in found), found


def test_basyx_reads_the_package(site: Site) -> None:
    wanted("aasx")
    from basyx.aas import model
    from basyx.aas.adapter import aasx

    file, _ = site.export("aasx", Category.EV, Audience.PUBLIC)
    objects: Any = (
        model.DictIdentifiableStore() if hasattr(model, "DictIdentifiableStore") else model.DictObjectStore()
    )
    with aasx.AASXReader(str(file)) as reader:
        reader.read_into(objects, aasx.DictSupplementaryFileContainer())
    assert any(isinstance(one, model.AssetAdministrationShell) for one in objects)
