"""The models on offer."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from server.core.settings import load_settings
from server.llm.gateway import Gateway
from server.llm.listing import ModelInfo
from tests.support.model_server import ModelServer

TODAY = date(2026, 11, 20)


async def listed(environ: dict[str, str], today: date = TODAY) -> list[ModelInfo]:
    return await Gateway(load_settings(environ)).models(today)


async def test_with_nothing_set_up_there_is_the_demo_model() -> None:
    (demo,) = await listed({})
    assert demo.id == "demo:standard"
    assert demo.demo
    assert demo.is_default
    assert "Demo model" in demo.name


async def test_a_key_adds_its_providers_models_with_prices() -> None:
    found = {model.id: model for model in await listed({"OPENAI_API_KEY": "k"})}
    mini = found["openai:gpt-4o-mini"]
    assert next(iter(found)) == mini.id
    assert mini.is_default
    assert (mini.input_price, mini.output_price) == (Decimal("0.15"), Decimal("0.6"))
    assert mini.tools
    assert mini.context_tokens == 128_000
    assert {model.provider for model in found.values()} == {"OpenAI", "Demo"}


async def test_models_that_are_gone_are_not_offered() -> None:
    key = {"ANTHROPIC_API_KEY": "k"}
    now = {model.id for model in await listed(key)}
    later = {model.id for model in await listed(key, date(2026, 12, 24))}
    assert "anthropic:claude-sonnet-4-5" in now - later


async def test_an_endpoint_of_ones_own_says_what_it_serves() -> None:
    async with ModelServer(models=["llama3.1:8b", "acme/own"]) as server:
        found = await listed({"OPENAI_BASE_URL": server.url})
    assert [model.id for model in found] == [
        "demo:standard",
        "openai:acme/own",
        "openai:llama3.1:8b",
    ]
    assert found[1].input_price is None


async def test_an_endpoint_that_is_down_leaves_the_rest() -> None:
    async with ModelServer() as server:
        gone = server.url
    assert [model.id for model in await listed({"OPENAI_BASE_URL": gone})] == ["demo:standard"]
