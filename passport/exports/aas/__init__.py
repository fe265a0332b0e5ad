"""The Asset Administration Shell: IDTA 02035 parts 1 to 7 with the header of 02099-1, written and read.

It may import `schemas`, `passport.errors` and `passport.exports.format`.
It must never follow an address in a file.
"""
