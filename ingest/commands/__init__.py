"""The commands of ingestion, one module each, with a `command` that `app` adds to `cellpass`.

They may import everything inside `ingest` and take the rest from `click`'s object.
They must never decide what a value means: they read, call, and print.
"""
