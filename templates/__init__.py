"""Templates, styles and drawings: package data; `passport.documents` and `passport.web` make the words.

They may import one another. They must never decide: a template loops and chooses, it computes nothing and
knows no audience.
"""
