"""Reading a long program makes hundreds of thousands of small objects and no garbage; looking for
some again and again takes as long as the reading itself (measured: 1.9 s against 0.9 s for 100,000
lines)."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Generator[None, None, None]:
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
