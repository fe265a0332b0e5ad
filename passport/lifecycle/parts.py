"""The parts of a state that look at rows one after the other, and how they are handed to them.

A part keeps a member of its own in `LifecycleState`, and its last point in a member of `Boundary`, which
every break forgets: a point that finds none there has nothing before it. It takes rows in two ways that end
in the same bytes however the rows are cut: one by one (`take_row`), or as flat arrays of a wave
(`take_wave`), where `arrays.pieces_of` cuts neighbouring rows of one code into pieces. Both are called after
the clock and before charge and energy are summed.
"""

from collections.abc import Mapping
from typing import Final, Protocol

from passport.lifecycle import exposure_pieces, session_pieces, steps
from passport.lifecycle.arrays import Flat
from passport.lifecycle.basis import Basis
from passport.lifecycle.gather import Rows
from passport.lifecycle.shape import LifecycleState


class Part(Protocol):
    """A module of a part."""

    def take_row(
        self, state: LifecycleState, values: Mapping[str, int], time: int, max_gap_ms: int, basis: Basis
    ) -> None:
        """A row that counts: its believed values by series (as the members of `gather.Rows` are named)."""

    def take_wave(self, flat: Flat, rows: Rows) -> None:
        """The rows of a wave; `arrays.counting` leaves those of a series that count."""


PARTS: Final[tuple[Part, ...]] = (session_pieces, exposure_pieces, steps)
