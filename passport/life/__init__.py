"""The life of a passport: what is done to it, by whom, and which versions come of that.

It may import `issue`, `ledger` and below; the web and the commands call it.
It must never add a version by itself, nor change what stands in the history.
"""
