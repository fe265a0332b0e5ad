"""`dbc:FILE`: databases, maps, guesses, pins."""

import json
from decimal import Decimal

import pytest

from ingest.captures import Decoded, read_capture
from ingest.errors import MapRefused, ProtocolUnknown
from ingest.plausibility import Memory, doubt
from ingest.protocol import Fault, Refused, find
from schemas.terms import Origin, ReadingAbsence
from tests.data import shared_files

HEAD = 'VERSION ""\n\nNS_ :\n\nBS_:\n\nBU_: N\n\n'
DATABASE = (
    HEAD
    + """BO_ 256 Pack: 8 N
 SG_ U_ges : 7|16@0+ (0.1,0) [0|0] "V" N
 SG_ I_ges : 23|16@0- (0.1,0) [0|0] "" N
 SG_ SOC : 32|8@1+ (0.5,0) [0|0] "%" N
 SG_ ErrUV : 40|1@1+ (1,0) [0|1] "" N
 SG_ Balancing : 41|1@1+ (1,0) [0|1] "" N
 SG_ T_amb : 48|16@1+ (0.1,0) [0|0] "K" N

BO_ 2566869221 Cells: 8 N
 SG_ Block M : 0|8@1+ (1,0) [0|0] "" N
 SG_ U_Cell0 m0 : 8|16@1+ (1,0) [0|0] "mV" N
 SG_ U_Cell1 m0 : 24|16@1+ (1,0) [0|0] "mV" N
 SG_ U_Cell0_inv m0 : 40|1@1+ (1,0) [0|0] "" N
 SG_ U_Cell2 m1 : 8|16@1+ (1,0) [0|0] "mV" N
 SG_ U_Cell3 m1 : 24|16@1+ (1,0) [0|0] "mV" N

BO_ 257 Strings: 3 N
 SG_ Which M : 0|8@1+ (1,0) [0|0] "" N
 SG_ U_String m0 : 8|16@1+ (0.1,0) [0|0] "V" N
 SG_ U_String1 m1 : 8|16@1+ (0.1,0) [0|0] "V" N
"""
)
MAP = """
title = "example"
database = "pack.dbc"
firmware = "2.4"
{pin}
[[row]]
signal = "U_ges"
quantity = "voltage"
[[row]]
signal = "I_ges"
message = "Pack"
quantity = "current"
unit = "A"
negate = true
[[row]]
signal = "SOC"
quantity = "state_of_charge"
not_available = [255]
[[row]]
signal = "ErrUV"
quantity = "alarm"
value = "cell_under_voltage"
[[row]]
signal = "Balancing"
quantity = "balancing_active"
[[row]]
signal = "T_amb"
quantity = "ambient_temperature"
origin = "derived"
[[row]]
signal = "U_Cell{{index}}"
quantity = "cell_voltage"
index_from = 0
invalid_flag = "U_Cell{{index}}_inv"
not_available = [65535]
[[row]]
signal = "U_String"
quantity = "voltage"
component = "string/{{chooser}}"
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pack.dbc").write_text(DATABASE)
    (tmp_path / "pack.toml").write_text(MAP.format(pin=""))
    return tmp_path


def log(*frames):
    return "".join(f"(1700000000.{n:06d}) can0 {frame}\n" for n, frame in enumerate(frames)).encode()


def said(data, name):
    readings = [r for one in read_capture(data, find(name)) if isinstance(one, Decoded) for r in one.readings]
    return {(r.quantity, r.index, r.component): r for r in readings}


# 0x0215 = 533 -> 53.3 V; 0xFF9C = -100 -> -10.0 A of discharge counted positive -> +10.0 A;
# 0x9B = 155 -> 77.5 %; bits 0 and 1 of byte 5; 0x0BA5 = 2981 -> 298.1 K = 24.95 degC
PACK = "100#0215FF9C9B03A50B"
# 0x0CE4 = 3300 mV, 0x0CE5
CELLS = "18FF50E5#00E40CE50C0000AA"


def test_a_map_gives_values_in_the_units_of_their_quantities(folder):
    found = said(log(PACK, CELLS, "18FF50E5#01E60CFFFF000000", "101#00F401"), f"dbc:{folder}/pack.toml")
    values = {key: reading.value for key, reading in found.items()}
    assert values == {
        ("voltage", None, None): Decimal("53.3"),
        ("current", None, None): Decimal("10.0"),
        ("state_of_charge", None, None): Decimal("77.5"),
        ("alarm", None, None): "cell_under_voltage",
        ("balancing_active", None, None): True,
        ("ambient_temperature", None, None): Decimal("24.95"),
        ("cell_voltage", 1, None): Decimal("3.300"),
        ("cell_voltage", 2, None): Decimal("3.301"),
        ("cell_voltage", 3, None): Decimal("3.302"),
        ("cell_voltage", 4, None): None,
        ("voltage", None, "string/1"): Decimal("50.0"),
    }
    assert found["cell_voltage", 4, None].absence is ReadingAbsence.NOT_READ
    assert found["ambient_temperature", None, None].origin is Origin.DERIVED
    assert found["voltage", None, None].doubts == ()
    assert found["voltage", None, None].measured_at is None  # the frame's time is the row's


def test_a_flag_says_that_a_value_means_nothing(folder):
    found = said(log("18FF50E5#00E40CE50C0100AA"), f"dbc:{folder}/pack.toml")
    assert found["cell_voltage", 1, None].absence is ReadingAbsence.NOT_READ
    assert found["cell_voltage", 2, None].value == Decimal("3.301")


def test_without_a_map_plain_names_are_guessed_and_doubted(folder):
    (folder / "plain.dbc").write_text(
        HEAD + 'BO_ 1 A: 8 N\n SG_ Pack_Voltage : 0|16@1+ (0.1,0) [0|0] "V" N\n'
        ' SG_ Pack_Current : 16|16@1- (0.1,0) [0|0] "A" N\n SG_ BMS_SOC : 32|8@1+ (1,0) [0|0] "%" N\n'
        ' SG_ Pack_Power : 40|8@1+ (1,0) [0|0] "V" N\n'
        '\nBO_ 2 B: 4 N\n SG_ CellVoltage_0 : 0|16@1+ (1,0) [0|0] "mV" N\n'
        ' SG_ CellVoltage_1 : 16|16@1+ (1,0) [0|0] "mV" N\n'
    )
    found = said(log("001#F40164005A000000", "002#E40CE50C"), f"dbc:{folder}/plain.dbc")
    assert {key: (r.value, r.doubts) for key, r in found.items()} == {
        ("voltage", None, None): (Decimal("50.0"), ("meaning_from_name",)),
        ("current", None, None): (Decimal("10.0"), ("meaning_from_name", "sign_unproven")),
        ("state_of_charge", None, None): (Decimal(90), ("meaning_from_name",)),
        ("cell_voltage", 1, None): (Decimal("3.300"), ("meaning_from_name",)),
        ("cell_voltage", 2, None): (Decimal("3.301"), ("meaning_from_name",)),
    }


def test_short_data_refuse_the_frame_and_an_unknown_identifier_is_nothing(folder):
    protocol = find(f"dbc:{folder}/pack.toml")
    short, unknown, other_width = read_capture(
        log("100#0215", "2AA#00", "00000100#0215FF9C9B03A50B"), protocol
    )
    assert isinstance(short, Refused)
    assert short.fault is Fault.LENGTH
    assert (unknown.readings, other_width.readings) == ((), ())


def test_another_release_than_the_pinned_one_is_refused(folder):
    import hashlib

    right = hashlib.sha256(DATABASE.encode()).hexdigest()
    (folder / "pack.toml").write_text(MAP.format(pin=f'sha256 = "{right}"'))
    assert find(f"dbc:{folder}/pack.toml").readers
    (folder / "pack.dbc").write_text(DATABASE.replace("BO_ 256", "BO_ 258"))
    with pytest.raises(MapRefused, match=r"firmware 2\.4"):
        find(f"dbc:{folder}/pack.toml")


def test_a_dbf_is_read_through_canmatrix(folder):
    import canmatrix.formats

    (matrix,) = canmatrix.formats.loadp(str(folder / "pack.dbc")).values()
    with (folder / "pack.dbf").open("wb") as file:
        canmatrix.formats.dump(matrix, file, "dbf")
    (folder / "pack.toml").write_text(MAP.format(pin="").replace("pack.dbc", "pack.dbf"))
    found = said(log(PACK, CELLS), f"dbc:{folder}/pack.toml")
    assert found["voltage", None, None].value == Decimal("53.3")
    assert found["current", None, None].value == Decimal("10.0")
    # canmatrix alone refuses a DBF with identifiers of 29 bits, which is what LiBat's units have.
    assert found["cell_voltage", 1, None].value == Decimal("3.300")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("title = 3\n[[row]]\n", "title: expected a text"),
        ("", r"at least one \[\[row\]\]"),
        (
            "[[row]]\nsignal = 'A'\nquantity = 'volts'",
            "row 1: quantity: no quantity is called 'volts'",
        ),
        ("[[row]]\nquantity = 'voltage'", "row 1: signal: expected the name"),
        ("[[row]]\nsignal = 'A'\nquantity = 'voltage'\nfactor = 3", "unknown key 'factor'"),
        ("[[row]]\nsignal = 'A'\nquantity = 'alarm'", "value: expected the name of the condition"),
        ("[[row]]\nsignal = 'A'\nquantity = 'event_count'", "event_count needs it"),
        ("[[row]]\nsignal = 'A'\nquantity = 'voltage'\nindex_from = 2", "expected 0 or 1"),
        ("[[row]]\nsignal = 'A'\nquantity = 'voltage'\nnot_available = ['x']", "expected a list of int"),
        ("[[row]]\nsignal = 'A{index}{index}'\nquantity = 'cell_voltage'", "stands twice"),
        ("[[row]]\nsignal = 'A'\nquantity = 'voltage'\norigin = 'felt'", "origin: expected one of"),
        ("[[row]]\nsignal = 'A'\nquantity = 'voltage'", "database: expected the file name"),
        ("database = 'none.dbc'\n[[row]]\nsignal = 'A'\nquantity = 'voltage'", "cannot be read"),
        (
            "database = 'pack.dbc'\n[[row]]\nsignal = 'A'\nquantity = 'voltage'",
            "row 1: signal: no such signal, 'A'",
        ),
        ("rows = [", "expected TOML"),
        ("database = 'bad.dbc'\n[[row]]\nsignal = 'A'\nquantity = 'voltage'", "expected a CAN database"),
    ],
)
def test_a_map_that_is_none_is_refused_in_words(folder, text, sentence):
    (folder / "bad.dbc").write_bytes(b"\x00\xff not a database")
    (folder / "bad.toml").write_text(text)
    with pytest.raises(ProtocolUnknown, match=sentence):
        find(f"dbc:{folder}/bad.toml")


FOXBMS = shared_files("captures/dbc/foxbms-*.dbc")


@pytest.mark.parametrize("path", FOXBMS, ids=lambda path: path.stem)
def test_both_releases_of_foxbms_are_known_and_cells_are_counted_from_one(path):
    import cantools

    database = cantools.database.load_file(path)
    message = database.get_message_by_name("f_CellVoltages")
    values = {signal.name: 0 for signal in message.signals} | {"f_CellVoltages_Mux": 1}
    values |= {f"CellVoltage_00{n}": 3300 + n for n in range(4, 8)} | {"CellVoltage_006_invalidFlag": 1}
    data = message.encode(values, strict=False).hex()
    found = said(log(f"{message.frame_id:03X}#{data}"), f"dbc:{path}")
    assert {key[1]: reading.value for key, reading in found.items()} == {
        5: Decimal("3.304"),
        6: Decimal("3.305"),
        7: None,
        8: Decimal("3.307"),
    }


@pytest.mark.skipif(len(FOXBMS) < 2, reason="the two releases are not beside the project")
def test_the_wrong_release_reads_without_error_and_the_rules_doubt_it():
    import cantools

    old, new = FOXBMS
    message = cantools.database.load_file(old).get_message_by_name("f_PackMinimumMaximumValues")
    values = {signal.name: 0 for signal in message.signals}
    values |= {"MaximumCellVoltage": 3400, "MinimumCellVoltage": 3300}
    values |= {"MaximumCellTemperature": 25, "MinimumCellTemperature": 23}
    data = log(f"{message.frame_id:03X}#{message.encode(values, strict=False).hex()}")
    right = said(data, f"dbc:{old}")
    assert (right["cell_voltage_min", None, None].value, right["cell_voltage_max", None, None].value) == (
        Decimal("3.300"),
        Decimal("3.400"),
    )
    wrong = said(data, f"dbc:{new}")
    doubted = doubt(list(wrong.values()), Memory())
    assert wrong["cell_voltage_max", None, None].value != Decimal("3.400")
    assert any(reading.doubts for reading in doubted), json.dumps([r.to_wire() for r in doubted])
