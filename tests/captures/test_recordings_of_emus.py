"""Published sentences of an EMUS control unit beside the project, and what others read from them."""

import json
from decimal import Decimal

from ingest.captures import Decoded, read_capture
from ingest.protocol import Refused, find

FOLDER = "captures/emus-serial/"


def test_published_sentences_read_as_others_read_them(shared):
    path = shared(FOLDER + "emus-doc-sentences-published-crc.txt")
    document = json.loads(path.with_suffix(".expected.json").read_text(), parse_float=Decimal)
    expected = {one["sentence"]: one for one in document["expected"]}
    charge, cells = read_capture(path, find("emus-serial"))
    told = {reading.quantity: reading.value for reading in charge.readings}
    assert told["remaining_charge"] == expected["BC1"]["charge_Ah"]
    assert told["nameplate_capacity"] == expected["BC1"]["capacity_Ah"]
    assert told["state_of_charge"] == expected["BC1"]["soc_percent"]
    first = expected["BV2"]["first_cell"] + 1
    assert [(r.quantity, r.index, r.component) for r in cells.readings] == [
        ("cell_voltage", first + place, None) for place in range(expected["BV2"]["group_size"])
    ]
    assert [reading.value for reading in cells.readings] == expected["BV2"]["cell_voltages_V"]


def test_a_published_sentence_with_any_character_changed_is_refused(shared):
    lines = shared(FOLDER + "emus-doc-sentences-published-crc.txt").read_text().split()
    for line in lines:
        for place in range(len(line)):
            for other in "0A,?":
                if line[place] != other:
                    damaged = line[:place] + other + line[place + 1 :] + "\r\n"
                    found = list(read_capture(damaged.encode(), find("emus-serial")))
                    assert found
                    assert not any(isinstance(one, Decoded) and one.readings for one in found), damaged
                    assert any(isinstance(one, Refused) for one in found)
