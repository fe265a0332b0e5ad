"""The public page under load: `cellpass run` against nginx `gzip_static` with the same bytes."""

import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any

from passport.bench.load import free_port, nginx, pinned, requests_per_second, wait_for
from schemas.measure import Ratio


def run(house: Any, passport_id: str) -> Iterator[Ratio]:
    """Needs a house with one issued battery; starts the service itself, one core for it and one for the load.

    Raises:
        ToolMissing: nginx, wrk or taskset is not installed.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}/p/{passport_id}"
    server = subprocess.Popen(  # noqa: S603 - our own interpreter
        [
            *pinned(0),
            sys.executable,
            "-P",
            "-m",
            "app",
            "--data",
            str(house.data_dir),
            "run",
            "--port",
            str(port),
        ],
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_for(port, 60)
        gzipped, headers = _get(url, {"Accept-Encoding": "gzip"})
        plain, _ = _get(url, {})
        with nginx(gzipped, plain) as static:
            rounds = [
                (
                    requests_per_second(url, {"Accept-Encoding": "gzip"}),
                    requests_per_second(static, {"Accept-Encoding": "gzip"}),
                )
                for _ in range(3)
            ]
            fresh = [
                (
                    requests_per_second(url, {"Accept-Encoding": "gzip", "If-None-Match": headers["etag"]}),
                    requests_per_second(static, {"Accept-Encoding": "gzip", "If-None-Match": _etag(static)}),
                )
                for _ in range(3)
            ]
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)
    size = f"{len(plain) / 1000:.1f} KB, {len(gzipped) / 1000:.1f} KB compressed"
    yield _middle("public page, store read per request", rounds, 0.45, size)
    yield _middle("public page, 304", fresh, 0.38, "")


def _get(url: str, headers: dict[str, str]) -> tuple[bytes, dict[str, str]]:
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - our own address
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
        return answer.read(), {name.lower(): value for name, value in answer.headers.items()}


def _etag(url: str) -> str:
    return _get(url, {"Accept-Encoding": "gzip"})[1]["etag"]


def _middle(name: str, rounds: list[tuple[float, float]], bar: float, note: str) -> Ratio:
    ours, theirs = sorted(rounds, key=lambda pair: pair[0] / pair[1])[len(rounds) // 2]
    ratios = [one / other for one, other in rounds]
    against = "nginx gzip_static, same bytes, 32 connections, one core each"
    return Ratio(
        name,
        ours,
        theirs,
        "answers/s",
        bar,
        at_most=False,
        against=against,
        note=note,
        spread=(min(ratios), max(ratios)),
    )
