"""Session: one charge or discharge from its first to its last row, summed up in integers.

A session is what health is estimated from. At most `MOST_KEPT` lie in the state, the newest one always; of
the others those stay longest that say most of capacity (`sessions`). What is not kept lives on in sums.
"""

from dataclasses import dataclass
from typing import Final

MOST_KEPT: Final = 32
PER_AMPERE_HOUR: Final = 10_000  # charge is counted in tenths of a mAh


@dataclass(frozen=True)
class Session:
    """One session.

    Voltages are of one cell (the battery's by its cells in series, or the cell that ends it: the highest
    while charging, the lowest while discharging), in mV; charge in tenths of a mAh.

    Attributes:
        direction: 1 charging, -1 discharging.
        start_s: of its first row; seconds since 1970, or since the test began where `absolute` is False.
        absolute: whether `start_s` and ends of other absolute sessions may be compared with a calendar.
        duration_s: to its last row.
        charge: moved in its direction, from the row before its first to the one after its last where no step
            between them is broken.
        opposite: moved against it in between (regeneration).
        charge_to_limit: moved until the declared limit was first reached (discharging: the minimum voltage,
            the row beyond it not counted; charging: the maximum); None when it never was, or none is
            declared.
        energy: moved in its direction, hundredths of a Wh; None where voltage was not read throughout.
        rest_before_s, rest_before_mv: the rest that it ended, and the last voltage in it; 0 and None without.
        rest_after_s, rest_after_mv: likewise the rest that followed; it may still grow.
        first_mv, last_mv: under load, of its first and last row.
        last_ma: current of its last row, positive.
        mean_ma: charge by time, positive; a little more than the current, as charge counts the steps into
            its first and out of its last row.
        soc_first, soc_last: as the BMS said it, tenths of a percent; None where it did not.
        coldest, hottest, mean_temperature: tenths of a degree; None where no cell's was read (then of the
            surroundings, where that was read).
        longest_step_s: longest time between two of its rows.
        windows: (edge, charge) pairs, ascending by edge: charge moved while the cell's voltage lay between
            `edge` and the chemistry's next edge, in mV, where it crossed from one to the other at a steady
            current.
        cycles_before: equivalent full cycles at its start, thousandths, by what was watched: the larger
            direction over the rated capacity.
        spread_mv: highest minus lowest cell in the last row of the rest before; None without.
    """

    direction: int
    start_s: int
    absolute: bool
    duration_s: int
    charge: int
    opposite: int
    charge_to_limit: int | None
    energy: int | None
    rest_before_s: int
    rest_before_mv: int | None
    rest_after_s: int
    rest_after_mv: int | None
    first_mv: int | None
    last_mv: int | None
    last_ma: int
    mean_ma: int
    soc_first: int | None
    soc_last: int | None
    coldest: int | None
    hottest: int | None
    mean_temperature: int | None
    longest_step_s: int
    windows: tuple[tuple[int, int], ...]
    cycles_before: int
    spread_mv: int | None
