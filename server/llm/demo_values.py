"""Plausible values for a JSON Schema, drawn from the input: how the demo model fills a form."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from server.llm import demo_finds, demo_text

Schema = dict[str, Any]

_LABEL = re.compile(r"[_\-\s]+|(?<=[a-z])(?=[A-Z])")

_FORMATS = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T09:00:00Z",
    "time": "09:00:00Z",
    "email": "someone@example.com",
    "uri": "https://example.com",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
}
_SHARES = {"score", "confidence", "probability", "rating", "quality", "accuracy", "likelihood"}
_COUNTS = {"words", "sentences", "characters"}
_QUANTITIES = {"quantity", "count", "amount", "number", "pieces"}
_THINGS = {"name", "item", "product", "title", "article"}
_MOODS = (
    {"positive", "good", "happy", "satisfied", "praise"},
    {"negative", "bad", "unhappy", "angry", "poor"},
    {"neutral", "mixed", "ok", "okay", "average"},
)
_PLAIN = ("other", "general", "normal", "neutral", "medium", "mixed", "none", "unknown")
_MAX_DEPTH = 12
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(slots=True)
class ValueMaker:
    """Fills schemas from one input; the same input and schema always give the same values."""

    text: str
    given: Any = None
    _defs: Schema = field(default_factory=dict[str, Any])
    _drawn: dict[str, int] = field(default_factory=dict[str, int])

    def fill(self, schema: Schema) -> Any:
        self._defs = schema
        return self._value(schema, "", self.given, 0)

    def _value(self, schema: Any, name: str, given: Any, depth: int) -> Any:
        if given is None and _may_be_null(schema) and self._is_absent(name):
            return None
        schema = self._resolve(schema)
        if depth > 3 * _MAX_DEPTH:
            return None
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return self._choice(schema["enum"], given)
        kind = _kind(schema)
        if kind == "object":
            return self._object(schema, given, depth)
        if kind == "array":
            return self._array(schema, name, given, depth)
        if kind in ("number", "integer"):
            return self._number(schema, name, given, whole=kind == "integer")
        if kind == "boolean":
            return given if isinstance(given, bool) else self._flag(name)
        if kind == "null":
            return None
        return self._string(schema, name, given)

    def _is_absent(self, name: str) -> bool:
        label = set(_words_of(name))
        return demo_finds.is_known(label) and not demo_finds.by_name(label, self.text)

    def _resolve(self, schema: Any) -> Schema:
        """Follows local references and takes the first alternative that is not null."""
        for _ in range(_MAX_DEPTH):
            if not isinstance(schema, dict):
                return {}
            if isinstance(schema.get("$ref"), str):
                schema = self._at(schema["$ref"])
            elif options := schema.get("anyOf") or schema.get("oneOf"):
                schema = next((o for o in options if o.get("type") != "null"), options[0])
            elif parts := schema.get("allOf"):
                schema = _merged([{k: v for k, v in schema.items() if k != "allOf"}, *parts])
            else:
                return schema
        return {}

    def _at(self, reference: str) -> Any:
        found: Any = self._defs
        for part in reference.removeprefix("#").strip("/").split("/"):
            found = found.get(part) if isinstance(found, dict) and part else found
        return found

    def _object(self, schema: Schema, given: Any, depth: int) -> dict[str, Any]:
        source = given if isinstance(given, dict) else {}
        named: Schema = schema.get("properties") or {}
        required = set(schema.get("required") or ())
        wanted = named if depth < 4 else {k: v for k, v in named.items() if k in required}
        made = {k: self._value(part, k, source.get(k), depth + 1) for k, part in wanted.items()}
        for key in sorted(required - made.keys()):
            made[key] = self._value({"type": "string"}, key, source.get(key), depth + 1)
        extra = schema.get("additionalProperties")
        if not made and isinstance(extra, dict):
            made = {word: self._value(extra, word, None, depth + 1) for word in self._topics(2)}
        return made

    def _array(self, schema: Schema, name: str, given: Any, depth: int) -> list[Any]:
        least, most = int(schema.get("minItems", 0)), int(schema.get("maxItems", 10_000))
        source = given if isinstance(given, list) else self._counted(schema)
        wanted = len(source) or (3 if depth < 4 else 1)
        if depth >= _MAX_DEPTH:
            wanted = least
        count = max(least, min(wanted, most))
        parts = schema.get("prefixItems") or []
        items = schema.get("items", {})
        made: list[Any] = []
        for index in range(count):
            part = parts[index] if index < len(parts) else items
            hint = source[index] if index < len(source) else None
            made.append(self._value(part, _singular(name), hint, depth + 1))
        return _distinct(made) if schema.get("uniqueItems") else made

    def _counted(self, schema: Schema) -> list[Any]:
        """Things with their numbers, where the items of the list ask for both."""
        named = self._resolve(schema.get("items")).get("properties") or {}
        quantity = next((name for name in named if set(_words_of(name)) & _QUANTITIES), None)
        thing = next((name for name in named if set(_words_of(name)) & _THINGS), None)
        if quantity is None or thing is None:
            return []
        return [{quantity: one.quantity, thing: one.name} for one in demo_finds.items(self.text)]

    def _choice(self, options: list[Any], given: Any) -> Any:
        """The option that the input names; else one it shows signs of; else by mood where the
        options are moods; else a plain one."""
        if given in options:
            return given
        for weight in (self._places, lambda label: demo_finds.signs_of(label, self.text)):
            weights = [weight(str(option)) for option in options]
            if max(weights) > 0:
                return options[weights.index(max(weights))]
        lowered = {str(option).lower(): option for option in options}
        if (felt := self._felt(lowered)) is not None:
            return felt
        plain = next((lowered[label] for label in _PLAIN if label in lowered), None)
        return options[len(self.text) % len(options)] if plain is None else plain

    def _felt(self, lowered: dict[str, Any]) -> Any:
        good, bad, middle = (next((n for n in lowered if n in moods), None) for moods in _MOODS)
        if good is None or bad is None:
            return None
        mood = demo_text.mood(self.text)
        label = good if mood > 0.2 else bad if mood < -0.2 else middle or good
        return lowered[label]

    def _places(self, label: str) -> int:
        spoken = re.escape(" ".join(_LABEL.split(label)).strip())
        return len(re.findall(rf"\b{spoken}\b", self.text, re.IGNORECASE)) if spoken else 0

    def _number(self, schema: Schema, name: str, given: Any, *, whole: bool) -> float | int:
        low, high = _bounds(schema, whole)
        label = set(_words_of(name))
        if isinstance(given, int | float) and not isinstance(given, bool):
            value = float(given)
        elif label & _SHARES:
            value = _share(low, high)
        elif label & {"count", "total", "length", "number", *_COUNTS}:
            value = float(self._count(label))
        else:
            value = self._next_number()
        return _fitted(value, low, high, schema.get("multipleOf"), whole)

    def _count(self, label: set[str]) -> int:
        if label & {"sentence", "sentences"}:
            return len(demo_text.sentences(self.text))
        if label & {"character", "characters", "chars", "letters"}:
            return len(self.text)
        return len(demo_text.words(self.text))

    def _next_number(self) -> float:
        found = demo_text.numbers(self.text)
        index = self._draw("number")
        return found[index % len(found)] if found else float(len(demo_text.words(self.text)))

    def _flag(self, name: str) -> bool:
        """True unless the input says "no", "not" or "never" right before the word of the name."""
        label = " ".join(_words_of(name))
        return not re.search(
            rf"\b(?:no|not|never|isn't|without)\s+{re.escape(label)}\b", self.text, re.IGNORECASE
        )

    def _string(self, schema: Schema, name: str, given: Any) -> str:
        if isinstance(given, str | int | float) and not isinstance(given, bool):
            text = str(given)
        else:
            text = self._by_format(schema.get("format")) or self._by_name(name)
        least, most = int(schema.get("minLength", 0)), schema.get("maxLength")
        if len(text) < least:
            text = (text + " " + self.text).strip().ljust(least, ".")[: max(least, len(text))]
        return demo_text.shorten(text, int(most)) if most is not None else text

    def _by_format(self, form: Any) -> str:
        found = demo_finds.by_name({str(form)}, self.text)
        if form == "date":
            found = [one for one in found if _DATE.fullmatch(one)]
        return found[0] if found else _FORMATS.get(str(form), "")

    def _by_name(self, name: str) -> str:
        label = set(_words_of(name))
        if found := demo_finds.by_name(label, self.text):
            return self._next_of("/".join(sorted(label)), found)
        if label & {"title", "headline", "subject", "heading"}:
            return demo_text.headline(self.text)
        if label & {"name", "author", "person", "customer", "company"}:
            return self._next_of("name", self._topics(3) or ["Unnamed"])
        if label & {"query", "question", "search"}:
            return demo_text.headline(self.text, 12)
        if label & {"summary", "abstract", "overview", "answer", "text", "content", "report"}:
            return " ".join(demo_text.summary(self.text, 2)) or "Nothing was given."
        if label & {"keyword", "tag", "topic", "category", "theme", "label"}:
            return self._next_of("topic", self._topics(8))
        if label & {"sentiment", "mood", "tone"}:
            mood = demo_text.mood(self.text)
            return "positive" if mood > 0.2 else "negative" if mood < -0.2 else "neutral"
        return self._next_of("sentence", demo_text.summary(self.text, 6))

    def _next_of(self, kind: str, options: list[str]) -> str:
        return options[self._draw(kind) % len(options)] if options else "Nothing was given."

    def _topics(self, count: int) -> list[str]:
        return demo_text.keywords(self.text, count)

    def _draw(self, kind: str) -> int:
        """How often this kind was drawn before, so that items of a list differ."""
        drawn = self._drawn.get(kind, 0)
        self._drawn[kind] = drawn + 1
        return drawn


def _may_be_null(schema: Any) -> bool:
    if not isinstance(schema, dict):
        return False
    options = schema.get("anyOf") or schema.get("oneOf") or [schema]
    kinds = [option.get("type") for option in options if isinstance(option, dict)]
    return any(kind == "null" or (isinstance(kind, list) and "null" in kind) for kind in kinds)


def _kind(schema: Schema) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if kind is None:
        kind = "object" if "properties" in schema else "array" if "items" in schema else "string"
    return str(kind)


def _merged(parts: list[Any]) -> Schema:
    whole: Schema = {}
    for part in parts:
        if isinstance(part, dict):
            properties = {**whole.get("properties", {}), **part.get("properties", {})}
            required = [*whole.get("required", []), *part.get("required", [])]
            whole = {**whole, **part}
            whole |= {"properties": properties} if properties else {}
            whole |= {"required": required} if required else {}
    return whole


def _bounds(schema: Schema, whole: bool) -> tuple[float | None, float | None]:
    step = 1.0 if whole else 0.01
    low, high = schema.get("minimum"), schema.get("maximum")
    if isinstance(edge := schema.get("exclusiveMinimum"), int | float) and edge is not True:
        low = edge + step
    if isinstance(edge := schema.get("exclusiveMaximum"), int | float) and edge is not True:
        high = edge - step
    return low, high


def _share(low: float | None, high: float | None) -> float:
    """Four fifths of the way up: good enough to end a loop, and not perfect."""
    bottom = 0.0 if low is None else low
    top = (1.0 if bottom < 1 else bottom + 1) if high is None else high
    return round(bottom + (top - bottom) * 0.8, 2)


def _fitted(
    value: float, low: float | None, high: float | None, multiple: Any, whole: bool
) -> float | int:
    value = value if low is None else max(low, value)
    value = value if high is None else min(high, value)
    if isinstance(multiple, int | float) and multiple > 0:
        value = (value // multiple) * multiple
        value = value + multiple if low is not None and value < low else value
    if whole:
        rounded = round(value)
        return rounded + 1 if low is not None and rounded < low else rounded
    return int(value) if value == int(value) and abs(value) < 1e15 else value


def _words_of(name: str) -> list[str]:
    return [part.lower() for part in _LABEL.split(name) if part]


def _singular(name: str) -> str:
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else name


def _distinct(values: list[Any]) -> list[Any]:
    seen: dict[str, Any] = {}
    for value in values:
        seen.setdefault(json.dumps(value, sort_keys=True, default=str), value)
    return list(seen.values())
