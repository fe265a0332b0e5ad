"""Sheets as they come: read exactly, or refused with the trap named, in bounded memory."""

import io
import zipfile
from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from passport.importing import delimited, tables, xlsx
from passport.importing.findings import ImportRefused, Place, harmless, letters
from passport.importing.tables import Fault
from schemas.values import YearMonth
from tests.passport.importing.books import answers, book, packed, parts, sheet_xml

WHOLE = book({"items": [["a", "b"], ["x", 5], [date(2027, 2, 18), "=A1"]]})


def never(_name):
    return False


def one(data):
    (table,) = xlsx.read(data, never)
    return table


def cells(data):
    return [row.cells for row in one(data).rows]


def rules(table):
    return [finding.rule for finding in table.findings]


def test_places_are_named_as_a_spreadsheet_program_names_them():
    assert str(Place("items", 17, 6)) == "items!F17"
    assert str(Place("items", None, 28)) == "items!AB"
    assert str(Place("items", 17)) == "items!17"
    assert [letters(n) for n in (1, 26, 27, 702, 703)] == ["A", "Z", "AA", "ZZ", "AAA"]


def test_a_number_is_what_the_program_shows_and_never_a_binary_float():
    data = book({"items": [["a", "b", "c"], [3.425, 1e-7, 102]]})
    # what a spreadsheet program writes for 3.425
    data = sheet_xml(data, lambda xml: xml.replace(b"<v>3.425</v>", b"<v>3.4249999999999998</v>"))
    assert cells(data) == [{1: Decimal("3.425"), 2: Decimal("0.0000001"), 3: Decimal(102)}]


def test_days_months_and_shares_are_told_by_the_format_of_the_cell():
    def formats(workbook: Workbook) -> None:
        page = workbook["items"]
        for column, code in enumerate(
            ["yyyy-mm-dd", "mmm-yy", "0.00%", "hh:mm", "dd.mm.yyyy hh:mm", "0.0"], 1
        ):
            page.cell(2, column).number_format = code

    row = [date(2027, 2, 18), date(2027, 2, 1), 0.955, 0.5, datetime(2027, 2, 18, 6), 46436]
    (found,) = cells(book({"items": [list("abcdef"), row]}, formats))
    assert found[1] == date(2027, 2, 18)
    assert found[2] == YearMonth(2027, 2)
    assert found[3] == "95.5 %"
    assert isinstance(found[4], Fault)
    assert found[5] == datetime(2027, 2, 18, 6)
    assert found[6] == Decimal(46436)


def test_a_day_that_only_the_program_believes_in_is_a_fault():
    data = book({"items": [["a"], [date(2027, 2, 18)]]})
    data = sheet_xml(data, lambda xml: xml.replace(b"<v>46436</v>", b"<v>60</v>"))
    fault = cells(data)[0][1]
    assert isinstance(fault, Fault)
    assert "1900-03-01" in fault.sentence


def test_shared_texts_are_joined_and_readings_for_pronunciation_are_left_out():
    found = parts(book({"items": [["a"], [0]]}))
    found["xl/worksheets/sheet1.xml"] = found["xl/worksheets/sheet1.xml"].replace(
        b'<c r="A2" t="n">', b'<c r="A2" t="s">'
    )
    found["xl/sharedStrings.xml"] = (
        '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><r><t>東</t></r>'
        "<r><t>京_x0041_</t></r><rPh><t>トウ</t></rPh></si></sst>"
    ).encode()
    assert cells(packed(found)) == [{1: "東京A"}]


def test_a_formula_is_refused_whatever_value_was_kept_with_it():
    data = book({"items": [["a", "b"], ["=B2*2", 5]]})
    data = sheet_xml(data, lambda xml: xml.replace(b"<v></v>", b"<v>10</v>").replace(b"<v />", b"<v>10</v>"))
    fault = cells(data)[0][1]
    assert isinstance(fault, Fault)
    assert (fault.rule, "=B2*2" in fault.sentence) == ("formula", True)


def test_a_cell_that_shows_an_error_is_a_fault():
    data = book({"items": [["a", "b"], ["#REF!", "x"]]})
    assert cells(data)[0][1] == Fault("error_cell", "the cell shows #REF!: a formula failed there")


def test_merged_cells_are_named():
    table = one(book({"items": [["a", "b"], [1, 2]]}, lambda made: made["items"].merge_cells("A2:B3")))
    assert rules(table) == ["merged"]
    assert "A2:B3" in table.findings[0].sentence


def test_hidden_sheets_rows_and_columns_with_data_are_named():
    def hide(made):
        made["secret"].sheet_state = "veryHidden"
        made["items"].row_dimensions[3].hidden = True
        made["items"].column_dimensions["B"].hidden = True

    first, second = xlsx.read(
        book({"items": [["a", "b"], [1, 2], [3, 4]], "secret": [["a"], [1]]}, hide), never
    )
    assert [row.hidden for row in first.rows] == [False, True]
    assert [(finding.rule, str(finding.place)) for finding in first.findings] == [("hidden", "items!B")]
    assert rules(second) == ["hidden"]


def test_remarks_and_rows_without_content_are_not_rows():
    data = book({"items": [["a"], ["# title"], [None], ["  "], [7]]})
    (row,) = one(data).rows
    assert (row.number, row.cells) == (5, {1: Decimal(7)})


def test_a_million_declared_rows_with_few_real_ones_cost_nothing():
    data = book({"items": [["a"], [1]]})
    data = sheet_xml(
        data,
        lambda xml: xml.replace(
            b"</sheetData>", b'<row r="1048576"><c r="A1048576"><v>2</v></c></row></sheetData>'
        ).replace(b'ref="A1:A2"', b'ref="A1:XFD1048576"'),
    )
    assert [(row.number, row.cells[1]) for row in one(data).rows] == [(2, 1), (1048576, 2)]


def test_a_million_real_rows_are_refused_and_reading_ends_there(monkeypatch):
    monkeypatch.setattr(tables, "MAX_ROWS", 1_000)
    rows = b"".join(b'<row r="%d"><c r="A%d"><v>1</v></c></row>' % (n, n) for n in range(2, 1_000_001))
    data = book({"items": [["a"]]})
    table = one(sheet_xml(data, lambda xml: xml.replace(b"</sheetData>", rows + b"</sheetData>")))
    assert len(table.rows) == 999
    assert [finding.rule for finding in table.findings] == ["limit"]
    assert "1,000 rows" in table.findings[0].sentence


def test_a_bomb_is_refused_before_it_is_unpacked():
    bomb = parts(book({"items": [["a"]]}))
    bomb["xl/worksheets/sheet1.xml"] = b" " * 50_000_000
    with pytest.raises(ImportRefused, match="bomb"):
        xlsx.read(packed(bomb), never)


def test_a_package_that_lies_about_sizes_is_read_no_further_than_it_says():
    data = bytearray(packed({**parts(WHOLE), "xl/worksheets/sheet1.xml": b" " * 40_000_000}))
    size = (40_000_000).to_bytes(4, "little")
    while (at := data.find(size)) >= 0:  # in the entry and in the directory
        data[at : at + 4] = (1000).to_bytes(4, "little")
    with pytest.raises(ImportRefused, match="damaged"):
        xlsx.read(bytes(data), never)


def test_a_package_of_many_parts_and_one_with_a_part_twice_are_refused():
    many = {f"xl/{n}.xml": b"<a/>" for n in range(xlsx.MAX_ENTRIES + 1)}
    with pytest.raises(ImportRefused, match="parts"):
        xlsx.read(packed(many), never)
    data = io.BytesIO(book({"items": [["a"]]}))
    with zipfile.ZipFile(data, "a") as package, pytest.warns(UserWarning, match="Duplicate name"):
        package.writestr("xl/worksheets/sheet1.xml", b"<worksheet/>")
    with pytest.raises(ImportRefused, match="two parts of one name"):
        xlsx.read(data.getvalue(), never)


@pytest.mark.parametrize(
    "declaration",
    [
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd">',
    ],
)
def test_a_declaration_of_entities_is_refused(declaration):
    data = book({"items": [["a"], ["x"]]})
    for part in ("xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/styles.xml"):
        with pytest.raises(ImportRefused, match="document type"):
            xlsx.read(
                sheet_xml(
                    data,
                    lambda xml: declaration + xml[xml.index(b"<", 1) if xml.startswith(b"<?") else 0 :],
                    part,
                ),
                never,
            )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no workbook"),
        (b"PK\x03\x04 and nothing else", "no workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 512, "older binary form"),
        (packed({"word/document.xml": b"<a/>"}), "damaged"),
    ],
)
def test_what_is_no_workbook_is_named(data, words):
    with pytest.raises(ImportRefused, match=words):
        xlsx.read(data, never)


@settings(deadline=None, database=None, max_examples=100)
@given(st.binary(max_size=400), st.integers(0, 3000), st.integers(0, 255))
def test_whatever_bytes_come_are_a_table_or_a_refusal(noise, place, byte):
    whole = bytearray(WHOLE)
    whole[place % len(whole)] = byte
    for data in (noise, b"PK\x03\x04" + noise, bytes(whole), bytes(whole[: place + 1])):
        assert answers(lambda data=data: xlsx.read(data, never))


@settings(deadline=None, database=None, max_examples=100)
@given(st.binary(max_size=600))
def test_whatever_stands_in_the_part_of_a_sheet_is_a_table_or_a_refusal(noise):
    for xml in (noise, b"<worksheet><sheetData>" + noise + b"</sheetData></worksheet>"):
        data = packed({**parts(WHOLE), "xl/worksheets/sheet1.xml": xml})
        assert answers(lambda data=data: xlsx.read(data, never))


# ---------------------------------------------------------------------------------------------------- CSV


def test_csv_is_read_in_its_encodings_with_its_delimiters():
    expected = {1: "ä", 2: "1,5"}
    for text in ('a,b\nä,"1,5"\n', "a;b\nä;1,5\n", "a\tb\r\nä\t1,5\r\n", "sep=;\na;b\nä;1,5"):
        for data in (
            text.encode(),
            b"\xef\xbb\xbf" + text.encode(),
            b"\xff\xfe" + text.encode("utf-16-le"),
            b"\xfe\xff" + text.encode("utf-16-be"),
        ):
            (row,) = delimited.read("items", data).rows
            assert row.cells == expected


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("name\nMüller".encode("latin-1"), r"not UTF-8: byte 0xfc in line 2"),
        ("a\nb".encode("utf-16-le"), "zero bytes, as UTF-16 without its mark"),
        ("a\nb".encode("utf-32"), "UTF-32"),
        (b"\xff\xfea\x00\x00\xd8", "UTF-16"),
        (b'a,b\n"open', "no CSV"),
        (b"a\n" + b"x" * 40_000, "no CSV"),
    ],
)
def test_another_encoding_or_a_broken_file_is_named(data, words):
    with pytest.raises(ImportRefused, match=words):
        delimited.read("items", data)


def test_the_row_of_a_csv_cell_is_that_of_the_program_even_after_a_line_break_in_a_cell():
    table = delimited.read("items", b'a,b\n"two\nlines",1\nx,2\n')
    assert [(row.number, row.cells[1]) for row in table.rows] == [(2, "two\nlines"), (3, "x")]


@settings(deadline=None, database=None, max_examples=200)
@given(st.binary(max_size=300))
def test_whatever_bytes_come_are_a_csv_table_or_a_refusal(noise):
    assert answers(lambda: delimited.read("items", noise))


@given(st.text(max_size=20))
def test_a_reported_cell_never_runs_as_a_formula(text):
    assert harmless(text)[:1] not in ("=", "+", "-", "@", "\t", "\r", "\n")
