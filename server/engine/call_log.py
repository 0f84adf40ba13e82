"""Each question of a run to a model as it is kept: the very messages, what filled them, what was
left out, and the answer or why there is none. Secrets are taken out on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, cast

from server.core.logs import REDACTION
from server.engine.facts import connection_of
from server.engine.store import CallRow
from server.engine.writer import Identity
from server.llm.errors import ModelError
from server.llm.messages import ChatRequest, ModelAnswer, Part
from server.llm.replays import answer_data, question_of
from server.llm.verdict import NextModel, Verdict, Wait
from server.llm.window import Sent, scaled, shares_of
from server.llm.wire import messages_of

FAILED = "failed"
PREVIEW = 200
BROKEN_OFF = "cancelled"

Messages = Sequence[dict[str, Any]]


@dataclass(slots=True)
class _Attempt:
    model: str | None
    number: int
    repair: bool
    at: datetime
    request: ChatRequest | None = None
    sent: Sent | None = None
    half: ModelAnswer | None = None

    def left(self, sent: Sent) -> None:
        self.sent = sent


class CallLog:
    """One run's attempts under way, by the key of their step."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._under_way: dict[str, _Attempt] = {}
        self._before: dict[str, Messages] = {}

    def asked(self, key: str, model: str | None, number: int, repair: bool, now: datetime) -> None:
        self._under_way[key] = _Attempt(model, number, repair, now)

    def leaving(self, key: str, request: ChatRequest) -> _Attempt:
        attempt = self._under_way[key]
        attempt.request = request
        return attempt

    def over(self, key: str, now: datetime) -> CallRow | None:
        """The step has ended; what it asked last is not carried on. A question that had left and
        was broken off is kept, too."""
        attempt = self._under_way.get(key)
        row = None
        if attempt is not None and attempt.sent is not None:
            row = self._row(key, FAILED, unsent=False)
            lasted = round((now - row.created_at).total_seconds() * 1000)
            error = {"kind": BROKEN_OFF, "message": "It was broken off before it was answered."}
            row = replace(row, error=error, error_kind=BROKEN_OFF, duration_ms=max(0, lasted))
            row = row if attempt.half is None else _with_half(row, attempt.half)
        self._under_way.pop(key, None)
        self._before.pop(key, None)
        return row

    def half(self, key: str, half: ModelAnswer) -> None:
        """What had come of the answer when it was broken off."""
        attempt = self._under_way.get(key)
        if attempt is not None:
            attempt.half = half

    def answered(self, key: str, answer: ModelAnswer) -> CallRow:
        row = self._row(key, answer.source, unsent=answer.source != "live", counted=answer.parts)
        usage = answer.usage
        row.requested_model, row.model = answer.requested_model, answer.model
        row.provider, row.connection_id = answer.provider, connection_of(answer.connection)
        row.answer = answer_data(answer)
        row.input_tokens, row.output_tokens = usage.input_tokens, usage.output_tokens
        row.cost_nano = answer.cost
        row.ttft_ms = None if answer.ttft_ms is None else round(answer.ttft_ms)
        row.duration_ms = round(answer.duration_ms)
        return row

    def failed(self, key: str, error: ModelError, now: datetime, next: Verdict) -> CallRow:
        row = self._row(key, FAILED, unsent=False)
        lasted = round((now - row.created_at).total_seconds() * 1000)
        failed = replace(
            row,
            provider=row.provider or error.provider,
            model=row.model or error.model,
            connection_id=row.connection_id or connection_of(error.connection),
            error=error_json(error, next),
            error_kind=error.kind.value,
            duration_ms=max(0, lasted),
        )
        return _with_half(failed, error.half)

    def _row(
        self, key: str, source: str, *, unsent: bool, counted: Mapping[Part, int] | None = None
    ) -> CallRow:
        """`unsent`: nothing has left, so the question itself is kept. `counted`: what each part of
        it took, by the provider's own count."""
        attempt = self._under_way.pop(key)
        request, sent = attempt.request, attempt.sent
        messages: Messages | None = None if sent is None else sent.messages
        if messages is None and unsent and request is not None:
            messages = messages_of(request)
        carried, new = self._carried(key, messages)
        row = CallRow(
            workspace_id=self._identity.workspace_id,
            step_key=key,
            created_at=attempt.at,
            source=source,
            attempt=self._identity.attempt,
            try_number=attempt.number,
            question=None if request is None else question_of(request),
            requested_model=attempt.model,
            repair=attempt.repair,
            carried=carried,
            messages=None if messages is None else [_shown(message) for message in new],
            parts=dict(counted) if counted else _parts(request, sent),
            left_out=_left_out(request, sent),
        )
        if sent is not None:
            row.model, row.provider = sent.model, sent.provider
            row.address, row.mode = sent.address, sent.mode
            row.connection_id = connection_of(sent.connection)
            row.params, row.context_window = sent.params, sent.window
        return row

    def _carried(self, key: str, messages: Messages | None) -> tuple[int, Messages]:
        if messages is None:
            return 0, ()
        before = self._before.get(key, ())
        self._before[key] = messages
        same = 0
        for old, new in zip(before, messages, strict=False):
            if old != new:
                break
            same += 1
        return same, messages[same:]


def _with_half(row: CallRow, half: ModelAnswer | None) -> CallRow:
    """Half an answer costs, too; none costs nothing."""
    if half is None:
        return replace(row, cost_nano=0)
    usage = half.usage
    return replace(
        row,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost_nano=half.cost,
    )


def error_json(error: ModelError, next: Verdict) -> dict[str, Any]:
    """What the step's story needs of a failed attempt."""
    told: dict[str, Any] = {
        "kind": error.kind.value,
        "message": error.message,
        "hint": error.hint or None,
        "status": error.status,
        "retryIn": round(next.seconds, 3) if isinstance(next, Wait) else None,
        "nextModel": next.model if isinstance(next, NextModel) else None,
        "nextFrom": next.chain if isinstance(next, NextModel) else None,
        "circuitOpen": error.circuit_open or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _parts(request: ChatRequest | None, sent: Sent | None) -> dict[Part, int] | None:
    """Estimates."""
    if sent is not None:
        return scaled(sent.sizes)
    return None if request is None else shares_of(request)


def _left_out(request: ChatRequest | None, sent: Sent | None) -> list[dict[str, Any]] | None:
    if request is None or sent is None or not sent.left_out:
        return None
    return [
        {**asdict(one), "preview": _clean(request.messages[one.place].content[:PREVIEW])}
        for one in sent.left_out
    ]


def _shown(message: dict[str, Any]) -> dict[str, Any]:
    """Without what looks like a secret, wherever it came from."""
    return {name: _clean(value) for name, value in message.items()}


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return REDACTION.text(value)
    if isinstance(value, dict):
        found = cast("dict[str, Any]", value)
        return {name: _clean(one) for name, one in found.items()}
    if isinstance(value, list):
        return [_clean(one) for one in cast("list[Any]", value)]
    return value
