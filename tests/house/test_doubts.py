"""What a doubt does is written twice, as ingestion and passports are strangers; here the two are compared."""

from pathlib import Path

from ingest import doubt_table, trail
from ingest.plausibility import SEVERITIES, Severity
from passport.ledger import trail as ledger_trail
from passport.lifecycle.shape import TOLD_AND_USED

PAGE = Path(__file__).parents[2] / "docs" / "plausibility.md"


def test_the_fold_uses_exactly_the_values_whose_doubts_only_warn():
    warned = {code for code, severity in SEVERITIES.items() if severity is Severity.WARN}
    assert warned == TOLD_AND_USED


def test_the_page_of_doubts_is_made_from_the_rules():
    # When this fails: python -m ingest.doubt_table > docs/plausibility.md
    assert PAGE.read_text(encoding="utf-8") == doubt_table.page()


def test_each_of_the_twenty_rules_has_a_check_and_each_check_a_rule():
    numbers = {check.number for check, _, _ in doubt_table.checks()}
    assert numbers == set(range(21)) == set(doubt_table.TITLES)


def test_ingestion_and_passports_write_one_word_for_a_doubt():
    assert (trail.DOUBT, trail.DOUBT_ENDED) == (ledger_trail.DOUBT, ledger_trail.DOUBT_ENDED)
