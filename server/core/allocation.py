"""Memory of large values goes back to the system as soon as they are gone."""

from __future__ import annotations

import ctypes

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD in glibc's malloc.h
_LARGE = 1024 * 1024  # bytes


def return_large_blocks() -> None:
    """glibc does so by itself only until the first of them is freed: from then on it keeps blocks
    of up to 32 MiB in its heap, which has holes after a few (mallopt(3)). Other C libraries have
    no such call, and need none."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_MMAP_THRESHOLD, _LARGE)
