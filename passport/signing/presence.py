"""Is a signer listening?"""

import socket
from pathlib import Path

from passport.signing.keys import socket_address


def answers(socket_path: Path) -> bool:
    """Whether a signer takes connections on the socket; a file left behind by a dead one does not count."""
    if not socket_path.exists():
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, socket_address(socket_path) as address:
        probe.settimeout(2)
        try:
            probe.connect(address)
        except OSError:
            return False
    return True
