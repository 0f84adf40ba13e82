"""What may stand at the cursor: words in their place, names, variables, tools, models, types."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from server.bal.literals import is_name, quote
from server.bal.parser import parse
from server.bal.place import Place, is_step_place, place_at
from server.bal.program_words import captures, entity_words, output_fields
from server.bal.vocabulary import (
    ANALYTICS_PROPERTIES,
    DEFAULTS_PROPERTIES,
    ENTITY_PROPERTIES,
    FUNCTIONS,
    ON_ERROR,
    OUTPUT_TARGETS,
    RESERVED_VARIABLES,
    SCOPE_WORDS,
    SETTINGS,
    STEP_KEYWORDS,
    TOP_LEVEL_KEYWORDS,
    TRIGGERS,
    TYPE_WORDS,
    Word,
    canonical_key,
)

_LITERALS: Final = ("true", "false", "null")
_TRIGGER_KEYS: Final = (
    "type", "schedule", "timezone", "webhookPath", "sourceBaleybotId", "completionType", "enabled",
)  # fmt: skip
_METRIC_KEYS: Final = ("name", "type", "field", "condition", "n", "description")
_METRICS: Final = ("count", "average", "distribution", "trend", "percentage", "top_n")


@dataclass(frozen=True, slots=True)
class ToolDoc:
    """A tool of the workspace, for whoever writes its name. `parameters` is its JSON Schema."""

    name: str
    description: str = ""
    parameters: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Known:
    """What the workspace has."""

    tools: Sequence[ToolDoc] = ()
    models: Sequence[str] = ()

    def tool(self, name: str) -> ToolDoc | None:
        return next((tool for tool in self.tools if tool.name == name), None)


@dataclass(frozen=True, slots=True)
class Completion:
    """`insert` replaces what was typed when it differs from the label."""

    label: str
    kind: str
    detail: str = ""
    doc: str = ""
    insert: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "kind": self.kind,
            "detail": self.detail,
            "doc": self.doc,
            "insert": self.insert or self.label,
        }


@dataclass(frozen=True, slots=True)
class Completions:
    """`start` is where the typed word begins; the editor narrows the items as typing goes on."""

    start: int
    items: tuple[Completion, ...]


NOTHING: Final = Known()


def complete(source: str, offset: int, known: Known = NOTHING) -> Completions:
    place = place_at(source, offset)
    writer = _Writer(source, place, known)
    found = {item.label: item for item in writer.items()}
    typed = place.typed.lower()
    fitting = [item for item in found.values() if item.label.lower().startswith(typed)]
    return Completions(place.start, tuple(fitting))


class _Writer:
    def __init__(self, source: str, place: Place, known: Known) -> None:
        self._source = source
        self._place = place
        self._known = known

    def items(self) -> Iterator[Completion]:
        place, frame = self._place, self._place.frame
        if place.typed.startswith("$"):
            yield from self._variables()
        elif frame.kind == "top":
            yield from self._top()
        elif frame.kind in ("entity", "object", "list", "run"):
            yield from self._property()
        elif is_step_place(frame):
            yield from self._step()
        elif frame.kind == "fields":
            yield from self._field()
        elif frame.kind == "settings":
            yield from self._setting()
        elif frame.kind == "classifier" and not place.quoted:
            yield from entity_items(self._source)
        elif place.quoted:
            yield from self._expression()

    # --- definitions ---------------------------------------------------------------------------

    def _top(self) -> Iterator[Completion]:
        if self._previous("when"):
            yield from entity_items(self._source)
        elif self._previous("use"):
            yield from self._tools()
        elif not self._place.quoted:
            yield from _words(STEP_KEYWORDS, TOP_LEVEL_KEYWORDS)

    def _property(self) -> Iterator[Completion]:
        place = self._place
        path = place.path()
        if not place.is_value:
            yield from self._keys(path)
        elif place.frame.kind == "entity" or len(path) == 1:
            yield from self._value_of(place.key)
        elif len(path) > 1:
            yield from self._value_within(canonical_key(path[1]), place.key)

    def _keys(self, path: tuple[str, ...]) -> Iterator[Completion]:
        place = self._place
        used = {canonical_key(key) for key in place.frame.keys}
        for word in _keys_of(place, path):
            if word.name not in used:
                name = word.name if place.quoted else quote(word.name)
                yield Completion(word.name, "property", word.form, word.doc, _insert(word, name))

    def _value_of(self, key: str) -> Iterator[Completion]:
        name = canonical_key(key)
        match name:
            case "model" | "fallbacks":
                for model in self._known.models:
                    yield self._text(model, "model")
            case "tools" | "can_request":
                yield from self._tools()
            case "trigger":
                for word in TRIGGERS:
                    yield self._text(word.form or word.name, "trigger", word.doc)
                for entity in entity_words(self._source):
                    yield self._text(f"bb_completion:{entity.name}", "trigger", "When it is done.")
            case "output_to":
                for word in OUTPUT_TARGETS:
                    yield self._text(word.form or word.name, "output", word.doc)
            case _:
                words = (*ENTITY_PROPERTIES, *DEFAULTS_PROPERTIES, *ANALYTICS_PROPERTIES)
                values = next((word.values for word in words if word.name == name), ())
                yield from (self._text(value, "value") for value in values)

    def _value_within(self, block: str, key: str) -> Iterator[Completion]:
        if block in ("input", "output"):
            for word in TYPE_WORDS:
                yield self._text(word.form or word.name, "type", word.doc, word.name)
        elif block == "analytics":
            choices = _METRICS if key == "type" else ()
            yield from (self._text(choice, "value") for choice in choices)
            if key == "compare":
                yield from self._value_of("compare")
        elif block == "trigger" and key == "type":
            yield from (self._text(word.name, "trigger", word.doc) for word in TRIGGERS)
        elif block == "trigger" and key == "sourceBaleybotId":
            yield from entity_items(self._source)

    # --- steps ---------------------------------------------------------------------------------

    def _step(self) -> Iterator[Completion]:
        place = self._place
        if self._previous("use"):
            yield from self._tools()
        elif self._previous("on_error"):
            yield from _words(ON_ERROR)
        elif self._previous("when"):
            yield from entity_items(self._source)
        elif self._previous("=>"):
            return
        elif place.quoted and place.frame.kind == "arms" and place.frame.word == "when":
            yield from (Completion(verdict, "value") for verdict in ("pass", "fail"))
        elif place.quoted:
            if self._previous("map"):
                yield from self._expression()
        else:
            yield from entity_items(self._source)
            yield from _words(STEP_KEYWORDS)

    def _field(self) -> Iterator[Completion]:
        place = self._place
        tool = self._known.tool(place.frame.word.removeprefix("use "))
        if place.is_value:
            if not place.quoted:
                yield from self._roots()
                yield from (Completion(word, "keyword") for word in _LITERALS)
            elif "{{" in place.text or place.frame.word in ("select", "merge"):
                yield from self._roots()
        elif tool is not None:
            for name, schema in tool.parameters.get("properties", {}).items():
                if name not in place.frame.keys:
                    doc, kind = str(schema.get("description", "")), str(schema.get("type", ""))
                    insert = name if place.quoted else f"{quote(name)}: "
                    yield Completion(name, "parameter", kind, doc, insert)

    def _setting(self) -> Iterator[Completion]:
        place = self._place
        words = SETTINGS.get(place.frame.word, ())
        if place.is_value:
            if place.frame.key == "until" and place.quoted:
                yield from self._expression()
            values = next((word.values for word in words if word.name == place.frame.key), ())
            yield from (Completion(value, "value") for value in values)
        elif place.frame.word == "map" and not place.frame.keys and self._previous("("):
            yield from self._roots()
        else:
            for word in words:
                if word.name not in place.frame.keys:
                    yield Completion(word.name, "setting", word.form, word.doc, f"{word.name}: ")

    # --- expressions ---------------------------------------------------------------------------

    def _expression(self) -> Iterator[Completion]:
        text = self._place.text[: len(self._place.text) - len(self._place.typed)]
        if text.rstrip().endswith("."):
            yield from self._members(text.rstrip()[:-1])
            return
        yield from self._roots()
        for word in FUNCTIONS:
            yield Completion(word.name, "function", word.form, word.doc, f"{word.name}(")

    def _members(self, before: str) -> Iterator[Completion]:
        root = re.search(r"\$?\w+\Z", before)
        variable = next((w for w in RESERVED_VARIABLES if root and w.name == root.group()), None)
        if variable is not None:
            yield from (Completion(value, "field", variable.name) for value in variable.values)
            return
        for name, detail in output_fields(parse(self._source).program):
            yield Completion(name, "field", detail)

    def _roots(self) -> Iterator[Completion]:
        yield from _words(SCOPE_WORDS)
        yield from self._variables()
        for name, detail in output_fields(parse(self._source).program):
            if is_name(name):
                yield Completion(f"result.{name}", "field", detail)

    def _variables(self) -> Iterator[Completion]:
        for name, line in captures(self._source):
            yield Completion(f"${name}", "variable", f"kept in line {line}")
        for word in RESERVED_VARIABLES:
            yield Completion(word.name, "variable", word.form, word.doc)

    # --- parts ---------------------------------------------------------------------------------

    def _tools(self) -> Iterator[Completion]:
        bare = self._previous("use")
        for tool in self._known.tools:
            insert = tool.name if bare or self._place.quoted else quote(tool.name)
            yield Completion(tool.name, "tool", "", tool.description, insert)

    def _text(self, value: str, kind: str, doc: str = "", label: str = "") -> Completion:
        plain = self._place.quoted or value in _LITERALS
        return Completion(label or value, kind, "", doc, value if plain else quote(value))

    def _previous(self, word: str) -> bool:
        previous = self._place.previous
        return bool(previous) and previous[-1] == word


def entity_items(source: str) -> Iterator[Completion]:
    for entity in entity_words(source):
        yield Completion(entity.name, "entity", entity.model, entity.goal)


def _keys_of(place: Place, path: tuple[str, ...]) -> Sequence[Word]:
    if place.frame.kind == "entity":
        return ENTITY_PROPERTIES
    block = path[1] if len(path) > 1 else path[0] if path else ""
    deep = len(path) > 2 or place.frames[-2].kind == "list"
    match canonical_key(block):
        case "defaults":
            return DEFAULTS_PROPERTIES
        case "analytics" if not deep:
            return ANALYTICS_PROPERTIES
        case "analytics" | "track":
            return [Word(key, "property", "") for key in _METRIC_KEYS]
        case "trigger":
            return [Word(key, "property", "") for key in _TRIGGER_KEYS]
        case _:
            return ()


def _insert(word: Word, name: str) -> str:
    return name if not name.startswith('"') else f"{name}: "


def _words(*families: Sequence[Word]) -> Iterator[Completion]:
    for family in families:
        for word in family:
            yield Completion(word.name, word.kind, word.form, word.doc)
