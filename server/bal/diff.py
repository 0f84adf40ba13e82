"""What changed between two programs, as data and as sentences. Spelling, order of definitions and
remarks do not count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from typing import Any, Final, Literal

from server.bal.diff_entities import entity_changes, json_text, same_value
from server.bal.diff_nodes import Change
from server.bal.diff_steps import composition_changes
from server.bal.entity_plans import plain
from server.bal.nodes import Analytics, Defaults, Entity, Program, Run, Value
from server.bal.vocabulary import canonical_key

__all__ = ["Change", "describe", "diff"]

Kind = Literal["defaults_changed", "analytics_changed", "run_changed"]
Block = Defaults | Analytics | Run

_ALIKE: Final = 0.6
_MOST_PAIRS: Final = 400
"""Comparing goals letter by letter is slow; with more pairs only equal goals tell a rename."""


def diff(old: Program, new: Program) -> list[Change]:
    """Empty when the programs mean the same."""
    before = {entity.name.value: entity for entity in old.entities}
    after = {entity.name.value: entity for entity in new.entities}
    removed = [name for name in before if name not in after]
    added = [name for name in after if name not in before]
    renamed = _renames([before[name] for name in removed], [after[name] for name in added])
    changes = [
        Change("entity_renamed", new_name, old_name, new_name, f"{old_name} is now {new_name}")
        for old_name, new_name in renamed.items()
    ]
    changes += [_added(after[name]) for name in added if name not in renamed.values()]
    changes += [_removed(before[name]) for name in removed if name not in renamed]
    for name, entity in before.items():
        other = after.get(renamed.get(name, name))
        if other is not None:
            changes += entity_changes(entity, other)
    changes += composition_changes(old, new, renamed)
    changes += _block_changes(old, new)
    return changes


def describe(changes: Sequence[Change]) -> str:
    """`writer now uses gpt-4o-mini; a loop of at most 3 rounds around writer was added`."""
    return "; ".join(change.sentence for change in changes)


def _added(entity: Entity) -> Change:
    name = entity.name.value
    return Change("entity_added", name, None, _facts(entity), f"{name} was added")


def _removed(entity: Entity) -> Change:
    name = entity.name.value
    return Change("entity_removed", name, _facts(entity), None, f"{name} was removed")


def _facts(entity: Entity) -> dict[str, Any]:
    return {canonical_key(prop.key.value): plain(prop.value) for prop in entity.properties}


def _renames(removed: Sequence[Entity], added: Sequence[Entity]) -> dict[str, str]:
    """The removed entity by the added one that resembles it most."""
    found: dict[str, str] = {}
    left = {entity.name.value: entity for entity in added}
    by_goal: dict[str, list[str]] = {}
    for entity in added:
        by_goal.setdefault(_goal(entity), []).append(entity.name.value)
    for entity in removed:
        twins = by_goal.get(_goal(entity), [])
        if twins and _goal(entity):
            found[entity.name.value] = twins.pop(0)
            del left[found[entity.name.value]]
    lost = [entity for entity in removed if entity.name.value not in found]
    if len(lost) * len(left) <= _MOST_PAIRS:
        found.update(_resembling(lost, list(left.values())))
    return found


def _resembling(removed: Sequence[Entity], added: Sequence[Entity]) -> Iterable[tuple[str, str]]:
    pairs = sorted(
        (
            (_likeness(one, other), i, j)
            for i, one in enumerate(removed)
            for j, other in enumerate(added)
        ),
        reverse=True,
    )
    used: set[int] = set()
    named: set[int] = set()
    for likeness, i, j in pairs:
        if likeness >= _ALIKE and i not in named and j not in used:
            named.add(i)
            used.add(j)
            yield removed[i].name.value, added[j].name.value


def _likeness(one: Entity, other: Entity) -> float:
    """From 0 to 1: mostly the goal, and how many of the other properties are equal."""
    goal = SequenceMatcher(None, _goal(one), _goal(other), autojunk=False).ratio()
    before, after = _others(one), _others(other)
    keys = {*before, *after}
    same = sum(1 for key in keys if same_value(key, before.get(key), after.get(key)))
    return goal if not keys else 0.7 * goal + 0.3 * same / len(keys)


def _goal(entity: Entity) -> str:
    for prop in entity.properties:
        if prop.key.value == "goal":
            return str(plain(prop.value))
    return ""


def _others(entity: Entity) -> dict[str, Value]:
    return {
        canonical_key(prop.key.value): prop.value
        for prop in entity.properties
        if prop.key.value != "goal"
    }


def _block_changes(old: Program, new: Program) -> Iterable[Change]:
    blocks: tuple[tuple[Kind, str, Block | None, Block | None], ...] = (
        ("defaults_changed", "the defaults for all entities", old.defaults, new.defaults),
        ("analytics_changed", "the analytics of the program", old.analytics, new.analytics),
        ("run_changed", "the default input", old.run, new.run),
    )
    for kind, words, before, after in blocks:
        one, other = before and before.value, after and after.value
        if not same_value(kind, one, other):
            yield _block_change(kind, words, before, after)


def _block_change(kind: Kind, words: str, before: Block | None, after: Block | None) -> Change:
    old = None if before is None else plain(before.value)
    new = None if after is None else plain(after.value)
    verb = "was" if kind == "run_changed" else "were"
    if before is None:
        sentence = f"{words} {verb} set to {json_text(new)}"
    elif after is None:
        sentence = f"{words} {verb} removed"
    else:
        sentence = f"{words} {verb} changed to {json_text(new)}"
    return Change(kind, kind.removesuffix("_changed"), old, new, sentence)
