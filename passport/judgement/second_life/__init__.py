"""Second-life eligibility: thirteen gates, three answers, one verdict with its list of inspections.

It may import what `passport.judgement` may.
It must never let an unknown answer pass.
"""
