"""What stands between the parentheses of loop, map, parallel and try."""

from __future__ import annotations

from server.bal.cursor import Cursor
from server.bal.nodes import Condition, Name, Null, Number, Setting, Text, Value
from server.bal.read_values import check_key, read_key, read_text, read_value
from server.bal.suggest import closest
from server.bal.tokens import NUMBER, STRING
from server.bal.vocabulary import SETTINGS

_UNTIL_HINT = 'A condition stands in quotes, as in "until": "result.score > 8".'
_RANGES = {
    ("loop", "max"): (1, 100),
    ("map", "concurrency"): (1, None),
    ("parallel", "concurrency"): (1, None),
    ("try", "retries"): (0, None),
    ("try", "delay"): (0, None),
}
_MISSING: Value = Null()


def read_settings(cursor: Cursor, keyword: int, opener: int | None = None) -> tuple[Setting, ...]:
    """`opener` is given when the parenthesis is open already (map has its path there)."""
    word = str(cursor.values[keyword])
    if opener is None:
        hint = 'As in loop("until": "result.done", "max": 5) { … }.' if word == "loop" else None
        cursor.open("(", f"after `{word}`", hint)
    settings: list[Setting] = []
    seen: set[str] = set()
    while cursor.kind != ")":
        settings.append(_read_setting(cursor, word, seen))
        cursor.skip_if(",")
    cursor.close(f"after the settings of `{word}`")
    return tuple(settings)


def _read_setting(cursor: Cursor, word: str, seen: set[str]) -> Setting:
    first = cursor.index
    names = [setting.name for setting in SETTINGS[word]]
    if str(cursor.value) not in names:
        listed = " or ".join(f"`{name}`" for name in names)
        cursor.fail(f"Expected {listed} in the settings of `{word}`", _name_hint(cursor, names))
    key = read_key(cursor, f"in the settings of `{word}`")
    check_key(cursor, seen, key, "setting")
    cursor.expect(":", f"after `{key.value}`")
    if key.value == "until":
        return _read_until(cursor, key, first)
    value = _read_setting_value(cursor, key)
    _check(cursor, word, key.value, value)
    return Setting(key, value, span=cursor.since(first))


def _read_until(cursor: Cursor, key: Text | Name, first: int) -> Setting:
    if cursor.kind != STRING:
        cursor.fail("Expected a quoted condition after `until:`", _UNTIL_HINT)
    text = read_text(cursor)
    return Setting(key, Condition(text, span=text.span), span=cursor.since(first))


def _read_setting_value(cursor: Cursor, key: Text | Name) -> Value:
    return read_value(cursor, f"after `{key.value}:`")


def _check(cursor: Cursor, word: str, key: str, value: Value) -> None:
    if key == "errors":
        _check_word(cursor, word, value)
        return
    low, high = _RANGES[word, key]
    kind = "loop_bounds" if word == "loop" else "invalid_value"
    number = value.value if isinstance(value, Number) else None
    if number is not None and number == int(number) and low <= number:
        if high is None or number <= high:
            return
    limits = f"from {low} to {high}" if high else f"from {low}"
    cursor.report(kind, f"`{key}` is a whole number {limits}.", value.span)


def _check_word(cursor: Cursor, word: str, value: Value) -> None:
    allowed = next(setting.values for setting in SETTINGS[word] if setting.name == "errors")
    if isinstance(value, Text | Name) and value.value in allowed:
        return
    hint = closest(value.value, allowed) if isinstance(value, Text | Name) else None
    listed = ", ".join(allowed)
    cursor.report("invalid_value", f"`errors` is one of {listed}.", value.span, hint)


def _name_hint(cursor: Cursor, names: list[str]) -> str | None:
    if cursor.kind == NUMBER:
        return f"Write its name before the number: `{names[-1]}: {cursor.value}`."
    if cursor.kind == STRING and cursor.peek() != ":":
        return f'Write its name before the text: `{names[0]}: "…"`.'
    return closest(str(cursor.value), names)
