"""A version made readable: page, PDF, QR code and label, from what a view shows and from nothing else.

It may import `schemas` and the floors below; qrcode, Pillow and WeasyPrint only inside functions.
It must never open the database, read live state, or say what the audience of a view may not see.
"""
