"""From what was collected to an answer with what it took, or the reason why it is none."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter

from server.llm.catalogue import Catalogue
from server.llm.collector import Collector
from server.llm.failures import KEPT_OF_TOO_MUCH, cut_short, declined, unreadable
from server.llm.messages import FinishReason, ModelAnswer, Usage
from server.llm.pricing import cost_of
from server.llm.routing import Route
from server.llm.window import Sizes, scaled, tokens_in


def answer_from(
    known: Catalogue, sizes: Sizes, route: Route, collector: Collector, started: float
) -> ModelAnswer:
    """Raises ModelError when it is none."""
    _check_complete(route, collector)
    return _put_together(known, sizes, route, collector, started)


def half_of(
    known: Catalogue, sizes: Sizes, route: Route, collector: Collector, started: float
) -> ModelAnswer | None:
    """Half an answer costs too; one that never began most likely does not. Its tool calls are
    nobody's."""
    if collector.first_at is None and collector.usage is None:
        return None
    half = _put_together(known, sizes, route, collector, started)
    return replace(half, text=half.text[:KEPT_OF_TOO_MUCH], tool_calls=(), reasoning="")


def _put_together(
    known: Catalogue, sizes: Sizes, route: Route, collector: Collector, started: float
) -> ModelAnswer:
    ended = perf_counter()
    assert route.provider is not None
    usage, exact = _counted(sizes, collector)
    model = collector.model or route.model
    first = collector.first_at
    return ModelAnswer(
        text=collector.text,
        tool_calls=collector.tool_calls,
        usage=usage,
        requested_model=route.requested,
        model=model,
        provider=route.provider.name,
        cost=cost_of(known, route.provider, (route.model, model), usage),
        estimated=not exact,
        finish_reason=_finish(collector),
        ttft_ms=None if first is None else (first - started) * 1000,
        duration_ms=(ended - started) * 1000,
        reasoning=collector.reasoning,
        parts=scaled(sizes, usage.input_tokens),
        connection=route.connection,
    )


def _finish(collector: Collector) -> FinishReason:
    """A forced tool whose arguments are the answer is no call."""
    reason = collector.finish_reason or "stop"
    return "stop" if reason == "tool_calls" and not collector.tool_calls else reason


def _check_complete(route: Route, collector: Collector) -> None:
    """An answer, or the reason why this is none. Text that was cut off is still one, and marked by
    its finish reason; half a tool call is not."""
    text, calls, reason = collector.text, collector.tool_calls, collector.finish_reason
    if reason == "refusal" or (collector.refusal and not text):
        raise declined(route, collector.refusal or text, text)
    if reason == "length" and calls and calls[-1].read_arguments() is None:
        raise cut_short(route, "in the middle of a tool call", text)
    if text or calls:
        return
    if reason == "length":
        raise cut_short(route, "before it wrote any text")
    raise unreadable(route, "nothing")


def _counted(sizes: Sizes, collector: Collector) -> tuple[Usage, bool]:
    """What was used, and whether the provider said so. Some count what they read at the beginning
    and what they wrote at the end, which half an answer never gets to."""
    said = collector.usage
    if said is not None and collector.finish_reason is not None:
        return said, True
    guessed = _estimated(sizes, collector)
    if said is None:
        return guessed, False
    return replace(said, output_tokens=max(said.output_tokens, guessed.output_tokens)), False


def _estimated(sizes: Sizes, collector: Collector) -> Usage:
    """Only where a provider does not count, and then marked."""
    asked = sum(sizes.values())
    made = tokens_in(collector.text) + tokens_in(collector.reasoning)
    made += sum(tokens_in(call.arguments + call.name) for call in collector.tool_calls)
    return Usage(asked, made)
