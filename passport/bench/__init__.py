"""Benchmarks of the passport side: speed as a ratio to a yardstick of the same run, accuracy beside its goal.

It may import everything of `passport`; a yardstick is another program, or the plainest code for the job.
It must never assert a time: tests check results, this package shows speed.
"""
