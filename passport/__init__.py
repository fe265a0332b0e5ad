"""From the journal's readings to a signed record, its proof and its pages.

It may import `schemas`; the reader of stored telemetry is handed to it through `passport.lifecycle.ports`.
It must never decode a device's bytes, change a stored version, or import `ingest`.
"""
