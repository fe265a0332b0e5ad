"""Search over batteries: one typed row per battery, asked within the rights of the caller.

It may import disclosure, judgement and the ledger. It must never decide who may see what.
"""

from passport.search.asking import (
    DEFAULT_LIMIT,
    DEFAULT_ORDER,
    MAXIMUM_LIMIT,
    Filter,
    Page,
    Query,
    Reader,
    Row,
    choices,
    every,
    parameters,
    parse,
    query,
    rows_of,
    told,
    wire,
)
from passport.search.fields import EURO, FIELDS, ORDERS, Field, Match, meant, readable, words_of
from passport.search.index import METALS, Indexed, entry, index, write

__all__ = (
    "DEFAULT_LIMIT",
    "DEFAULT_ORDER",
    "EURO",
    "FIELDS",
    "MAXIMUM_LIMIT",
    "METALS",
    "ORDERS",
    "Field",
    "Filter",
    "Indexed",
    "Match",
    "Page",
    "Query",
    "Reader",
    "Row",
    "choices",
    "entry",
    "every",
    "index",
    "meant",
    "parameters",
    "parse",
    "query",
    "readable",
    "rows_of",
    "told",
    "wire",
    "words_of",
    "write",
)
