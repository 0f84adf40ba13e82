"""What a call costs: exact nano-dollars, rounded once, half to even. No price is None, never 0."""

from __future__ import annotations

from decimal import Decimal

from server.connections.providers import Provider
from server.core.money import round_half_even
from server.llm.catalogue import Catalogue, ModelFacts, Rates
from server.llm.messages import Usage


def cost_of(
    known: Catalogue, provider: Provider, models: tuple[str, ...], usage: Usage
) -> int | None:
    """`models`: the name asked for, then the name that answered; the first one listed counts."""
    if provider.free:
        return 0
    for model in models:
        facts = known.find(provider, model)
        if facts is not None and facts.rates is not None:
            return round_half_even(exact_cost(facts, usage))
    return None


def exact_cost(facts: ModelFacts, usage: Usage) -> Decimal:
    rates = _rates_for(facts, usage.input_tokens)
    cached = min(usage.cached_tokens, usage.input_tokens)
    written = min(usage.cache_write_tokens, usage.input_tokens - cached)
    thought = min(usage.reasoning_tokens, usage.output_tokens)
    return (
        (usage.input_tokens - cached - written) * rates.input
        + written * _or(rates.cache_write, rates.input)
        + cached * _or(rates.cached, rates.input)
        + (usage.output_tokens - thought) * rates.output
        + thought * _or(rates.reasoning, rates.output)
    )


def _rates_for(facts: ModelFacts, input_tokens: int) -> Rates:
    reached = [rates for level, rates in facts.tiers if input_tokens > level]
    rates = reached[-1] if reached else facts.rates
    assert rates is not None
    return rates


def _or(rate: Decimal | None, otherwise: Decimal) -> Decimal:
    return otherwise if rate is None else rate
