"""Benchmarks of the passport side: each prints a ratio to a yardstick that was measured in the same run.

It may import everything of `passport`; a yardstick is another program, or the plainest code for the job.
It must never assert a time: tests check results, this package shows speed.
"""
