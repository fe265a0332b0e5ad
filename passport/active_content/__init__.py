"""Files as they come from people: what they really are, and whether anything in them would run.

It may import the errors of `passport` and `schemas.strict_json`, and is given bytes and gives an answer.
It must never trust a file's name, change a file to make it acceptable, or read more than its limits allow.
"""
