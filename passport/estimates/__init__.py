"""Estimates of health and remaining life, each with interval, method and evidence; none is made yet.

It may import `passport.lifecycle` and `schemas`.
It must never publish a number without an interval, or the BMS's own figure as an estimate of ours.
"""
