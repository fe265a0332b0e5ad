"""A worker process of `cellpass run`: it ends with its parent, and by its parent's word alone."""

import contextlib
import ctypes
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1  # prctl(2)


def settle() -> None:
    """Leave the terminal's process group and end when the parent ends.

    Ctrl-C reaches a whole group at once; a worker that stops by itself while the parent is stopping it can
    keep both waiting. A parent that was killed must not leave a worker on its port.
    """
    parent = os.getppid()
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it ended before the line above
        os.kill(os.getpid(), signal.SIGTERM)
