"""What a doubt does is written twice, as ingestion and passports are strangers; here the two are compared."""

from ingest.plausibility import SEVERITIES, Severity
from passport.lifecycle.shape import TOLD_AND_USED


def test_the_fold_uses_exactly_the_values_whose_doubts_only_warn():
    warned = {code for code, severity in SEVERITIES.items() if severity is Severity.WARN}
    assert warned == TOLD_AND_USED
