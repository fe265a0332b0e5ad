"""AASX packages: equal bytes for equal content, accepted by foreign tools, read within limits or refused."""

import io
import json
import zipfile
from typing import Any

import pytest
from aas_test_engines.file import check_aasx_file
from basyx.aas import model
from basyx.aas.adapter.aasx import AASXReader, AASXWriter, DictSupplementaryFileContainer
from basyx.aas.adapter.json import read_aas_json_file
from basyx.aas.adapter.xml import write_aas_xml_file
from hypothesis import example, given, settings
from hypothesis import strategies as st

from passport.errors import FormatRefused, InputRefused
from passport.exports import aasx, idta
from passport.exports.aas import package
from passport.exports.format import Brought
from schemas.terms import Audience, Category
from tests.passport.exports.subjects import everything, subject

LAW = settings(deadline=None, database=None, max_examples=30)
WHOLE = aasx.export(everything(Category.LMT)).data
ORIGIN = "http://admin-shell.io/aasx/relationships/aasx-origin"
SPEC = "http://admin-shell.io/aasx/relationships/aas-spec"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"


def zipped(parts: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", compression) as made:
        for name, content in parts.items():
            made.writestr(name, content)
    return data.getvalue()


def parts_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as made:
        return {name: made.read(name) for name in made.namelist()}


def relation(kind: str, target: str, mode: str = "Internal") -> bytes:
    return (
        f'<Relationships xmlns="{RELATIONS}"><Relationship Type="{kind}" Target="{target}"'
        f' TargetMode="{mode}" Id="r1"/></Relationships>'
    ).encode()


@pytest.mark.parametrize(
    ("category", "audience"), [*zip(Category, [*Audience, Audience.PUBLIC], strict=True)]
)
def test_the_test_engines_and_the_sdk_accept_every_package(category: Category, audience: Audience) -> None:
    data = aasx.export(subject(category, audience)).data
    result = check_aasx_file(io.BytesIO(data))
    assert result.ok(), result.to_dict()
    store: Any = model.DictIdentifiableStore()
    with AASXReader(io.BytesIO(data), failsafe=False) as reader:
        reader.read_into(store, DictSupplementaryFileContainer())
    environment = json.loads(idta.export(subject(category, audience)).data)
    assert {one.id for one in store} == {one["id"] for name in environment for one in environment[name]}


def test_the_package_holds_the_environment_and_the_same_losses() -> None:
    made = everything(Category.EV)
    exported = aasx.export(made)
    assert parts_of(exported.data)["aasx/passport.aas.json"] == idta.export(made).data
    assert exported.losses == idta.export(made).losses
    assert aasx.read(exported.data) == idta.read(idta.export(made).data)


def test_the_same_subject_gives_the_same_bytes() -> None:
    assert aasx.export(everything(Category.LMT)).data == WHOLE
    with zipfile.ZipFile(io.BytesIO(WHOLE)) as made:
        assert {one.date_time for one in made.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert made.namelist()[0] == "[Content_Types].xml"


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "xml"])
def test_a_package_written_by_another_tool_says_the_same(as_json: bool) -> None:
    made = everything(Category.STATIONARY)
    ours = idta.export(made).data
    store = read_aas_json_file(io.StringIO(ours.decode()), failsafe=False)
    written = io.BytesIO()
    with AASXWriter(written) as writer:
        shells = [one.id for one in store if isinstance(one, model.AssetAdministrationShell)]
        writer.write_aas(shells, store, DictSupplementaryFileContainer(), write_json=as_json)
    brought, own = aasx.read(written.getvalue()), idta.read(ours)
    assert set(brought.facts) == set(own.facts)
    assert brought.identifier == own.identifier
    for name, value in own.facts.items():
        if not isinstance(value, str):  # the tool turns decimals into binary floats
            assert same_words(brought.facts[name], value), name


def same_words(one: Any, other: Any) -> bool:
    if isinstance(other, dict):
        return set(one) == set(other) and all(same_words(one[key], other[key]) for key in other)
    if isinstance(other, list):
        return len(one) == len(other) and all(map(same_words, one, other))
    if isinstance(one, str):
        one = one.replace("+00:00", "Z")
    try:
        return float(one) == pytest.approx(float(other))
    except (TypeError, ValueError):
        return bool(one == other)


def test_an_environment_in_xml_says_what_the_json_says() -> None:
    ours = idta.export(everything(Category.EV)).data
    store = read_aas_json_file(io.StringIO(ours.decode()), failsafe=False)
    xml = io.BytesIO()
    write_aas_xml_file(xml, store)
    assert idta.recognises(xml.getvalue(), "passport.xml")
    brought, own = idta.read(xml.getvalue()), idta.read(ours)
    assert brought.facts["label_meaning"] == own.facts["label_meaning"]
    assert brought.facts["hazardous_substances"] == own.facts["hazardous_substances"]
    assert set(brought.facts) == set(own.facts)
    assert len(brought.losses) == len(own.losses)


def test_recognition_goes_by_content() -> None:
    assert aasx.recognises(WHOLE, "anything.bin")
    assert not aasx.recognises(b"%PDF-1.7", "x.aasx")
    assert not idta.recognises(WHOLE, "x.aasx")


# --------------------------------------------------------------------------------------------------- refusals


def with_part(**changes: bytes) -> bytes:
    names = {
        "root": "_rels/.rels",
        "origin": "aasx/_rels/aasx-origin.rels",
        "content": "aasx/passport.aas.json",
    }
    return zipped(parts_of(WHOLE) | {names[key]: value for key, value in changes.items()})


REFUSED = {
    "no zip": (b"PK\x03\x04 nothing", "package"),
    "empty": (b"", "package"),
    "cut short": (WHOLE[: len(WHOLE) // 2], "package"),
    "no origin": (zipped({"a.txt": b"x"}), "origin"),
    "two environments": (
        with_part(
            origin=relation(SPEC, "/aasx/passport.aas.json").replace(
                b"</Relationships>",
                f'<Relationship Type="{SPEC}" Target="/_rels/.rels" Id="r2"/></Relationships>'.encode(),
            )
        ),
        "one environment",
    ),
    "a path out of the package": (with_part(origin=relation(SPEC, "../../../../etc/passwd")), "etc/passwd"),
    "a path of the machine": (with_part(origin=relation(SPEC, "file:///etc/passwd")), "no|none"),
    "outside the package": (
        with_part(origin=relation(SPEC, "https://x.example/", "External")),
        "one environment",
    ),
    "entities": (
        with_part(root=b'<!DOCTYPE a [<!ENTITY b "cccc">]><Relationships>&b;</Relationships>'),
        "relationships",
    ),
    "broken relationships": (with_part(root=b"<Relationships>"), "relationships"),
    "huge relationships": (with_part(root=b" " * 100_000), "at most"),
    "a bomb": (with_part(content=b" " * (package.LIMIT_BYTES + 1)), "at most"),
    "no environment": (with_part(content=b"{}"), "environment"),
    "another compression": (zipped(parts_of(WHOLE), zipfile.ZIP_LZMA), "compression"),
    "many parts": (zipped(parts_of(WHOLE) | {f"p{number}": b"" for number in range(2001)}), "parts"),
}


@pytest.mark.parametrize(("data", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_package_within_limits_is_refused_with_a_sentence(data: bytes, said: str) -> None:
    with pytest.raises(FormatRefused, match=said):
        aasx.read(data)


def test_a_part_that_stands_twice_is_refused() -> None:
    data = io.BytesIO(WHOLE)
    with zipfile.ZipFile(data, "a") as made:
        made.writestr("AASX/Passport.aas.json", b"{}")
    with pytest.raises(FormatRefused, match="twice"):
        aasx.read(data.getvalue())


def test_an_encrypted_part_is_refused() -> None:
    data = bytearray(WHOLE)
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(mark)
        while at >= 0:
            data[at + place] |= 1
            at = data.find(mark, at + 4)
    with pytest.raises(FormatRefused, match="encrypted"):
        aasx.read(bytes(data))


def test_a_bomb_of_entities_or_of_depth_in_xml_is_refused() -> None:
    head = b'<environment xmlns="https://admin-shell.io/aas/3/0">'
    lol = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + head + b"&b;</environment>"
    deep = head + b"<a>" * 5000 + b"</a>" * 5000 + b"</environment>"
    wide = head + b"<a/>" * 220_000 + b"</environment>"
    for data in (lol, deep, wide):
        with pytest.raises(FormatRefused):
            idta.read(data)


@LAW
@given(st.binary(max_size=300), st.integers(0, len(WHOLE)), st.integers(0, 40))
@example(b"", 0, 0)
def test_a_damaged_package_is_read_or_refused(noise: bytes, at: int, over: int) -> None:
    data = WHOLE[:at] + noise + WHOLE[at + over :]
    assert isinstance(aasx.recognises(data, "x.aasx"), bool)
    try:
        brought = aasx.read(data)
    except InputRefused:
        return
    assert isinstance(brought, Brought)
