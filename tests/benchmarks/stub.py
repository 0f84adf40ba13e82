"""The scripted model server as a process of its own, so that its work is not ours."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

from tests.support.services import free_port


@contextlib.contextmanager
def model_server(delay_ms: float = 0) -> Iterator[str]:
    """Its address, without a path. Each answer begins after `delay_ms`."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.model_server", "--port", str(port)]
        + ["--delay-ms", str(delay_ms)],
        stdout=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _await_port(url)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _await_port(url: str) -> None:
    limit = time.monotonic() + 20
    while time.monotonic() < limit:
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the model server did not start")
