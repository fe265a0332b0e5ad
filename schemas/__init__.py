"""The vocabulary: what a passport can say, what a device can say, and what the law says about both.

It may import the standard library, marshmallow (in `validation`) and numpy (in `samples`).
It must never do input or output, read a clock, or know a framework, a table or a page.
"""
