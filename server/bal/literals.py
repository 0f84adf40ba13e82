"""Values as the text of a program writes them."""

from __future__ import annotations

import re
from typing import Final

from server.bal.nodes import Name, Path, Text, Variable

_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_ESCAPES: Final[dict[str, str]] = {
    "\\": "\\\\",
    "\n": "\\n",
    "\t": "\\t",
    "\r": "\\r",
    "\b": "\\b",
    "\f": "\\f",
    "\0": "\\0",
}
_NEEDS_ESCAPE: Final = re.compile(r"[\\\x00-\x1f\x7f\ud800-\udfff]")


def quote(value: str) -> str:
    """In double quotes; in single ones when that saves escaping."""
    mark = "'" if '"' in value and "'" not in value else '"'
    escaped = _NEEDS_ESCAPE.sub(_escape, value)
    return mark + escaped.replace(mark, "\\" + mark) + mark


def literal(text: Text, source: str) -> str:
    """As its author wrote it (escapes and line breaks kept), in double quotes where that changes
    nothing else; from the value when the text has no place in `source`."""
    span = text.span
    raw = source[span.start : span.end]
    if len(raw) < 2 or raw[0] not in "\"'" or raw[-1] != raw[0]:
        return quote(text.value)
    if "\r" in raw:
        raw = raw.replace("\r\n", "\n")
    if raw[0] == "'" and '"' not in raw and "\\" not in raw:
        return f'"{raw[1:-1]}"'
    return raw


def key_text(key: Text | Name, source: str) -> str:
    return literal(key, source) if isinstance(key, Text) else f'"{key.value}"'


def number_text(value: int | float) -> str:
    return repr(value)


def is_name(text: str) -> bool:
    return _PLAIN_NAME.match(text) is not None


def path_text(path: Path) -> str:
    if not path.parts:
        return path.root
    return path.root + "".join(map(_part_text, path.parts))


def reference_text(node: Name | Variable) -> str:
    return f"${node.name}" if isinstance(node, Variable) else node.value


def _part_text(part: str | int) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    return f".{part}" if is_name(part) else f"[{quote(part)}]"


def _escape(match: re.Match[str]) -> str:
    mark = match.group()
    return _ESCAPES.get(mark) or f"\\u{ord(mark):04x}"
