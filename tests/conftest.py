"""Fixtures that every test may ask for, and a closing line on what was skipped for want of data."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.data import ROOT


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    """`shared("captures/x.json")` is the file beside the project, or the test is skipped and counted."""

    def find(relative: str) -> Path:
        path = ROOT / relative
        if not path.exists():
            pytest.skip(f"no test data beside the project: {relative}")
        return path

    return find


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests were skipped because the data beside the project is not there."""
    skipped = [
        r for r in terminalreporter.stats.get("skipped", []) if "no test data beside" in str(r.longrepr)
    ]
    state = "present" if ROOT.is_dir() else "not present"
    terminalreporter.write_line(
        f"test data beside the project: {state}; {len(skipped)} tests skipped for want of it"
    )
