"""One module per BMS protocol: bytes to readings, and the builders of the bytes that ask and answer.

A module may import `ingest.protocol`, `ingest.frames` and `schemas`, never another protocol.
It must never touch a line, a clock or a file, and never build a request that changes a device.
"""
