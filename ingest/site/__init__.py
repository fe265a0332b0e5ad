"""A site: many devices read at once, as a file of its operator says.

It may import everything of `ingest` below it. It must never decide which battery a device is: the file and
the commissioning records do.
"""
