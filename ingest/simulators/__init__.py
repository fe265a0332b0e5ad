"""Devices that speak a protocol's bytes and behave like packs; the demonstration's fleet.

It may import everything of `ingest` below the commands. It must never answer a request that a real device
would answer by changing something, nor let a simulated value pass for a measured one.
"""
