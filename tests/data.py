"""Test data beside the project: recordings, vectors and schemas from elsewhere, never copied in."""

import os
from pathlib import Path

ROOT = Path(os.environ.get("CELLPASS_TEST_DATA", Path(__file__).parents[2] / "shared")).resolve()


def shared_files(pattern: str) -> list[Path]:
    """Every file under the data folder that matches, sorted; empty when the folder is not there."""
    return sorted(ROOT.glob(pattern))
