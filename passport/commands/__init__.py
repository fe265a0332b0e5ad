"""The passport side of the command line: one click command per file, what several share in `copies`.

It may import everything in `passport`; heavy imports stay inside the functions, so that help starts at once.
It must never hold logic that a page or another program would need too, or import `app`.
"""
