"""The service reminds its operator once a day of proofs that nobody archives."""

import logging
from datetime import datetime, timedelta

from passport.commands import run
from passport.ledger.registrations import PRESSING
from tests.passport.union_registry.offices import START


class House:
    """A service whose day passes while it sweeps."""

    def __init__(self, sentences):
        self.time, self.sentences, self.asked = START, sentences, 0

    def sweep(self):
        return 0

    def now(self) -> datetime:
        return self.time

    def reminder(self):
        self.asked += 1
        return next(self.sentences)


class Stop:
    """Ends the sweeping after some rounds; half a day passes in each."""

    def __init__(self, house, rounds):
        self.house, self.rounds = house, rounds

    def wait(self, _seconds):
        self.rounds -= 1
        self.house.time += timedelta(hours=6)
        return self.rounds < 0


def test_the_reminder_is_a_warning_once_a_day(caplog):
    house = House(iter(["first", None, "third"]))
    with caplog.at_level(logging.INFO):
        run._sweep(house, Stop(house, 10))
    assert [(one.levelno, one.getMessage()) for one in caplog.records] == [
        (logging.WARNING, "first"),
        (logging.WARNING, "third"),
    ]
    assert house.asked == 3
    assert timedelta(days=30) == PRESSING
