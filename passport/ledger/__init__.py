"""What was declared, bound, signed and logged: tables whose rows are added, never changed.

It may import `judgement`, `signing` and below; callers bring the open connection.
It must never sign, decide who may see a value, or alter a stored version.
"""
