"""Records as bytes: encoded, signed, logged, and verified by anybody without asking us.

It may import `schemas`, `passport.errors` and cryptography.
It must never open a database, fetch anything, read a clock, or change bytes that were signed.
"""
