"""A kept recording, read for one run that replays it."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from server.llm.messages import ModelAnswer
from server.llm.replays import answer_of
from server.models.tables import RecordedAnswer

MODEL, TOOL = "model", "tool"


@dataclass(frozen=True, slots=True)
class _Place:
    id: int
    step_key: str


class KeptAnswers:
    """The answer to a question at its step, in the order in which they were given, the last one for
    all later ones; elsewhere the same question has the same answers. Of a tool also by its step
    alone, where the program names the tool and nobody but the program makes the arguments."""

    def __init__(self, recording_id: UUID) -> None:
        self._recording_id = recording_id
        self._places: dict[tuple[str, str], list[_Place]] | None = None
        self._asked: Counter[tuple[str, str]] = Counter()

    async def model(self, step_key: str, question: str) -> ModelAnswer | None:
        found = await self._next(MODEL, step_key, question)
        return None if found is None else answer_of(found)

    async def tool(self, step_key: str, question: str) -> dict[str, Any] | None:
        """`output` and `error`, as the step had them."""
        return await self._next(TOOL, step_key, question)

    async def _next(self, kind: str, step_key: str, question: str) -> Any:
        everywhere = (await self._index()).get((kind, question), [])
        here = [place for place in everywhere if place.step_key == step_key] or everywhere
        if not here:
            return None
        number = self._asked[step_key, question]
        self._asked[step_key, question] += 1
        row = await RecordedAnswer.get_or_none(id=here[min(number, len(here) - 1)].id)
        return None if row is None else row.answer

    async def _index(self) -> dict[tuple[str, str], list[_Place]]:
        if self._places is None:
            rows = RecordedAnswer.filter(recording_id=self._recording_id).order_by("id")
            found: dict[tuple[str, str], list[_Place]] = defaultdict(list)
            for row in await rows.only("id", "kind", "question", "step_key"):
                found[row.kind, row.question].append(_Place(row.id, row.step_key))
            self._places = found
        return self._places


def tool_question(tool: str, arguments: Any) -> str:
    """What was asked of a tool."""
    asked = orjson.dumps([tool, arguments], option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return hashlib.sha256(asked).hexdigest()
