"""The rows of the registry, one file per chapter.

It may import the shapes of `schemas`: attribute, values, citation, conditions, terms.
It must never hold logic: a row says what the law decides, and nothing else.
"""
