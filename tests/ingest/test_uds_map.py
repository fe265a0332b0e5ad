"""`uds:TABLE`: what a table may say, what comes out, and what is asked on a bus."""

import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from ingest.can import CanFrame, read_spelling
from ingest.captures import Decoded, read_capture
from ingest.errors import MapRefused, RequestForbidden
from ingest.gateway import Clock, Gateway, Pace, Routing
from ingest.journal import Receipt
from ingest.protocol import find
from ingest.protocols.uds import segment
from ingest.transports.address import parse_address
from ingest.transports.base import BackOff
from schemas.samples import ColumnKey
from schemas.terms import Origin, ReadingAbsence

TABLE = """# a car of nobody
request,did,at,type,scale,offset,unit,quantity,index,name,unavailable,origin
7E5,A001,0,u8,0.5,,%,state_of_charge,,,255,
7E5,A001,1.7,u4,,,,cycle_count,,,,
7E5,A001,1.3,u1,,,,charging_enabled,,,,
7E5,A001,1.0,u1,,,,alarm,,insulation_fault,,
7E5,A003,0,i16,-0.1,200,A,current,,,0x8000,
7E5,A003,2,u16le,1,,K,cell_temperature_max,,,,
7E5,A003,4,f32,,,V,voltage,,,,
7E5,A010,0,u12,1,1000,mV,cell_voltage,1..4+2,,,
7E5,A010,8,u32,0.1,,Wh,energy_in,,,,configured
18DA05F1,F18C,0,text6,,,,serial_number,,,,
"""


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "car.csv"
    path.write_text(TABLE)
    return find(f"uds:{path}")


def log(*messages):
    frames = [
        frame for identifier, payload in messages for frame in segment(identifier, bytes.fromhex(payload))
    ]
    return b"".join(b"(1.000000) can0 %b\n" % frame.raw for frame in frames)


def readings(protocol, *messages):
    found = read_capture(log(*messages), protocol)
    return {(r.quantity, r.index): r for one in found if isinstance(one, Decoded) for r in one.readings}


def test_values_come_from_where_the_table_says(table):
    found = readings(
        table,
        (0x7ED, "62A001" + "9E" + "B9"),
        (0x7ED, "62A003" + "07D0" + "2901" + "43C80000"),
        (0x7ED, "62A010" + "0E10 FE11 0E12 0E13 0001E240".replace(" ", "")),
    )
    values = {key: reading.value for key, reading in found.items()}
    assert values == {
        ("state_of_charge", None): Decimal(79),
        ("cycle_count", None): Decimal(11),
        ("charging_enabled", None): True,
        ("alarm", None): "insulation_fault",
        ("current", None): Decimal(0),
        ("cell_temperature_max", None): Decimal("23.85"),
        ("voltage", None): Decimal(400),
        ("cell_voltage", 1): Decimal("4.6"),
        ("cell_voltage", 2): Decimal("4.601"),
        ("cell_voltage", 3): Decimal("4.602"),
        ("cell_voltage", 4): Decimal("4.603"),
        ("energy_in", None): Decimal("12.3456"),
    }
    assert found["energy_in", None].origin is Origin.CONFIGURED


def test_what_is_not_available_is_absent_and_what_is_not_there_is_not_told(table):
    found = readings(table, (0x7ED, "62A001FF18"), (0x7ED, "62A0038000"))
    assert found["state_of_charge", None].value is None
    assert found["current", None].absence is ReadingAbsence.NOT_READ
    assert ("voltage", None) not in found
    assert ("alarm", None) not in found
    assert found["charging_enabled", None].value is True


def test_other_addresses_and_identifiers_say_nothing_but_the_standard_does(table):
    assert readings(table, (0x7EC, "62A0019EB9"), (0x7ED, "62A0049EB9"), (0x7EC, "620105" + "00" * 40)) == {}
    assert readings(table, (0x7E8, "62F45B80"))["state_of_charge", None].value == Decimal("50.2")


def test_toml_says_the_same_as_csv(tmp_path):
    path = tmp_path / "car.toml"
    path.write_text(
        '[[row]]\nrequest = "7E5"\ndid = "A001"\nat = 0\ntype = "u8"\nscale = 0.5\nunit = "%"\n'
        'quantity = "state_of_charge"\n'
    )
    found = readings(find(f"uds:{path}"), (0x7ED, "62A0019E"))
    assert found["state_of_charge", None].value == Decimal(79)


def test_only_reads_of_the_table_are_asked(table):
    assert table.poll() == [
        b"7E5#0322A00155555555",
        b"7E5#0322A00355555555",
        b"7E5#0322A01055555555",
        b"18DA05F1#0322F18C55555555",
    ]
    for request in table.poll():
        assert table.permit(request).raw == request
    for forbidden in (
        b"7E5#0322A00255555555",  # not in the table
        b"7E5#042EA0010055555555"[:20],  # a write
        b"7E5#0210035555555555",  # a session
        b"7E4#0322A00155555555",  # another control unit
        b"18DA05F1#0322A00155555555",
        b"7E5#300000",
    ):
        with pytest.raises(RequestForbidden):
            table.permit(forbidden)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("6FF,A001,0,u8,%,state_of_charge,", "row 2, column request: expected an identifier"),
        (
            "7DF,A001,0,u8,%,state_of_charge,",
            "row 2, column answer: expected the identifier",
        ),
        ("7E5,A1,0,u8,%,state_of_charge,", "row 2, column did: expected four"),
        ("7E5,A001,x,u8,%,state_of_charge,", "row 2, column at: expected bytes"),
        ("7E5,A001,4091,u8,%,state_of_charge,", "row 2, column at: expected a value that ends by"),
        ("7E5,A001,0.3,u8le,%,state_of_charge,", "row 2, column at: expected a whole byte"),
        ("7E5,A001,0,u65,%,state_of_charge,", "row 2, column type: expected 1 to 64 bits"),
        ("7E5,A001,0,u12le,%,state_of_charge,", "row 2, column type: expected 1 to 64 bits, whole bytes"),
        ("7E5,A001,0,text4,%,state_of_charge,", "row 2, column type: expected a number of bits"),
        ("7E5,A001,0,u8,,serial_number,", "row 2, column type: expected text"),
        ("7E5,A001,0,u8,V,state_of_charge,", "row 2, column unit: expected one of"),
        (
            "7E5,A001,0,u8,,charge,",
            "row 2, column quantity: no quantity is called 'charge'",
        ),
        ("7E5,A001,0,u8,%,state_of_charge,3", "row 2, column index: expected none"),
        ("7E5,A001,0,u16,V,cell_voltage,4..2", "row 2, column index: expected positions"),
        ("7E5,A001,0,u16,V,cell_voltage,1..4+1", "row 2, column index: expected a distance"),
        ("7E5,A001,0,u1,,alarm,", "row 2, column name: expected"),
        ("7E5,A001,0,u8,%,state_of_charge,,1", "row 2: expected 7 cells, came 8"),
    ],
)
def test_a_wrong_cell_is_named_by_row_and_column(tmp_path, row, said):
    path = tmp_path / "car.csv"
    path.write_text(f"request,did,at,type,unit,quantity,index\n{row}\n")
    with pytest.raises(MapRefused) as refused:
        find(f"uds:{path}")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "", "expected at least one row"),
        ("a.csv", "request,did\n7E5,A001\n", "row 1, column at: the column is missing"),
        ("a.csv", TABLE + "7E5,A001,0\n" + "x" * 3, "row 13"),
        ("a.csv", "request,did,at,type,quantity,colour\n7E5,A001,0,u8,cycle_count,red\n", "column colour"),
        ("a.toml", "row = 3", "expected [[row]]"),
        ("a.toml", "[[row]]\nrequest = true\n", "row 1, column request: expected a text or a number"),
        ("a.toml", "[[row", "expected TOML"),
        (
            "a.csv",
            "request,answer,did,at,type,quantity\n7E5,7ED,A1B2,0,u8,cycle_count\n7E5,7EE,A1B2,0,u8,cycle_count\n",
            "column answer: 7E5 A1B2 is answered by 7ED",
        ),
    ],
)
def test_a_text_that_is_no_table_is_refused(tmp_path, name, text, said):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(MapRefused) as refused:
        find(f"uds:{path}")
    assert said in str(refused.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(MapRefused, match="cannot be read"):
        find(f"uds:{tmp_path / 'none.csv'}")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(MapRefused, match="UTF-8"):
        find(f"uds:{tmp_path / 'bytes.csv'}")


def test_the_table_of_the_documentation_is_one(tmp_path):
    text = Path("docs/protocols/uds.md").read_text().split("```csv\n")[1].split("```")[0]
    (tmp_path / "doc.csv").write_text(text)
    assert len(find(f"uds:{tmp_path / 'doc.csv'}").poll()) == 5


class Car:
    """A bus with a control unit that goes on only when told so, and with foreign frames between."""

    address = "car"

    def __init__(self, answers):
        self.answers, self.sent, self.waiting, self.rest = answers, [], [], []

    def send(self, data):
        self.sent.append(data)
        frame = read_spelling(data)
        if frame.data[0] == 0x30:
            self.waiting, self.rest = self.waiting + self.rest, []
            return
        first, *self.rest = segment(0x7ED, bytes.fromhex(self.answers[frame.data[2:4].hex().upper()]))
        foreign = CanFrame(0x123, bytes(8))
        self.waiting += [foreign, CanFrame(0x7ED, bytes.fromhex("037F2278")), foreign, first]

    def receive(self, timeout_s):
        del timeout_s
        lines, self.waiting = self.waiting[:1], self.waiting[1:]
        return b"".join(b"(1.000000) can0 %b\n" % frame.raw for frame in lines)

    def discard(self):
        self.waiting = []

    def close(self):
        pass


def test_a_long_answer_goes_on_after_flow_control_and_a_short_one_needs_none(tmp_path):
    path = tmp_path / "car.csv"
    path.write_text("".join(line for line in TABLE.splitlines(keepends=True) if "18DA" not in line))
    car = Car({"A001": "62A0019EB9", "A003": "7F2231", "A010": "62A010" + "0E10" * 4 + "0001E240"})
    stored = []

    def sink(rows):
        stored.append(dict(rows))
        return [Receipt(battery, "test", "1", len(s), 0, None, "") for battery, s in rows.items()]

    ticks = iter(range(1000))
    Gateway(
        parse_address("tcp:unused:1"),
        find(f"uds:{path}"),
        Routing({None: "B"}),
        sink,
        clock=Clock(
            lambda: datetime(2026, 11, 20, tzinfo=UTC) + timedelta(seconds=next(ticks)),
            time.monotonic,
            threading.Event().wait,
        ),
        back_off=BackOff(jitter=lambda: 0.5, first_s=0.05, most_s=0.1, attempts=1),
        pace=Pace(
            interval_s=0.01, answer_s=0.4, gap_s=0.1, longest_s=2.0, pause_s=0.0, flush_rows=5, flush_s=60.0
        ),
        opener=lambda _: car,
    ).run(count=1)
    assert car.sent == [
        b"7E5#0322A00155555555",
        b"7E5#0322A00355555555",
        b"7E5#0322A01055555555",
        b"7E5#3000005555555555",
    ]
    (batch,) = stored
    columns = batch["B"].columns
    assert columns[ColumnKey("state_of_charge", None)].decimal(0) == 79
    assert columns[ColumnKey("cell_voltage", 4)].decimal(0) == Decimal("4.6")
