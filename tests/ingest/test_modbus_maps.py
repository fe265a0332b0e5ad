"""Maps of registers: what they tell, and every wrong cell by name."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from ingest import modbus
from ingest.captures import read_capture
from ingest.commands.map import command
from ingest.errors import MapRefused, ProtocolUnknown
from ingest.modbus import Bits
from ingest.protocol import CONDITIONS, find
from ingest.protocols.modbus import packaged, parse_map
from schemas.terms import Origin, ReadingAbsence

EXAMPLE = Path(__file__).parents[2] / "docs" / "maps" / "example-pack.csv"
HEADING = "address,words,type,quantity,unit,scale,offset,function,repeat,stride,unavailable,names\n"


def readings(protocol, function, start, count, data, unit=1):
    frames = [
        {"dir": "tx", "hex": modbus.encode_request(unit, function, start, count).hex()},
        {"dir": "rx", "hex": modbus.encode_answer(unit, function, data).hex()},
    ]
    (found,) = read_capture(json.dumps({"frames": frames}).encode(), protocol)
    return found.readings


def test_the_example_is_read_as_it_says():
    pack = find(f"modbus:{EXAMPLE}")
    assert pack.title == "Example pack of two strings"
    data = bytes.fromhex("0209ffce") + bytes(4) + bytes.fromhex("001000013f0000000b85")
    voltage, current, energy, power, ambient = readings(pack, 4, 8, 9, data)
    assert (voltage.quantity, voltage.value) == ("voltage", Decimal("52.1"))
    assert (current.quantity, current.value) == ("current", Decimal("5.0"))
    assert (energy.quantity, energy.value) == ("energy_out", Decimal("6555.2"))
    assert (power.quantity, power.value) == ("power", Decimal(500))
    assert (ambient.quantity, ambient.value) == ("ambient_temperature", Decimal("21.75"))
    data = bytes.fromhex("01f4" + "0ccd" * 16 + "00fa7fffff9c0000")
    found = readings(pack, 4, 0x200, 21, data)
    assert {one.component for one in found} == {"string/2"}
    assert (found[0].quantity, found[0].value) == ("state_of_charge", Decimal("50.0"))
    assert [(one.index, one.value) for one in found if one.quantity == "cell_voltage"] == [
        (number, Decimal("3.277")) for number in range(1, 17)
    ]
    assert [one.value for one in found if one.quantity == "cell_temperature"] == [
        Decimal("25.0"),
        None,
        Decimal("-10.0"),
        Decimal("0.0"),
    ]
    (serial,) = readings(pack, 3, 0, 8, b"EX-0042".ljust(16, b"\0"))
    assert (serial.quantity, serial.value) == ("serial_number", "EX-0042")
    (capacity,) = readings(pack, 3, 10, 1, b"\x03\xe8")
    assert (capacity.value, capacity.origin) == (Decimal("100.0"), Origin.CONFIGURED)
    (condition,) = readings(pack, 1, 3, 4, b"\x02")
    assert (condition.value, condition.component) == ("cell_under_voltage", "module/1")


def test_only_what_the_map_names_is_asked():
    pack = find(f"modbus:{EXAMPLE}")
    asked = {
        (function, at)
        for block in pack.blocks
        for function in [block.function]
        for at in range(block.start, block.start + block.count)
    }
    named = {(row.function, at) for row in pack.rows for at in range(row.address, row.address + row.count)}
    assert asked == named
    assert all(pack.permit(request) for request in pack.poll())


def test_a_three_level_store_with_the_addresses_of_its_site():
    store = find("modbus:three-level-ess?P=2000&S=100&cluster=2&cell=4")
    found = readings(store, 3, 2101, 4, bytes.fromhex("1d4c 7cfe 0321 03d9"))
    assert [(one.quantity, one.component, one.value) for one in found] == [
        ("voltage", "cluster/2", Decimal("750.0")),
        ("current", "cluster/2", Decimal("-0.2")),
        ("state_of_charge", "cluster/2", Decimal("80.1")),
        ("bms_reported_health", "cluster/2", Decimal("98.5")),
    ]
    found = readings(store, 3, 2128, 4, bytes.fromhex("0001 86a0 0001 0000"))
    assert [one.value for one in found] == [Decimal("10000.0"), Decimal("6553.6")]
    found = readings(store, 3, 10501, 4, bytes.fromhex("0ccd 0cce 0000 ffff"))
    assert [(one.component, one.index) for one in found] == [("cluster/2", number) for number in (1, 2, 3, 4)]
    assert [one.absence for one in found] == [None, None, *[ReadingAbsence.NOT_SUPPORTED] * 2]


def test_racks_modules_and_cells():
    racks = find("modbus:soltaro-c?rack=2&S=0x1000")
    found = readings(racks, 3, 0x2000 + 0x1000 + 0x800 + 12, 2, bytes.fromhex("0ccd0cce"))
    assert [(one.component, one.index, one.value) for one in found] == [
        ("rack/2/module/2", 1, Decimal("3.277")),
        ("rack/2/module/2", 2, Decimal("3.278")),
    ]
    found = readings(racks, 3, 0x21A5, 1, b"\x00\x02")
    assert [(one.quantity, one.value) for one in found] == [("alarm", "slave_communication_lost")]


@pytest.mark.parametrize("name", packaged())
def test_maps_of_the_package_are_sound(name):
    protocol = find(f"modbus:{name}")
    assert protocol.poll()
    for row in protocol.rows:
        if isinstance(row, Bits):
            assert set(row.names.values()) <= CONDITIONS


@pytest.mark.parametrize(
    ("line", "column", "sentence"),
    [
        ("70000,1,u16,voltage,V", "address", "from 0 to 65535"),
        ("x,1,u16,voltage,V", "address", "0x1000 or P+12"),
        ("1,2,u16,voltage,V", "words", "expected 1"),
        ("1,1,u17,voltage,V", "type", "one of u16"),
        ("1,1,u16,soc,%", "quantity", "no quantity is called 'soc'"),
        ("1,1,u16,voltage,A", "unit", "a unit of voltage: V, mV, kV"),
        ("1,1,u16,voltage,V,nan", "scale", "a number"),
        ("1,1,u16,voltage,V,0", "scale", "other than 0"),
        ("1,1,u16,voltage,V,1,x", "offset", "a number"),
        ("1,1,u16,voltage,V,1,0,6", "function", "1 to 4"),
        ("1,1,u16,voltage,V,1,0,1", "function", "type bits"),
        ("1,1,u16,cell_voltage,V,1,0,3,cell=x,1", "repeat", "LEVEL=COUNT"),
        ("1,1,u16,cell_voltage,V,1,0,3,cell=9,", "stride", "expected 1 distances"),
        ("65530,1,u16,cell_voltage,V,1,0,3,cell=9,1", "address", "at most 65535"),
        ("1,1,u16,voltage,V,1,0,3,,,0x1FFFF", "unavailable", "16 bits"),
        ("1,1,bits,alarm,,,,3,,,,over", "names", "BIT=name"),
        ("1,1,bits,voltage,,,,3", "type", "cannot be of type bits"),
        ("1,1,string,voltage,V", "type", "cannot be of type string"),
        ("1,1,u16,event_count,1", "names", "counts"),
    ],
)
def test_a_wrong_cell_is_named(line, column, sentence):
    found, wrong = parse_map(HEADING + line + "\n", {})
    assert found is None
    assert {one.line for one in wrong} == {2}
    assert any(one.column == column and sentence in one.sentence for one in wrong)


def test_every_wrong_cell_is_named_at_once(tmp_path):
    path = tmp_path / "pack.csv"
    path.write_text(HEADING + "1,1,u16,voltage,A\n2,9,u16,amps,A\n3,1,u16,current,A\n")
    result = CliRunner().invoke(command, ["check", str(path)])
    assert result.exit_code == 1
    assert [line.split(":")[0] for line in result.stdout.splitlines()] == [
        "line 2, unit",
        "line 3, quantity",
        "line 3, words",
    ]
    with pytest.raises(ProtocolUnknown, match=r"line 2, unit.*and 2 more"):
        find(f"modbus:{path}")


def test_a_map_that_can_be_used_says_what_it_reads():
    result = CliRunner().invoke(command, ["check", str(EXAMPLE), "--json"])
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document["usable"] is True
    assert document["wrong"] == []
    assert {"function": 1, "start": 3, "count": 4} in document["reads"]
    result = CliRunner().invoke(command, ["check", "three-level-ess"])
    assert "left out: lines 15" in result.stdout


def test_what_is_no_map_is_refused_in_words(tmp_path):
    with pytest.raises(MapRefused, match="three-level-ess"):
        find("modbus:nowhere.csv")
    result = CliRunner().invoke(command, ["check", str(tmp_path)])
    assert result.exit_code == 2
    for text in ("", "a,b\n1,2\n", "address,words,type,quantity\n", HEADING + "P+1,1,u16,voltage,V\n"):
        found, wrong = parse_map(text, {})
        assert found is None
        assert wrong


def test_the_page_of_maps_names_every_column():
    page = (EXAMPLE.parent / "README.md").read_text()
    for column in HEADING.strip().split(","):
        assert f"`{column}`" in page
    assert all(f"`modbus:{name}`" in page for name in packaged())
