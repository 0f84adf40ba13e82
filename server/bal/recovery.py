"""Where to go on after a mistake: at the next definition or step."""

from __future__ import annotations

from server.bal.cursor import Abandoned, Cursor
from server.bal.tokens import END, NAME, STRING
from server.bal.vocabulary import CONTEXTUAL, RESERVED

_STEP_WORDS = frozenset("chain parallel if loop map select merge try when".split())
_GOES_ON = frozenset("with on_error else catch finally".split())
_OPENING = frozenset("{[(")
_CLOSING = frozenset("}])")


def resume_in_block(cursor: Cursor, opener: int) -> None:
    """Move to the next step of the block that `opener` opened, or to its end. Gives the block up
    when a definition begins before that."""
    level = _level(cursor, opener)
    depth = len(cursor.opened) - level
    del cursor.opened[level:]
    kinds, begin = cursor.kinds, cursor.index
    while kinds[cursor.index] != END:
        kind = kinds[cursor.index]
        if _begins_definition(cursor, cursor.index):
            raise Abandoned
        if depth == 0 and (kind == "}" or _begins_step(cursor, cursor.index, begin)):
            return
        depth += (kind in _OPENING) - (kind in _CLOSING)
        if depth < 0:
            raise Abandoned
        cursor.index += 1
    raise Abandoned


def resume_at_top(cursor: Cursor, first: int) -> None:
    """Move to the next definition or step of the program; `first` began the one given up."""
    depth = len(cursor.opened)
    cursor.opened.clear()
    kinds = cursor.kinds
    if cursor.index > first + 1 and _begins_definition(cursor, cursor.index - 1):
        cursor.index -= 1
        return
    while kinds[cursor.index] != END:
        index, kind = cursor.index, kinds[cursor.index]
        if index > first and (
            _begins_definition(cursor, index) or (depth == 0 and _opens_item(cursor, index))
        ):
            return
        depth = max(0, depth + (kind in _OPENING) - (kind in _CLOSING))
        cursor.index += 1


def _level(cursor: Cursor, opener: int) -> int:
    """How many marks are open inside the block of `opener`; the block itself counts."""
    opened = cursor.opened
    level = len(opened)
    while opened[level - 1] != opener:
        level -= 1
    return level


def _begins_step(cursor: Cursor, index: int, begin: int) -> bool:
    """Words that can only open a step, and anything that may when it stands first on its line."""
    kind, after = cursor.kinds[index], cursor.kinds[index + 1]
    if kind not in (NAME, STRING) or index == begin:
        return False
    word = cursor.values[index]
    if kind == STRING or after == ":":
        return after == ":" and cursor.tokens.is_first_on_line(index)
    if word in _STEP_WORDS or (word in CONTEXTUAL and after == "("):
        return True
    if word in _GOES_ON:
        return False
    return cursor.tokens.is_first_on_line(index) or cursor.kinds[index - 1] == ","


def _begins_definition(cursor: Cursor, index: int) -> bool:
    """A name and `{` at the very beginning of a line: nothing inside a block looks so."""
    if cursor.kinds[index] != NAME:
        return False
    word, after = cursor.values[index], cursor.kinds[index + 1]
    if not (after == "{" and word not in RESERVED) and not (after == "(" and word == "run"):
        return False
    start = cursor.tokens.starts[index]
    return start == 0 or cursor.tokens.source[start - 1] == "\n"


def _opens_item(cursor: Cursor, index: int) -> bool:
    if cursor.kinds[index] != NAME:
        return False
    word, after = cursor.values[index], cursor.kinds[index + 1]
    if word in _GOES_ON:
        return False
    return after == "{" or word in _STEP_WORDS or (word in CONTEXTUAL and after == "(")
