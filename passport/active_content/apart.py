"""PDFs are read in a process of their own: a file made to break its reader breaks that process and no other.

The child gets the bytes through a pipe and answers one line of JSON; its memory and its time are limited.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Final

from passport.active_content.kinds import inspect
from passport.errors import (
    ContentActive,
    ContentForeign,
    ContentTooLarge,
    ContentUnreadable,
    DocumentRefused,
)

MEMORY_BYTES: Final = 1024 * 1024 * 1024
CPU_LIMIT_S: Final = 30
TIME_LIMIT_S: Final = 120.0  # of the clock; a busy machine may be slow

_REFUSALS: Final[Mapping[str, type[DocumentRefused]]] = {
    one.__name__: one for one in (ContentActive, ContentForeign, ContentTooLarge, ContentUnreadable)
}


def inspect_apart(data: bytes) -> tuple[str, str]:
    """Media type and words of a PDF, as `kinds.inspect` gives them.

    Raises:
        ContentActive, ContentForeign, ContentUnreadable, ContentTooLarge: as there; also where the reader
            ended, or was stopped at a limit.
    """
    path = os.pathsep.join(entry for entry in sys.path if entry)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "passport.active_content.apart"],
            input=data,
            capture_output=True,
            timeout=TIME_LIMIT_S,
            env={**os.environ, "PYTHONPATH": path},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ContentTooLarge(
            "the PDF could not be read within its time; export it again, smaller"
        ) from error
    try:
        answer = json.loads(done.stdout)
    except ValueError as error:
        raise ContentTooLarge(
            "the reader of PDFs gave up on this file (memory, time, or damage); export it again"
        ) from error
    if refusal := answer.get("refused"):
        raise _REFUSALS[refusal](answer["sentence"])
    return answer["media_type"], answer["about"]


def main() -> None:
    """Read standard input to its end, answer on standard output."""
    _limit()
    from passport.active_content.pdf import set_limits

    set_limits()
    data = sys.stdin.buffer.read()
    answer: dict[str, str]
    try:
        media_type, about = inspect(data)
        answer = {"media_type": media_type, "about": about}
    except DocumentRefused as error:
        answer = {"refused": type(error).__name__, "sentence": str(error)}
    except MemoryError:
        answer = {
            "refused": "ContentTooLarge",
            "sentence": "the PDF unpacks to more than can be looked at; export it again",
        }
    print(json.dumps(answer))


def _limit() -> None:
    try:
        import resource
    except ImportError:  # not on this system; the time limit still holds
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT_S, CPU_LIMIT_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
