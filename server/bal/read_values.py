"""Values after a key, and the fields that with, select and merge build."""

from __future__ import annotations

from server.bal.cursor import Cursor
from server.bal.nodes import (
    Bool,
    Entry,
    Field,
    FieldList,
    Fields,
    FieldValue,
    ListValue,
    Name,
    Null,
    Number,
    ObjectValue,
    Path,
    Text,
    Value,
    Variable,
)
from server.bal.tokens import NAME, NUMBER, STRING, VARIABLE
from server.bal.vocabulary import RESERVED

_TYPE_HINT = 'A type of more than one word stands in quotes, as in "number(0, 10)".'
_FIELD_HINT = "A field holds a text, a number, true, false, null, a path, a list or fields."


def read_value(cursor: Cursor, where: str) -> Value:
    kind = cursor.kind
    if kind == STRING:
        return read_text(cursor)
    if kind == NUMBER:
        return read_number(cursor)
    if kind == NAME:
        return _read_word(cursor, where)
    if kind == "{":
        return _read_braces(cursor)
    if kind == "[":
        return _read_list(cursor, "[")
    cursor.fail(f"Expected a value {where}", _value_hint(cursor))


def read_text(cursor: Cursor) -> Text:
    index = cursor.take()
    return Text(str(cursor.values[index]), span=cursor.span(index))


def read_number(cursor: Cursor) -> Number:
    index = cursor.take()
    value = cursor.values[index]
    return Number(value if isinstance(value, int | float) else 0, span=cursor.span(index))


def read_name(cursor: Cursor) -> Name:
    index = cursor.take()
    return Name(str(cursor.values[index]), span=cursor.span(index))


def read_key(cursor: Cursor, where: str) -> Text | Name:
    """A key; reserved words may stand here."""
    if cursor.kind == NAME:
        return read_name(cursor)
    if cursor.kind == STRING:
        return read_text(cursor)
    hint = _TYPE_HINT if cursor.kind in ("(", "[") else None
    cursor.fail(f"Expected a key {where}", hint)


def read_object(cursor: Cursor, where: str) -> ObjectValue:
    opener = cursor.open("{", where)
    return _read_entries(cursor, opener)


def read_fields(cursor: Cursor, where: str) -> Fields:
    """With at least one field, as after with, select and merge."""
    opener = cursor.open("{", where)
    if cursor.kind == "}":
        cursor.fail(f"Expected a field {where}", "Write at least one `name: value`.")
    return _read_field_entries(cursor, opener)


def read_path(cursor: Cursor) -> Path:
    first = cursor.take()
    mark = "$" if cursor.kinds[first] == VARIABLE else ""
    root = f"{mark}{cursor.values[first]}"
    parts: list[str | int] = []
    while True:
        if cursor.skip_if("."):
            parts.append(str(cursor.values[cursor.expect(NAME, "after the `.` of the path")]))
        elif cursor.kind == "[":
            parts.append(_read_index(cursor))
        elif cursor.kind == NUMBER and _is_dotted(cursor):
            cursor.fail("Expected the end of the path", "A place in a list is written `[0]`.")
        else:
            return Path(root, tuple(parts), span=cursor.since(first))


def _is_dotted(cursor: Cursor) -> bool:
    """`items.0` reads as the number `.0` after a path."""
    tokens, index = cursor.tokens, cursor.index
    start = tokens.starts[index]
    return tokens.source[start] == "." and tokens.ends[index - 1] == start


def is_path_start(cursor: Cursor) -> bool:
    if cursor.kind == NAME:
        return cursor.value not in RESERVED
    return cursor.kind == VARIABLE


def check_key(cursor: Cursor, seen: set[str], key: Text | Name, what: str) -> None:
    if key.value in seen:
        cursor.report("duplicate_key", f"The {what} `{key.value}` stands here twice.", key.span)
    seen.add(key.value)


def _read_index(cursor: Cursor) -> str | int:
    cursor.open("[", "in the path")
    value = cursor.value
    if cursor.kind == STRING or (cursor.kind == NUMBER and isinstance(value, int)):
        cursor.take()
    else:
        cursor.fail("Expected a whole number or a quoted text between `[` and `]`")
    cursor.close("after the place in the list")
    return value if isinstance(value, int) else str(value)


def _read_word(cursor: Cursor, where: str) -> Value:
    word = cursor.value
    if word in ("true", "false"):
        return Bool(word == "true", span=cursor.span(cursor.take()))
    if word == "null":
        return Null(span=cursor.span(cursor.take()))
    if word in RESERVED:
        cursor.fail(f"Expected a value {where}", f'Put it in quotes if it is a text: "{word}".')
    return read_name(cursor)


def _read_list(cursor: Cursor, mark: str) -> ListValue:
    opener = cursor.open(mark, "before the list")
    return _read_items(cursor, opener)


def _read_items(cursor: Cursor, opener: int) -> ListValue:
    braces = cursor.kinds[opener] == "{"
    closing = "}" if braces else "]"
    items: list[Value] = []
    while cursor.kind != closing:
        items.append(read_value(cursor, "in the list"))
        cursor.skip_if(",")
    cursor.close("at the end of the list")
    return ListValue(tuple(items), braces, span=cursor.since(opener))


def _read_braces(cursor: Cursor) -> ListValue | ObjectValue:
    opener = cursor.open("{", "before the value")
    if cursor.kind == "}" or (cursor.kind in (NAME, STRING) and cursor.peek() == ":"):
        return _read_entries(cursor, opener)
    return _read_items(cursor, opener)


def _read_entries(cursor: Cursor, opener: int) -> ObjectValue:
    entries: list[Entry] = []
    seen: set[str] = set()
    while cursor.kind != "}":
        first = cursor.index
        key = read_key(cursor, "or `}` in the object")
        check_key(cursor, seen, key, "key")
        cursor.expect(":", f"after the key `{key.value}`")
        value = read_value(cursor, f"after `{key.value}:`")
        entries.append(Entry(key, value, span=cursor.since(first)))
        cursor.skip_if(",")
    cursor.close("at the end of the object")
    return ObjectValue(tuple(entries), span=cursor.since(opener))


def _read_field_entries(cursor: Cursor, opener: int) -> Fields:
    fields: list[Field] = []
    seen: set[str] = set()
    while cursor.kind != "}":
        first = cursor.index
        key = read_key(cursor, "or `}` in the fields")
        check_key(cursor, seen, key, "field")
        cursor.expect(":", f"after the field `{key.value}`")
        value = _read_field(cursor, f"after `{key.value}:`")
        fields.append(Field(key, value, span=cursor.since(first)))
        cursor.skip_if(",")
    cursor.close("at the end of the fields")
    return Fields(tuple(fields), span=cursor.since(opener))


def _read_field(cursor: Cursor, where: str) -> FieldValue:
    kind = cursor.kind
    if kind == STRING:
        return read_text(cursor)
    if kind == NUMBER:
        return read_number(cursor)
    if kind == "[":
        return _read_field_list(cursor)
    if kind == "{":
        return _read_field_entries(cursor, cursor.open("{", "before the fields"))
    if kind == NAME and cursor.value in ("true", "false"):
        return Bool(cursor.value == "true", span=cursor.span(cursor.take()))
    if kind == NAME and cursor.value == "null":
        return Null(span=cursor.span(cursor.take()))
    if not is_path_start(cursor):
        cursor.fail(f"Expected a value {where}", _FIELD_HINT)
    return read_path(cursor)


def _read_field_list(cursor: Cursor) -> FieldList:
    opener = cursor.open("[", "before the list")
    items: list[FieldValue] = []
    while cursor.kind != "]":
        items.append(_read_field(cursor, "in the list"))
        cursor.skip_if(",")
    cursor.close("at the end of the list")
    return FieldList(tuple(items), span=cursor.since(opener))


def _value_hint(cursor: Cursor) -> str | None:
    if cursor.kind == VARIABLE:
        return "A variable can be read in `with`, `select`, `merge`, `map` and in conditions."
    return None


def read_variable(cursor: Cursor) -> Variable:
    index = cursor.take()
    return Variable(str(cursor.values[index]), span=cursor.span(index))
