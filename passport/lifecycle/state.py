"""The lifecycle state of a battery: its shape, the folding of rows into it, and what it says.

One name for what is written in `shape`, `folding` and `summary`.
"""

from passport.lifecycle.basis import Basis, basis_of
from passport.lifecycle.folding import fold
from passport.lifecycle.shape import Counter, Extreme, Last, LifecycleState
from passport.lifecycle.summary import Coverage, coverage, full_cycles_throughput, reported, summary

__all__ = [
    "Basis",
    "Counter",
    "Coverage",
    "Extreme",
    "Last",
    "LifecycleState",
    "basis_of",
    "coverage",
    "fold",
    "full_cycles_throughput",
    "reported",
    "summary",
]
