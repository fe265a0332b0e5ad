"""From a device's bytes to readings in the journal.

It may import `schemas`; what it needs of passports is handed to it through `ingest.ports`.
It must never write to a device, decide what a value means for a passport, or import `passport`.
"""
