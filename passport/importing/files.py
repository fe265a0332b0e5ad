"""Files to entries: which form a file has is told by its content and its name."""

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any, Final

from passport.errors import InputRefused
from passport.exports import FORMATS, format_of
from passport.exports.format import Brought, Format
from passport.importing import delimited, xlsx
from passport.importing.documents import read_json, read_yaml
from passport.importing.findings import Finding, ImportRefused, Place
from passport.importing.judging import Documents
from passport.importing.reading import BATTERY, NOT_DECLARED, SHEETS, Entries, Entry, Reader, skipped
from passport.importing.tables import MAX_FILE_BYTES
from schemas.identifier import LinkInvalid, parse_link, parse_path
from schemas.registry import REGISTRY
from schemas.terms import Level

AUTO: Final = "auto"
OWN_FORMS: Final = ("xlsx", "csv", "json", "yaml")
FORMS: Final = (AUTO, *OWN_FORMS, *FORMATS)
# These know their documents by single names that others use as well, so that they are asked last.
_WIDE: Final = frozenset({"batterypass", "idta"})
_ZIP: Final = b"PK\x03\x04"
_PREDECESSORS: Final = "predecessor_passport_ids"


def read(
    files: Sequence[tuple[str, bytes]],
    *,
    form: str = AUTO,
    identifier: str | None = None,
    documents: Documents | None = None,
) -> Entries:
    """What the files state together.

    Args:
        files: name and content.
        form: one of `FORMS`.
        identifier: of the battery, where a foreign document has none that we can use.
        documents: gives the address of a document that is kept here by its name.

    Raises:
        ImportRefused: a file is not of its form, damaged, or out of all proportion.
    """
    reader = Reader(documents)
    tables = []
    for name, data in files:
        if len(data) > MAX_FILE_BYTES:
            raise ImportRefused(f"{name} has more than {MAX_FILE_BYTES:,} bytes: import in several files")
        try:
            what = _form(name, data) if form == AUTO else form
            if what == "xlsx":
                tables += xlsx.read(data, skipped)
            elif what == "csv":
                tables.append(delimited.read(PurePath(name).stem, data))
            elif what in OWN_FORMS:
                reader.document(read_json(data) if what == "json" else read_yaml(data))
            else:
                _foreign(reader, PurePath(name).name, format_of(what), data, identifier)
        except ImportRefused as error:
            raise ImportRefused(f"{name}: {error}", error.findings) from error
        except ModuleNotFoundError as error:
            raise ImportRefused(f"{name}: the format {form} cannot be read yet") from error
    reader.tables(tables)
    return reader.entries


def _form(name: str, data: bytes) -> str:
    """The form of a file."""
    suffix = PurePath(name).suffix.lower()
    if suffix in (".xlsx", ".xlsm"):
        return "xlsx"
    if suffix in (".yaml", ".yml"):
        return "yaml"
    if suffix in (".csv", ".tsv", ".txt"):
        return "csv"
    if suffix == ".json" and _is_ours(data):
        return "json"
    for foreign in sorted(FORMATS, key=lambda one: one in _WIDE):
        try:
            found = format_of(foreign)
        except ModuleNotFoundError:
            continue
        if found.recognises(data, name):
            return foreign
    if suffix == ".json":
        return "json"  # which then says what was expected
    if data.startswith((_ZIP, xlsx.OLE2)):
        return "xlsx"
    raise ImportRefused(
        "expected .xlsx, .csv, .json, .yaml or a passport of a known format; say which with --format"
    )


def _is_ours(data: bytes) -> bool:
    value = read_json(data)
    return isinstance(value, Mapping) and bool(value) and set(value) <= set(SHEETS)


def _foreign(reader: Reader, name: str, form: Format, data: bytes, identifier: str | None) -> None:
    """One battery from a document in another format; what it loses is told as warnings."""
    try:
        brought = form.read(data)
    except ImportRefused:
        raise
    except InputRefused as error:
        raise ImportRefused(str(error)) from error
    place = Place(name, path=name)
    said = identifier or brought.identifier
    if said is None:
        raise ImportRefused(
            f"{form.TITLE} names no battery that can be found again: say which with"
            " --identifier /01/GTIN/21/SERIAL"
        )
    try:
        path = (parse_link(said) if "://" in said else parse_path(said)).path
    except LinkInvalid as error:
        raise ImportRefused(
            f"{said[:80]!r} is no GS1 identifier ({error}): say which battery it is with --identifier"
        ) from error
    if path is None:
        raise ImportRefused(f"{said[:80]!r} is no GS1 identifier: say which battery it is with --identifier")
    key = (Level.ITEM, (path,))
    if key in reader.entries.by_key:
        reader.entries.findings.append(
            Finding(place, "duplicate", BATTERY, f"{path} stands in another file already")
        )
        return
    entry = Entry(Level.ITEM, (path,), place)
    reader.entries.by_key[key] = entry
    for attribute, raw in _declarable(brought).items():
        entry.elsewhere[attribute] = Place(name, path=f"{name} {brought.paths.get(attribute, '')}".rstrip())
        reader.fact(entry, attribute, raw)
    for loss in brought.losses:
        where = Place(name, path=f"{name} {loss.path}".rstrip())
        entry.findings.append(Finding(where, "loss", loss.attribute, loss.sentence, warning=True))


def _declarable(brought: Brought) -> dict[str, Any]:
    """The facts that an operator declares; identifiers and times of the foreign record are not."""
    facts = {
        name: raw for name, raw in brought.facts.items() if name in REGISTRY and name not in NOT_DECLARED
    }
    if brought.predecessors and _PREDECESSORS not in facts:
        facts[_PREDECESSORS] = list(brought.predecessors)
    return facts
