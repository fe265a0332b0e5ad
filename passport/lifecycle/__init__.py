"""Readings folded into the state of a battery: sums, residence, extremes, counters, what was last said.

It may import the vocabulary, NumPy and the error tree; telemetry and stored states are handed in through
`ports`. It must never read a clock, open a database by itself, or let the way rows arrived be seen in a
state's bytes.
"""
