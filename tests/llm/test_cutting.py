"""A stream is cut into the same events wherever the network cut it."""

from __future__ import annotations

import pytest

from server.llm.sse import EventCutter, LineCutter

EVENTS = b'event: x\ndata: {"a": 1}\n\n: ping\n\ndata:{"b": "\xc3\xb6"}\r\n\r\ndata: [DONE]'
LINES = b'{"a": 1}\n\n{"b": "\xc3\xb6"}\r\n{"c": 3}'


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_events_do_not_depend_on_the_network(size: int) -> None:
    wanted = [b'{"a": 1}', '{"b": "ö"}'.encode(), b"[DONE]"]
    assert cut(EventCutter(), EVENTS, size) == wanted
    assert cut(LineCutter(), LINES, size) == [*wanted[:2], b'{"c": 3}']


def test_a_line_without_an_end_is_known_by_its_size() -> None:
    cutter = EventCutter()
    for _ in range(1_000):
        assert list(cutter.feed(b"data: " + b"x" * 1_000)) == []
    assert cutter.waiting == 1_006_000
    (event,) = cutter.feed(b"\n")
    assert (len(event), cutter.waiting) == (1_006_000 - 6, 0)


def cut(cutter: LineCutter, data: bytes, size: int) -> list[bytes]:
    found = [one for at in range(0, len(data), size) for one in cutter.feed(data[at : at + size])]
    return [*found, *cutter.end()]
