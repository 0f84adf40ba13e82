"""Memory that is not used any more goes back to the system."""

from __future__ import annotations

import ctypes
import gc

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD in glibc's malloc.h
_LARGE = 1024 * 1024  # bytes


def return_large_blocks() -> None:
    """Memory of large values, as soon as they are gone. glibc does so by itself only until the
    first of them is freed: from then on it keeps blocks of up to 32 MiB in its heap, which has
    holes after a few (mallopt(3)). Other C libraries have no such call, and need none."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_MMAP_THRESHOLD, _LARGE)


def give_back() -> None:
    """All that can be had, at once: it may take some tenths of a second, so only in need."""
    gc.collect()
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return
    trim(0)
