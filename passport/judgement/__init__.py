"""Findings on a battery: what the law still asks, whether a second life is open, what the battery is worth.

It may import `schemas`, `passport.lifecycle` and `passport.estimates`.
It must never raise over a battery's condition, read a database, or turn the unknown into a pass or a number.
"""
