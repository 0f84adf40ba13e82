"""Where the cursor stands, read from the tokens alone: a text that is typed is rarely whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from server.bal.lexer import tokenize
from server.bal.tokens import NAME, STRING, VARIABLE, Tokens, TokenValue

FrameKind = Literal[
    "top", "entity", "object", "list", "steps", "branches", "arms", "fields", "settings",
    "condition", "classifier", "expression", "run", "other",
]  # fmt: skip

_BLOCK_WORDS: Final = frozenset(("chain", "try", "else", "catch", "finally"))
_FIELD_WORDS: Final = frozenset(("select", "merge", "with"))
_PAREN_FRAMES: Final[dict[str, FrameKind]] = {
    "if": "condition",
    "gate": "condition",
    "filter": "condition",
    "route": "classifier",
    "loop": "settings",
    "map": "settings",
    "parallel": "settings",
    "try": "settings",
    "run": "run",
}
_AFTER_PAREN: Final[dict[str, FrameKind]] = {
    "parallel": "branches",
    "route": "arms",
    "processor": "expression",
}


@dataclass(slots=True)
class Frame:
    """An open brace, bracket or parenthesis. `word` is what opened it: the name of the entity, the
    keyword, or the key before it; `keys` are the keys written in it so far."""

    kind: FrameKind
    word: str = ""
    key: str = ""
    paren: str = ""
    keys: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, slots=True)
class Place:
    """`typed` is the word before the cursor, `start` where it begins. `quoted`: the cursor is in a
    text, whose part before the cursor is `text`. `previous` are the last tokens."""

    frames: tuple[Frame, ...]
    typed: str
    start: int
    quoted: bool
    text: str
    is_value: bool
    previous: tuple[TokenValue, ...]

    @property
    def frame(self) -> Frame:
        return self.frames[-1]

    @property
    def key(self) -> str:
        """The key whose value stands here, also from within a list."""
        for frame in reversed(self.frames):
            if frame.kind != "list":
                return frame.key
        return ""

    def path(self) -> tuple[str, ...]:
        """The words of the open frames, without those of lists."""
        return tuple(frame.word for frame in self.frames[1:] if frame.kind != "list")


def place_at(source: str, offset: int) -> Place:
    tokens = tokenize(source[:offset])
    count = len(tokens.kinds) - 1
    typed, start, text, quoted = "", offset, "", False
    last = count - 1
    if last >= 0 and _is_open_text(tokens, last):
        quoted, text = True, source[tokens.starts[last] + 1 : offset]
        typed = _last_word(text)
        start, count = offset - len(typed), last
    elif last >= 0 and tokens.ends[last] == offset and tokens.kinds[last] in (NAME, VARIABLE):
        start, count = tokens.starts[last], last
        typed = source[start:offset]
    elif offset and source[offset - 1] == "$":
        typed, start = "$", offset - 1
    frames = frames_before(tokens, count)
    is_value = count > 0 and tokens.kinds[count - 1] == ":"
    if frames[-1].kind == "list":
        is_value = True
    previous = tuple(tokens.values[max(0, count - 4) : count])
    return Place(tuple(frames), typed, start, quoted, text, is_value, previous)


def frames_before(tokens: Tokens, count: int) -> list[Frame]:
    """The frames that are open before token `count`."""
    frames = [Frame("top")]
    for index in range(count):
        kind = tokens.kinds[index]
        if kind in ("{", "(", "["):
            frames.append(_opened(tokens, index, frames[-1]))
        elif kind in ("}", ")", "]"):
            closed = frames.pop() if len(frames) > 1 else frames[-1]
            if kind == ")":
                frames[-1].paren = closed.word
        elif kind == ":" and index and tokens.kinds[index - 1] in (NAME, STRING):
            frames[-1].key = str(tokens.values[index - 1])
            frames[-1].keys.append(frames[-1].key)
    return frames


def _opened(tokens: Tokens, index: int, outer: Frame) -> Frame:
    kind = tokens.kinds[index]
    before = tokens.kinds[index - 1] if index else ""
    word = str(tokens.values[index - 1]) if before == NAME else ""
    if kind == "(":
        return Frame(_PAREN_FRAMES.get(word, "other"), word)
    if kind == "[":
        return Frame("list", outer.key, outer.key)
    if before == ")":
        return Frame(_AFTER_PAREN.get(outer.paren, "steps"), outer.paren)
    if before in (":", "[", ",") and outer.kind in ("entity", "object", "list", "run", "other"):
        return Frame("object", outer.key)
    if before == ":":
        return Frame("fields" if outer.kind == "fields" else "steps", outer.word)
    return _opened_by_word(tokens, index, word, outer)


def _opened_by_word(tokens: Tokens, index: int, word: str, outer: Frame) -> Frame:
    earlier = str(tokens.values[index - 2]) if index > 1 else ""
    if word in _FIELD_WORDS:
        tool = earlier if index > 2 and tokens.values[index - 3] == "use" else ""
        return Frame("fields", f"use {tool}" if tool else word)
    if word in _BLOCK_WORDS:
        return Frame("steps", word)
    if word == "parallel":
        return Frame("branches", word)
    if earlier == "when":
        return Frame("arms", "when")
    if outer.kind == "top" and not _follows_map(tokens, index):
        kind: FrameKind = "object" if word in ("analytics", "defaults") else "entity"
        return Frame(kind, word)
    if outer.kind == "run":
        return Frame("object", "run")
    return Frame("steps", "map" if _follows_map(tokens, index) else word)


def _follows_map(tokens: Tokens, index: int) -> bool:
    """`map result.items {`: back over the path or the text to the keyword."""
    place = index - 1
    while place > 0 and tokens.kinds[place] in (NAME, VARIABLE, STRING, ".", "[", "]", "number"):
        if tokens.values[place] == "map" and tokens.kinds[place] == NAME:
            return tokens.kinds[place + 1] != "{"
        place -= 1
    return place >= 0 and tokens.values[place] == "map" and tokens.kinds[place] == NAME


def _is_open_text(tokens: Tokens, last: int) -> bool:
    """Whether the text before the cursor ends within quotes."""
    return tokens.kinds[last] == STRING and any(
        found.kind == "unterminated_string" for found in tokens.diagnostics
    )


def _last_word(text: str) -> str:
    end = len(text)
    while end > 0 and (text[end - 1].isalnum() or text[end - 1] in "_$"):
        end -= 1
    return text[end:]


def is_step_place(frame: Frame) -> bool:
    return frame.kind in ("steps", "branches", "arms")
