"""Cuts a stream into its events, whatever the network cut."""

from __future__ import annotations

from collections.abc import Iterator


class LineCutter:
    """A line for each event."""

    __slots__ = ("_parts", "_waiting")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """Bytes of a line whose end has not come."""
        return self._waiting

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The events that are complete now. A long line is put together once, at its end."""
        if b"\n" not in data:
            self._keep(data)
            return
        lines = (self._rest() + data).split(b"\n")
        self._keep(lines.pop())
        for line in lines:
            if line and (event := self._event(line)):
                yield event

    def end(self) -> Iterator[bytes]:
        """A last line that came without its line end."""
        if event := self._event(self._rest()):
            yield event

    def _keep(self, data: bytes) -> None:
        self._parts.append(data)
        self._waiting += len(data)

    def _rest(self) -> bytes:
        rest = b"".join(self._parts)
        self._parts.clear()
        self._waiting = 0
        return rest

    def _event(self, line: bytes) -> bytes:
        return line.strip()


class EventCutter(LineCutter):
    """Server-sent events: their data lines. Comments and other fields are left out."""

    __slots__ = ()

    def _event(self, line: bytes) -> bytes:
        return line[5:].strip() if line.startswith(b"data:") else b""
