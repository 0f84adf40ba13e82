"""A store in front of the real one: what is too large for a row goes to a blob on its way in and
comes back whole on its way out. Nobody else in the engine knows of it.

The step, its event and the next step's input name one and the same blob.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from server.bus.turns import Ready
from server.core.errors import Unavailable
from server.core.jsontext import NotStorable
from server.engine.blobs import Blobs
from server.engine.store import (
    DUE_LIMIT,
    NOT_WORKED,
    UNSET,
    CallRow,
    Claimed,
    Commit,
    Committed,
    Due,
    EventRow,
    ExecutionChange,
    Held,
    NewExecution,
    Placed,
    RecordedStep,
    StepRow,
    Store,
    StoredEvent,
    Worked,
)
from server.engine.texts import Texts
from server.models.large import Large

INLINE_BYTES = 1024 * 1024
RUN_INLINE_BYTES = 10 * 1024 * 1024
# Once a run has stored that much in its rows. What a notice carries is never more (writer.py).
TIGHT_BYTES = 64 * 1024
_RUNS = 10_000


class LargeValues:
    def __init__(
        self, store: Store, blobs: Blobs, refused: Callable[[], None] | None = None
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._refused = refused
        self._spent: OrderedDict[UUID, int] = OrderedDict()

    async def open(self) -> None:
        await self._store.open()

    async def close(self) -> None:
        await self._store.close()

    async def commit(self, commit: Commit) -> Committed:
        try:
            return await self._kept(commit)
        except Unavailable:
            if self._refused is not None:
                self._refused()
            raise

    async def _kept(self, commit: Commit) -> Committed:
        heavy = await self._heavy(commit)
        if not heavy:
            return await self._store.commit(commit)
        kept: dict[int, Large] = {}
        for mark, value in heavy.items():
            kept[mark] = await self._blobs.put(
                commit.execution_id, commit.texts.taken(value), value
            )
        return await self._store.commit(_lightened(commit, kept))

    async def claim(
        self, ids: Sequence[UUID], owner: str, lease: float, *, suspects: bool = False
    ) -> list[Claimed]:
        found = await self._store.claim(ids, owner, lease, suspects=suspects)
        return [await self._whole(claimed) for claimed in found]

    async def claim_places(
        self, ids: Sequence[UUID], owner: str, lease: float, *, suspects: bool = False
    ) -> Placed:
        found = await self._store.claim_places(ids, owner, lease, suspects=suspects)
        claims = [await self._whole(claimed) for claimed in found.claims]
        return Placed(claims, found.parked)

    async def let_go(self, bot_id: UUID, *, by_age: bool = False) -> list[Ready]:
        return await self._store.let_go(bot_id, by_age=by_age)

    async def parked_bots(self) -> list[UUID]:
        return await self._store.parked_bots()

    async def renew(
        self, held: dict[UUID, int], owner: str, lease: float, worked: Worked = NOT_WORKED
    ) -> list[Held]:
        return await self._store.renew(held, owner, lease, worked)

    async def release(self, held: dict[UUID, int], owner: str) -> list[UUID]:
        return await self._store.release(held, owner)

    async def release_others(self, owner: str) -> list[UUID]:
        return await self._store.release_others(owner)

    async def due(self, limit: int = DUE_LIMIT, *, within: timedelta | None = None) -> list[Due]:
        return await self._store.due(limit, within=within)

    async def steps(self, execution_id: UUID) -> dict[str, RecordedStep]:
        """A value that several steps hold is read once."""
        found = await self._store.steps(execution_id)
        read: dict[UUID, Any] = {}
        for key, step in found.items():
            if isinstance(step.output, Large):
                blob = step.output.id
                if blob not in read:
                    read[blob] = await self._blobs.whole(step.output)
                found[key] = replace(step, output=read[blob])
        return found

    async def events(
        self, execution_id: UUID, after: int = 0, limit: int = 500
    ) -> list[StoredEvent]:
        return await self._store.events(execution_id, after, limit)

    # --- inside

    async def _whole(self, claimed: Claimed) -> Claimed:
        if not isinstance(claimed.input, Large) and not isinstance(claimed.trigger, Large):
            return claimed
        value = await self._blobs.whole(claimed.input)
        return replace(claimed, input=value, trigger=await self._blobs.whole(claimed.trigger))

    async def _heavy(self, commit: Commit) -> dict[int, Any]:
        spent = self._spent.get(commit.execution_id, 0)
        if commit.long:
            heavy, spent = await asyncio.to_thread(_heavy, commit, spent)
        else:
            heavy, spent = _heavy(commit, spent)
        self._note(commit, spent)
        return heavy

    def _note(self, commit: Commit, spent: int) -> None:
        change = commit.change
        if change is not None and change.status is not None and change.status.final:
            self._spent.pop(commit.execution_id, None)
            return
        self._spent[commit.execution_id] = spent
        while len(self._spent) > _RUNS:
            self._spent.popitem(last=False)


def _heavy(commit: Commit, spent: int) -> tuple[dict[int, Any], int]:
    """What does not stay in its row, by identity: the same value is often said twice; and what
    its run has stored in rows by then."""
    heavy: dict[int, Any] = {}
    sizes: dict[int, int] = {}
    for value in _values(commit):
        if not _may_be_large(value):
            continue
        mark = id(value)
        if mark not in sizes:
            sizes[mark] = _size(value, commit.texts)
            if sizes[mark] > (INLINE_BYTES if spent < RUN_INLINE_BYTES else TIGHT_BYTES):
                heavy[mark] = value
        if mark not in heavy:
            spent += sizes[mark]
    return heavy, spent


def _values(commit: Commit) -> Iterator[Any]:
    """Everything that a program, a model or a tool can make large; what cannot be is left out."""
    if commit.new is not None:
        yield commit.new.input
        yield commit.new.trigger
    if commit.change is not None:
        yield commit.change.output
    for step in commit.steps:
        yield step.input
        yield step.output
    for call in commit.calls:
        yield call.messages
        yield call.params
        yield call.answer
    for event in commit.events:  # last: by then it is known how large their fields are
        if _may_hold_large(event, commit.texts):
            yield from _fields(event)


def _may_hold_large(event: EventRow, texts: Texts) -> bool:
    try:
        return texts.longer(event.data, TIGHT_BYTES)
    except NotStorable:
        return False


def _fields(event: EventRow) -> Collection[Any]:
    return event.data.values() if isinstance(event.data, dict) else ()  # type: ignore[reportUnknownVariableType]


def _may_be_large(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) > TIGHT_BYTES // 6
    return isinstance(value, dict | list)


def _size(value: Any, texts: Texts) -> int:
    """What cannot be written at all is refused by whoever writes it, by name."""
    try:
        return texts.size(value)
    except NotStorable:
        return 0


def _lightened(commit: Commit, kept: dict[int, Large]) -> Commit:
    return replace(
        commit,
        new=_light_new(commit.new, kept),
        change=_light_change(commit.change, kept),
        steps=[_light_step(step, kept) for step in commit.steps],
        events=[_light_event(event, kept, commit.texts) for event in commit.events],
        calls=[_light_call(call, kept) for call in commit.calls],
    )


def _light_new(new: NewExecution | None, kept: dict[int, Large]) -> NewExecution | None:
    if new is None:
        return None
    return replace(new, input=_light(new.input, kept), trigger=_light(new.trigger, kept))


def _light_change(change: ExecutionChange | None, kept: dict[int, Large]) -> ExecutionChange | None:
    if change is None or change.output is UNSET:
        return change
    return replace(change, output=_light(change.output, kept))


def _light_step(step: StepRow, kept: dict[int, Large]) -> StepRow:
    return replace(step, input=_light(step.input, kept), output=_light(step.output, kept))


def _light_call(call: CallRow, kept: dict[int, Large]) -> CallRow:
    return replace(
        call,
        messages=_light(call.messages, kept),
        params=_light(call.params, kept),
        answer=_light(call.answer, kept),
    )


def _light_event(event: EventRow, kept: dict[int, Large], texts: Texts) -> EventRow:
    """An event is only looked at, so it holds the form that is shown."""
    if not any(id(value) in kept for value in _fields(event)):
        return event
    texts.forget(event.data)
    shown = {
        name: kept[id(value)].to_json() if id(value) in kept else value
        for name, value in event.data.items()
    }
    return replace(event, data=shown)


def _light(value: Any, kept: dict[int, Large]) -> Any:
    return kept.get(id(value), value)
