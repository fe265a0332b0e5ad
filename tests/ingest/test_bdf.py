"""Battery Data Format: published files of laboratories, CSV and Parquet, and what goes wrong in tables."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.captures import read_capture
from ingest.detect import detect
from ingest.errors import CaptureRefused
from ingest.gateway import Routing, replay, survey
from ingest.protocol import Damage, Fault, Frame, Refused
from ingest.protocols.bdf import PROTOCOL
from ingest.records import LONGEST_LINE
from tests.data import ROOT
from tests.ingest.test_gateway import ListSink

EXAMPLES = ROOT / "datasets" / "bdf-examples"
NEWARE = EXAMPLES / "SINTEF__SLPBA842124HV__2024-10-23__Rate_25degC__Neware__Time_Bug.bdf.csv"
LANDT = EXAMPLES / "SINTEF__LiGrR2032__2024-04-30__25degC__Landt.bdf.csv"
PARQUET = EXAMPLES / "legacy.bdf.parquet"
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HEAD = b"test_time_second,voltage_volt,current_ampere\n"


def published(path):
    if not path.exists():
        pytest.skip("no test data beside the project")
    return path


@pytest.mark.parametrize(
    ("path", "first"),
    [
        pytest.param(
            NEWARE, {"voltage": "3.8133", "current": "0", "power": "0", "cycle_count": "1"}, id="neware"
        ),
        pytest.param(LANDT, {"voltage": "2.9215", "current": "0", "ambient_temperature": "0"}, id="landt"),
        pytest.param(
            PARQUET, {"voltage": "0.241154", "current": "0", "ambient_temperature": "25"}, id="parquet"
        ),
    ],
)
def test_a_published_file_is_read_but_for_rows_whose_time_is_wrong(path, first):
    path = published(path)
    found = list(read_capture(path, PROTOCOL))
    # The one file has 19 rows with a 0.000 between later times: counted with awk.
    refused = [one for one in found if isinstance(one, Refused)]
    assert [one.fault for one in refused] == ([Fault.BACKWARDS] * 19 if path is NEWARE else [])
    values = {reading.quantity: reading.value for reading in found[0].readings}
    assert {name: values[name] for name in first} == {name: Decimal(text) for name, text in first.items()}
    assert [one.protocol for one in detect(path.read_bytes()).candidates] == ["bdf"]
    if path is not PARQUET:
        assert len(found) == sum(1 for line in path.read_bytes().splitlines() if line.strip()) - 1


def test_a_parquet_file_has_the_times_of_its_rows():
    first = next(iter(read_capture(published(PARQUET), PROTOCOL)))
    assert first.at == datetime(2024, 7, 2, 15, 18, 58, 46000, tzinfo=UTC)


def test_a_damaged_parquet_file_is_refused_in_words():
    with pytest.raises(CaptureRefused, match="expected a Parquet file"):
        list(read_capture(b"PAR1" + bytes(100), PROTOCOL))


def test_rows_without_a_time_lie_as_much_later_as_the_test_says():
    sink = ListSink()
    replay(HEAD + b"0,3.3,1\n60,3.4,1\n90.5,3.4,0\n", PROTOCOL, Routing({None: "B"}), sink, start=NOON)
    (batch,) = sink.batches
    times = [int((NOON + timedelta(seconds=s)).timestamp() * 1000) for s in (0, 60, 90.5)]
    assert batch["B"].time_ms.tolist() == times


def times_of(rows):
    """Test times of the rows that were read, and the faults of those that were not."""
    framer = PROTOCOL.framer()
    found = framer.feed(HEAD + b"".join(b"%s,3.3,1\n" % row.encode() for row in rows)) + framer.flush()
    read = [one.after.total_seconds() for one in found if not isinstance(one, Refused)]
    return read, [one.fault for one in found if isinstance(one, Refused)]


@pytest.mark.parametrize(
    ("rows", "read", "faults"),
    [
        pytest.param("7200 0 7200.01", [7200, 7200.01], [Fault.BACKWARDS], id="falls and comes back"),
        pytest.param("7200 0 10 20", [7200, 0, 10, 20], [], id="begins anew"),
        pytest.param("7200 0", [7200, 0], [], id="falls at the end"),
        pytest.param("7200 0 0 7300", [7200, 0, 0, 7300], [], id="two rows are a new beginning"),
        pytest.param("30 0 30 60", [30, 0, 30, 60], [], id="within a minute"),
        pytest.param("7200 5000 100 50", [7200, 5000, 100, 50], [], id="falls and falls again"),
        pytest.param(
            "100 0 101 1 102", [100, 101, 102], [Fault.BACKWARDS] * 2, id="falls in every second row"
        ),
    ],
)
def test_a_time_that_falls_and_comes_back_in_the_next_row_is_refused(rows, read, faults):
    assert times_of(rows.split()) == (read, faults)


def test_a_refused_row_says_which_times_stand_beside_it():
    framer = PROTOCOL.framer()
    framer.feed(HEAD + b"7200,3.3,1\n0.000,3.3,1\n")
    refused, read = framer.feed(b"7200.01,3.3,1\n")
    assert refused.reason == (
        "time_fell: expected a test time from 7200 to 7200.01 s at the row between those two, came 0 s"
    )
    assert read.after == timedelta(seconds=7200.01)


def test_rows_with_a_time_of_day_are_placed_by_that():
    framer = PROTOCOL.framer()
    rows = b"unix_time_second," + HEAD + b"1000,7200,3.3,1\n1001,0,3.3,1\n1002,7201,3.3,1\n"
    assert all(isinstance(one, Frame) for one in framer.feed(rows))


def test_a_damaged_file_of_a_laboratory_leaves_no_row_before_another():
    sink = ListSink()
    heard = replay(published(NEWARE).read_bytes(), PROTOCOL, Routing({None: "B"}), sink, relative=True)
    times = [ms for batch in sink.batches for ms in batch["B"].time_ms.tolist()]
    assert times == sorted(times)
    assert len(times) == 13_086 - 19
    assert heard.refused == {"time_fell": 19}


def test_a_line_without_an_end_is_not_held_for_ever():
    framer = PROTOCOL.framer()
    framer.feed(HEAD)
    found = framer.feed(b"7" * (LONGEST_LINE + 1))
    assert [one.fault for one in found] == [Fault.LENGTH]
    assert framer.feed(b"\n1,3.3,0\n")


ROWS = st.lists(
    st.one_of(
        st.binary(max_size=30),
        st.lists(
            st.sampled_from(["0", "1", "3.3", "-1e3", "nan", "inf", "1e999", "", '"', "x", "900"]), max_size=5
        ).map(lambda cells: ",".join(cells).encode()),
    ),
    max_size=8,
).map(b"\n".join)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([b"", HEAD, b"unix_time_second," + HEAD]), ROWS, st.integers(1, 40))
def test_any_table_gives_readings_or_refusals_and_never_depends_on_the_pieces(head, rows, size):
    data = head + rows

    def fed(step):
        framer = PROTOCOL.framer()
        out = [one for begin in range(0, len(data), step) for one in framer.feed(data[begin : begin + step])]
        return out + framer.flush()

    found = fed(size)
    assert found == fed(len(data) + 1)
    for one in found:
        assert isinstance(one, Frame | Refused)
        if isinstance(one, Frame):
            try:
                PROTOCOL.decode(one)
            except Damage:
                pytest.fail("a record that was found is a record that is read")


def test_without_a_start_rows_keep_the_time_of_the_test_and_no_date():
    data = HEAD + b"0,3.3,1\n60,3.4,1\n0,3.4,0\n"
    found, _ = survey(data, PROTOCOL)
    assert found.relative
    sink = ListSink()
    replay(data, PROTOCOL, Routing({None: "B"}), sink, relative=found.relative)
    (batch,) = sink.batches
    assert not batch["B"].absolute
    assert batch["B"].time_ms.tolist() == [0, 60_000, 0]
    assert batch["B"].timed.all()
