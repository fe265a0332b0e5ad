"""A page server under load: nginx as yardstick, wrk as load generator, one core each where there are two."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WRK_SECONDS = 3
CONNECTIONS = 32


class ToolMissing(RuntimeError):
    """A program the benchmark compares with is not installed; the sentence names the package."""


def need(program: str, package: str) -> str:
    """Path of a program.

    Raises:
        ToolMissing: it is not installed.
    """
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if path is None:
        raise ToolMissing(f"{program} is not installed (Debian package {package})")
    return path


def free_port() -> int:
    """A TCP port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pinned(core: int) -> list[str]:
    """How a command line begins that stays on one core, counted from 0, of those we may use."""
    cores = sorted(os.sched_getaffinity(0))
    return [need("taskset", "util-linux"), "-c", str(cores[core % len(cores)])]


def wait_for(port: int, timeout_s: float = 20) -> None:
    """Return when something listens on the port.

    Raises:
        TimeoutError: nothing did.
    """
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=0.5):
                return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port} after {timeout_s} s")


@contextmanager
def nginx(body_gz: bytes, body: bytes) -> Iterator[str]:
    """Serve with nginx: `gzip_static`, the same bytes; yields the address."""
    program = need("nginx", "nginx-light")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="cellpass-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "page.html").write_bytes(body)
        (folder / "page.html.gz").write_bytes(body_gz)
        (folder / "nginx.conf").write_text(
            f"""
            daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
            {"user root;" if os.getuid() == 0 else ""}
            events {{ worker_connections 256; }}
            http {{
                access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; gzip_static on;
                types {{ text/html html; }} open_file_cache max=16; open_file_cache_valid 60s;
                client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
                uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
                server {{ listen 127.0.0.1:{port}; root {folder}; }}
            }}"""
        )
        process = subprocess.Popen(  # noqa: S603 - the program was looked up, the arguments are ours
            [*pinned(0), program, "-c", str(folder / "nginx.conf"), "-p", name], stderr=subprocess.DEVNULL
        )
        try:
            wait_for(port)
            yield f"http://127.0.0.1:{port}/page.html"
        finally:
            process.terminate()
            process.wait(10)


def requests_per_second(url: str, headers: dict[str, str]) -> float:
    """Answers a second with 32 kept connections from one core; errors count against it.

    Raises:
        ToolMissing: wrk is not installed.
        RuntimeError: the server answered with errors.
    """
    command = [*pinned(1), need("wrk", "wrk"), "-t1", f"-c{CONNECTIONS}", f"-d{WRK_SECONDS}s"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    done = subprocess.run([*command, url], capture_output=True, text=True, check=True)  # noqa: S603
    if "Non-2xx" in done.stdout and "If-None-Match" not in headers:
        raise RuntimeError(f"the server answered with errors:\n{done.stdout}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    if not found:
        raise RuntimeError(f"no figure in what wrk printed:\n{done.stdout}")
    return float(found[1])
