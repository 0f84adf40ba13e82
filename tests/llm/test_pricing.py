"""Prices: exact to the nano-dollar, the library's own where it has them, and never a false 0."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from server.connections.providers import BY_NAME, PROVIDERS
from server.costs.door import snapshot
from server.costs.quotes import priced
from server.llm.catalogue import Catalogue, catalogue, read_entries
from server.llm.litellm_client import load
from server.llm.messages import ModelAnswer, Usage
from server.llm.pricing import cost_of, exact_cost
from server.llm.workspace_models import Own, rates_of
from server.models.tables import ModelPrice


def cost(name: str, usage: Usage) -> int | None:
    provider, _, model = name.partition(":")
    return cost_of(catalogue(), BY_NAME[provider], (model,), usage)


@pytest.mark.parametrize(
    ("name", "usage", "nano"),
    [
        ("openai:gpt-4o-mini", Usage(1000, 1000), 150_000 + 600_000),
        ("openai:gpt-4o-mini", Usage(1, 0), 150),
        ("openai:gpt-4o-mini", Usage(1000, 0, cached_tokens=1000), 75_000),
        ("openai:gpt-4o-mini", Usage(3, 1, cached_tokens=1), 2 * 150 + 75 + 600),
        ("anthropic:claude-sonnet-4-5", Usage(1_000_000, 1_000_000), 18_000_000_000),
        ("openai:gpt-4o-mini", Usage(), 0),
    ],
)
def test_cost_is_exact(name: str, usage: Usage, nano: int) -> None:
    assert cost(name, usage) == nano


def test_no_price_is_unknown_and_not_free() -> None:
    assert cost("openai:acme-own-model", Usage(10, 10)) is None


def test_a_model_of_ones_own_machine_is_free() -> None:
    assert cost("ollama:whatever:7b", Usage(10, 10)) == 0


def test_the_name_that_answered_counts_when_the_one_asked_for_has_no_price() -> None:
    models = ("my-alias", "gpt-4o-mini")
    assert cost_of(catalogue(), BY_NAME["openai"], models, Usage(1, 1)) == 750


def test_half_a_nano_dollar_goes_to_the_even_side() -> None:
    listed = b"""{"m": {"mode": "chat", "litellm_provider": "openai",
        "input_cost_per_token": 5e-10, "output_cost_per_token": 1.5e-09}}"""
    known = Catalogue(read_entries(listed))
    openai = BY_NAME["openai"]
    assert cost_of(known, openai, ("m",), Usage(1, 0)) == 0
    assert cost_of(known, openai, ("m",), Usage(0, 1)) == 2
    assert cost_of(known, openai, ("m",), Usage(1, 1)) == 2


def test_every_default_model_of_a_provider_has_facts() -> None:
    named = [one for one in PROVIDERS if one.model and one.name != "openrouter"]
    missing = [one.name for one in named if catalogue().find(one, str(one.model)) is None]
    assert not missing


@pytest.mark.slow
@pytest.mark.parametrize(
    "used",
    [Usage(1200, 340), Usage(1200, 340, 500, 40), Usage(300_000, 340, 1000)],
    ids=["plain", "cached and reasoning", "long"],
)
def test_the_library_counts_the_same(used: Usage) -> None:
    """Against litellm's own arithmetic, over every priced model of the large providers."""
    differing: list[str] = []
    for name in ("openai", "anthropic", "gemini", "mistral", "deepseek", "xai"):
        provider = BY_NAME[name]
        for model in catalogue().names(provider):
            facts = catalogue().find(provider, model)
            # Prices by the hour of the day: we count the day's, never less than is asked.
            if facts is None or facts.rates is None or _varies(facts.name):
                continue
            ours, theirs = exact_cost(facts, used), _theirs(model, provider.litellm, used)
            if abs(ours - theirs) > 1:
                differing.append(f"{name}:{model} {ours} {theirs}")
    assert not differing


def _varies(name: str) -> bool:
    return "off_peak_pricing" in load().model_cost[name]


def _theirs(model: str, provider: str, used: Usage) -> Decimal:
    # xAI counts the reasoning beside the output, the others as a part of it.
    beside = used.reasoning_tokens if provider == "xai" else 0
    counted = load().Usage(
        prompt_tokens=used.input_tokens,
        completion_tokens=used.output_tokens - beside,
        prompt_tokens_details={"cached_tokens": used.cached_tokens},
        completion_tokens_details={"reasoning_tokens": used.reasoning_tokens},
    )
    parts = load().cost_per_token(model=model, custom_llm_provider=provider, usage_object=counted)
    return Decimal(str(sum(parts))) * 1_000_000_000


def test_a_workspaces_own_price_counts_each_kind_of_token_to_the_last_digit() -> None:
    """2.50, 10, 0.25, 20 and 3.125 dollars a million, as it is typed in."""
    row = ModelPrice(
        model="openai:gpt-4o-mini",
        input_nano=2_500_000_000,
        output_nano=10_000_000_000,
        cached_nano=250_000_000,
        reasoning_nano=20_000_000_000,
        cache_write_nano=3_125_000_000,
    )
    own = Own(datetime.now(UTC), prices={row.model: rates_of(row)})
    used = Usage(
        input_tokens=1_001,
        output_tokens=503,
        cached_tokens=301,
        reasoning_tokens=103,
        cache_write_tokens=107,
    )
    answer = answered(used)
    cost, rates, source = priced(catalogue(), answer, own)
    plain = (1_001 - 301 - 107) * 2_500 + 301 * 250 + 107 * 3_125
    written = (503 - 103) * 10_000 + 103 * 20_000
    assert (cost, source) == (plain + written, "workspace")
    assert rates is not None
    assert snapshot(rates, source) == {
        "input": "2.5",
        "output": "10",
        "cached": "0.25",
        "reasoning": "20",
        "cache_write": "3.125",
        "source": "workspace",
    }


def test_a_call_without_a_price_is_marked_and_never_costs_nothing() -> None:
    cost, rates, source = priced(
        catalogue(), answered(Usage(1, 1), "openai:acme-own"), Own(datetime.now(UTC))
    )
    assert (cost, rates, source) == (None, None, "")


def answered(usage: Usage, model: str = "openai:gpt-4o-mini") -> ModelAnswer:
    return ModelAnswer(
        text="x",
        tool_calls=(),
        usage=usage,
        requested_model=model,
        model=model.partition(":")[2],
        provider="openai",
        cost=None,
        estimated=False,
        finish_reason="stop",
        ttft_ms=None,
        duration_ms=1.0,
    )
