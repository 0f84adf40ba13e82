"""What the models of one run are asked and answer, as events and as what it costs."""

from __future__ import annotations

from server.engine import events as happened
from server.engine.call_log import CallLog
from server.engine.caps import Spent
from server.engine.decisions import Diagnosing
from server.engine.facts import usage_row
from server.engine.host import StepEnd
from server.engine.step_log import StepLog
from server.engine.stepping import Stepping
from server.engine.store import RecordedStep
from server.engine.writer import Writer
from server.llm.errors import ModelError
from server.llm.messages import ModelAnswer
from server.llm.verdict import NextModel, Verdict, Wait


class ModelLog(StepLog):
    def __init__(
        self,
        writer: Writer,
        recorded: dict[str, RecordedStep],
        spent: Spent,
        stepping: Stepping,
        diagnosing: Diagnosing | None,
    ) -> None:
        super().__init__(writer, recorded, spent, stepping, diagnosing)
        self._call_log = CallLog(writer.identity)

    def step_ended(self, step: StepEnd) -> None:
        self.asks_no_more(step.key)
        super().step_ended(step)

    def asks_no_more(self, key: str) -> None:
        """The entity has ended; its step may begin anew, and what was broken off is kept."""
        broken_off = self._call_log.over(key, self._writer.now())
        if broken_off is not None and not self._silent:
            self._writer.call(broken_off)

    def named(self, key: str, model: str | None) -> None:
        opened = self._open.get(key)
        if opened is not None:
            opened.named = model

    def asked(self, key: str, model: str | None, try_number: int, repair: bool) -> None:
        now = self._writer.now()
        asked = happened.ModelRequested(model=model, try_number=try_number, repair=repair or None)
        self._writer.event(asked, key, now)
        self._call_log.asked(key, model, try_number, repair, now)

    def answered(self, key: str, answer: ModelAnswer) -> None:
        self._deltas.flush(key)
        self._pay(key, answer)
        self._writer.call(self._call_log.answered(key, answer))
        usage, opened = answer.usage, self._open.get(key)
        named = None if opened is None else opened.named
        self._writer.event(
            happened.ModelAnswered(
                requested_model=named or answer.requested_model,
                model=answer.model,
                provider=answer.provider,
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                cost=answer.cost,
                estimated=answer.estimated or None,
                ttft_ms=None if answer.ttft_ms is None else round(answer.ttft_ms),
                duration_ms=round(answer.duration_ms),
                source=None if answer.source == "live" else answer.source,
                parts={**answer.parts} if answer.parts else None,
                left_out=answer.left_out or None,
            ),
            key,
        )

    def _pay(self, key: str, answer: ModelAnswer) -> None:
        """Also half an answer costs; one that was not asked for is nobody's use."""
        opened = self._open.get(key)
        if opened is not None:
            opened.add(answer)
        self.spent.add(answer.usage.total_tokens, answer.cost or 0)
        if answer.source == "live":
            self._writer.usage(usage_row(self._writer.identity, key, answer, self._writer.now()))

    def broken_off(self, key: str, half: ModelAnswer | None) -> None:
        if half is None or self._silent:
            return
        self._call_log.half(key, half)
        self._pay(key, half)

    def answered_before(self, key: str, answer: ModelAnswer) -> None:
        """Its usage row is there already; the step still shows it."""
        opened = self._open.get(key)
        if opened is not None:
            opened.add(answer)

    def failed(
        self, key: str, model: str | None, error: ModelError, number: int, next: Verdict
    ) -> None:
        self.troubled = True
        self._deltas.flush(key)
        if error.half is not None:
            self._pay(key, error.half)
        self._writer.call(self._call_log.failed(key, error, self._writer.now(), next))
        self._writer.event(
            happened.ModelFailed(
                model=model,
                provider=error.provider,
                kind=error.kind.value,
                message=error.message,
                hint=error.hint or None,
                try_number=number,
                retry_in=round(next.seconds, 3) if isinstance(next, Wait) else None,
                next_model=next.model if isinstance(next, NextModel) else None,
                next_from=next.chain if isinstance(next, NextModel) else None,
            ),
            key,
        )
