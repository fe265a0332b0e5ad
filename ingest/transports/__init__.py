"""Lines to devices: bytes in, bytes out, nothing decoded.

It may import `ingest.errors`. It must never look into the bytes, nor decide what is sent.
"""
