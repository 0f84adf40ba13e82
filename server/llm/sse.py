"""Cuts a stream of server-sent events into the data of each event, whatever the network cut."""

from __future__ import annotations

from collections.abc import Iterator


class EventCutter:
    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    @property
    def waiting(self) -> int:
        """Bytes of a line whose end has not come."""
        return len(self._rest)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The data lines that are complete now. Comments and other fields are left out."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip()

    def end(self) -> Iterator[bytes]:
        """A last line that came without its line end."""
        rest, self._rest = self._rest, b""
        if rest.startswith(b"data:"):
            yield rest[5:].strip()
