"""How much memory this process holds, and how much it may hold at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_STATM = "/proc/self/statm"
_GROUPS = Path("/proc/self/cgroup")
_MOUNT = Path("/sys/fs/cgroup")


def resident() -> int | None:
    """In bytes; a few microseconds. None where the system does not say it: others than Linux tell
    only the most that it ever was, and what never falls is of no use to whoever waits for it."""
    try:
        with open(_STATM, "rb") as file:
            pages = int(file.read().split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def allowed(groups: Path = _GROUPS, mount: Path = _MOUNT) -> int | None:
    """In bytes: the machine's memory, or what its container or service may have of it."""
    try:
        machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None
    return min([machine, *_bounds(groups, mount)])


def _bounds(groups: Path, mount: Path) -> Iterator[int]:
    """Of the group of this process and of all that are around it, in the second version of groups
    and in the first one, which has a hierarchy for each kind. A container may see its own as the
    outermost, whatever it is called outside."""
    try:
        lines = groups.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, kinds, path = line.split(":", 2)
        if kinds and "memory" not in kinds.split(","):
            continue
        name = "memory/{}/memory.limit_in_bytes" if kinds else "{}/memory.max"
        inner = Path(path.lstrip("/"))
        for place in (inner, *inner.parents):
            bound = _read(mount / name.format(place))
            if bound is not None:
                yield bound


def _read(file: Path) -> int | None:
    """A group without a bound says `max`, or a number beyond all memory."""
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None
