"""Edits of what stands between a step's parentheses: conditions, bounds, concurrency, retries."""

from __future__ import annotations

from typing import Final

from server.bal.edits.draft import Draft, EditRefused, EditResult, Replacement
from server.bal.json_values import value_of
from server.bal.literals import quote
from server.bal.nodes import Loop, Map, Parallel, Path, Setting, Step, Text, Try
from server.bal.printer import value_text
from server.bal.tree import site_of
from server.bal.vocabulary import SETTINGS
from server.bal.walk import conditions_of

_BARE: Final = frozenset(("map", "parallel"))
"""Their settings are written without quotes."""


def set_step(source: str, key: str, setting: str, value: object) -> EditResult:
    """`setting` is `condition`, `source` (of map), or a setting of loop, map, parallel, try. None
    takes a setting away."""
    draft = Draft(source)
    site = site_of(draft.program, draft.keys, key)
    if site is None:
        raise EditRefused(f"There is no step `{key}` in this text; look at the diagram again.")
    if setting in ("condition", "expression", "source") and not isinstance(site.step, Loop):
        return draft.finish([_text(site.step, setting, value)])
    word = type(site.step).__name__.lower()
    if setting not in {one.name for one in SETTINGS.get(word, ())}:
        raise EditRefused(f"`{word}` has no setting `{setting}`.")
    return draft.finish([_setting(draft, site.step, word, setting, value)])


def _text(step: Step, setting: str, value: object) -> Replacement:
    text = str(value or "")
    if setting == "source" and isinstance(step, Map):
        span = step.source.span
        return Replacement(span.start, span.end, text if _is_path(step, text) else quote(text))
    for condition in conditions_of(step):
        span = condition.text.span
        return Replacement(span.start, span.end, quote(text))
    raise EditRefused("This step has no condition.")


def _is_path(step: Map, text: str) -> bool:
    return isinstance(step.source, Path) and text.replace(".", "").isidentifier()


def _setting(draft: Draft, step: Step, word: str, name: str, value: object) -> Replacement:
    settings = _settings(step)
    found = next((one for one in settings if one.key.value == name), None)
    if value is None:
        if found is None:
            return Replacement(0, 0, "")
        return _without(draft, settings, found)
    text = _value_text(word, name, value)
    if found is not None:
        return Replacement(found.value.span.start, found.value.span.end, text)
    label = name if word in _BARE else quote(name)
    return _added(draft, step, settings, f"{label}: {text}")


def _settings(step: Step) -> tuple[Setting, ...]:
    match step:
        case Loop(settings=held) | Map(settings=held) | Parallel(settings=held):
            return held
        case Try(settings=held):
            return held
        case _:
            return ()


def _value_text(word: str, name: str, value: object) -> str:
    if name == "errors":
        return str(value)
    return quote(str(value)) if name == "until" else value_text(value_of(value))


def _without(draft: Draft, settings: tuple[Setting, ...], found: Setting) -> Replacement:
    """With the comma before it, or behind it when it is the first; a lone one in parentheses
    takes them along."""
    place = settings.index(found)
    start, end = found.span.start, found.span.end
    if place > 0:
        return Replacement(settings[place - 1].span.end, end, "")
    if len(settings) > 1:
        return Replacement(start, settings[1].span.start, "")
    source = draft.source
    left, right = source.rfind("(", 0, start), source.find(")", end)
    if source[left + 1 : start].strip() or source[end:right].strip(" \t,"):
        return Replacement(len(source[:start].rstrip(" \t,")), end, "")
    return Replacement(len(source[:left].rstrip()), right + 1, "")


def _added(draft: Draft, step: Step, settings: tuple[Setting, ...], text: str) -> Replacement:
    if settings:
        end = settings[-1].span.end
        return Replacement(end, end, f", {text}")
    if isinstance(step, Map):
        return _added_to_map(draft, step.source, text)
    end = step.span.start + len(type(step).__name__)
    return Replacement(end, end, f" ({text})")


def _added_to_map(draft: Draft, head: Path | Text, text: str) -> Replacement:
    span = head.span
    if draft.source[: span.start].rstrip().endswith("("):
        return Replacement(span.end, span.end, f", {text}")
    written = draft.source[span.start : span.end]
    return Replacement(span.start, span.end, f"({written}, {text})")
