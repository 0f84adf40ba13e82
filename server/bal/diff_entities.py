"""What changed within an entity."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from server.bal.diff_nodes import Change, ChangeKind
from server.bal.entity_plans import plain
from server.bal.findings import Findings
from server.bal.nodes import Entity, ListValue, Name, Property, Text, Value
from server.bal.trigger_blocks import read_triggers
from server.bal.vocabulary import ENTITY_PROPERTIES, canonical_key

_ORDER: Final = [word.name for word in ENTITY_PROPERTIES]
_KINDS: Final[dict[str, ChangeKind]] = {
    "goal": "goal_changed",
    "model": "model_changed",
    "tools": "tools_changed",
    "can_request": "tools_changed",
    "input": "input_changed",
    "output": "output_changed",
    "trigger": "trigger_changed",
}
_LISTS: Final = frozenset(("tools", "can_request"))
_LONGEST: Final = 60


def entity_changes(old: Entity, new: Entity) -> list[Change]:
    before, after = _values(old), _values(new)
    known = [key for key in _ORDER if key in before or key in after]
    others = [key for key in {**before, **after} if key not in _ORDER]
    found: list[Change] = []
    for key in (*known, *others):
        one, other = before.get(key), after.get(key)
        if not same_value(key, _value(one), _value(other)):
            found += _changed(new.name.value, key, _value(one), _value(other))
    return found


def same_value(key: str, one: Value | None, other: Value | None) -> bool:
    """Equal but for spelling; a lone tool is a list of one."""
    if one is None or other is None:
        return one is other
    before, after = plain(one), plain(other)
    if key in _LISTS:
        before, after = _names(one), _names(other)
    return repr(before) == repr(after)


def json_text(value: Any) -> str:
    """Short enough for a sentence."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1] if words else "")))


def _values(entity: Entity) -> dict[str, Property]:
    found: dict[str, Property] = {}
    for prop in entity.properties:
        found.setdefault(canonical_key(prop.key.value), prop)
    return found


def _value(prop: Property | None) -> Value | None:
    return None if prop is None else prop.value


def _changed(name: str, key: str, old: Value | None, new: Value | None) -> list[Change]:
    before = None if old is None else plain(old)
    after = None if new is None else plain(new)
    sentences = list(_sentences(name, key, old, new))
    kind = _KINDS.get(key, "property_changed")
    if not sentences:
        return []
    return [Change(kind, name, before, after, "; ".join(sentences))]


def _sentences(name: str, key: str, old: Value | None, new: Value | None) -> Iterator[str]:
    match key:
        case "goal":
            yield f"{name} has a new goal"
        case "model":
            yield f"{name} now uses {json_text(plain(new)) if new else 'the default model'}"
        case "tools":
            yield from _list_sentences(old, new, f"{name} may now use", f"{name} no longer uses")
        case "can_request":
            more, less = f"{name} may now request", f"{name} may no longer request"
            yield from _list_sentences(old, new, more, less)
        case "input" | "output":
            yield from _block_sentences(f"the {key} of {name}", old, new)
        case "trigger":
            yield from _trigger_sentences(name, old, new)
        case _:
            yield _plain_sentence(f"the {key} of {name}", old, new)


def _plain_sentence(words: str, old: Value | None, new: Value | None) -> str:
    if new is None:
        return f"{words} was removed"
    verb = "was set to" if old is None else "is now"
    return f"{words} {verb} {json_text(plain(new))}"


def _list_sentences(old: Value | None, new: Value | None, more: str, less: str) -> Iterator[str]:
    before, after = _names(old), _names(new)
    added = [name for name in after if name not in before]
    gone = [name for name in before if name not in after]
    if added:
        yield f"{more} {listed(added)}"
    if gone:
        yield f"{less} {listed(gone)}"
    if not added and not gone:
        yield f"{more} the same tools in another order"


def _names(value: Value | None) -> list[str]:
    if value is None:
        return []
    items = value.items if isinstance(value, ListValue) else (value,)
    return [item.value for item in items if isinstance(item, Text | Name)]


def _block_sentences(words: str, old: Value | None, new: Value | None) -> Iterator[str]:
    before = plain(old) if old is not None else None
    after = plain(new) if new is not None else None
    if not isinstance(before, dict) or not isinstance(after, dict):
        yield _fields_sentence(words, before, after)
        return
    yield from _field_sentences(words, before, after)  # type: ignore[reportUnknownArgumentType]


def _fields_sentence(words: str, before: Any, after: Any) -> str:
    if after is None:
        return f"{words} is no longer described"
    fields = listed(list(after)) if isinstance(after, dict) else json_text(after)  # type: ignore[reportUnknownArgumentType]
    verb = "now has the fields" if before is None else "is now"
    return f"{words} {verb} {fields}" if fields else f"{words} is now an object"


def _field_sentences(words: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    added = [f"{key} ({json_text(after[key])})" for key in after if key not in before]
    gone = [key for key in before if key not in after]
    if added:
        yield f"{words} gained {listed(added)}"
    if gone:
        yield f"{words} lost {listed(gone)}"
    for key in before:
        if key in after and before[key] != after[key]:
            yield f"{key} in {words} is now {json_text(after[key])}"
    if not added and not gone and list(before) != list(after):
        yield f"the fields in {words} are in another order"


def _trigger_sentences(name: str, old: Value | None, new: Value | None) -> Iterator[str]:
    before, after = _triggers(old), _triggers(new)
    added = [words for text, words in after.items() if text not in before]
    gone = [words for text, words in before.items() if text not in after]
    if added:
        yield f"{name} now starts: {listed(added)}"
    if gone:
        yield f"{name} no longer starts: {listed(gone)}"
    if not added and not gone:
        yield f"the trigger of {name} changed"


def _triggers(value: Value | None) -> dict[str, str]:
    if value is None:
        return {}
    found = {spec.text: _small(spec.words) for spec, _ in read_triggers(value, Findings())}
    if not found and isinstance(value, Text):
        found[value.value] = value.value
    return found


def _small(words: str) -> str:
    return words[:1].lower() + words[1:]
