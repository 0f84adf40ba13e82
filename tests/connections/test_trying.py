"""The test of a connection, provider by provider: what arrives there, and what is made of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import pytest
import pytest_asyncio

from server.connections import base, service
from server.connections.base import Opened
from server.connections.providers import BY_NAME
from server.connections.registry import KINDS
from server.connections.service import Given, TrialFailed
from server.core.net.policy import NetPolicy
from server.core.settings import load_settings
from server.costs.summary import summary
from server.llm.gateway import Gateway
from server.llm.trying import LISTS, ConnectionTest
from server.models.enums import BudgetAction, BudgetPeriod, BudgetScope
from server.models.tables import Budget, BudgetCounter, Usage
from tests.support.model_server import ModelServer, Reply
from tests.support.own_models import BAD, GOOD, home_beside

Try = Callable[..., Awaitable[base.Tested]]
# Where each list is, and the header that carries the key, by the words of the provider itself.
KNOWN = {
    "openai": ("https://api.openai.com/v1/models", "authorization", f"Bearer {GOOD}"),
    "anthropic": ("https://api.anthropic.com/v1/models?limit=1000", "x-api-key", GOOD),
    "gemini": (
        "https://generativelanguage.googleapis.com/v1beta/models?pageSize=1000",
        "x-goog-api-key",
        GOOD,
    ),
    "groq": ("https://api.groq.com/openai/v1/models", "authorization", f"Bearer {GOOD}"),
    "mistral": ("https://api.mistral.ai/v1/models", "authorization", f"Bearer {GOOD}"),
    "deepseek": ("https://api.deepseek.com/models", "authorization", f"Bearer {GOOD}"),
    "xai": ("https://api.x.ai/v1/models", "authorization", f"Bearer {GOOD}"),
    "cerebras": ("https://api.cerebras.ai/v1/models", "authorization", f"Bearer {GOOD}"),
    "ollama": ("http://localhost:11434/api/tags", "", ""),
}


@pytest_asyncio.fixture
async def models() -> AsyncIterator[ModelServer]:
    async with ModelServer(keys=[GOOD], models=["first", "second"]) as server:
        yield server


@pytest_asyncio.fixture
async def tried(models: ModelServer) -> AsyncIterator[Try]:
    """Tries a connection of a kind whose usual place is the scripted server, path and all."""
    policy = NetPolicy([f"127.0.0.1:{models.port}"])
    gateway = Gateway(load_settings({}), policy=policy)
    test = ConnectionTest(gateway, policy)

    async def tried(name: str, key: str, path: str, **more: str) -> base.Tested:
        secrets = {"apiKey": key} if KINDS[name].secrets else {}
        settings = {"baseUrl": models.base + path, **more}
        return await test(Opened(UUID(int=1), KINDS[name], "Mine", settings, secrets))

    yield tried
    await gateway.close()


def test_these_are_all_lists_and_each_is_where_the_key_may_go() -> None:
    assert set(KNOWN) == set(LISTS)
    for name, (url, _, _) in KNOWN.items():
        assert url == LISTS[name].base + LISTS[name].path
        host = urlsplit(url).hostname or ""
        assert name == "ollama" or any(host.endswith(one) for one in BY_NAME[name].hosts)


@pytest.mark.parametrize("name", KNOWN)
async def test_each_list_is_asked_as_its_provider_wants(
    models: ModelServer, tried: Try, name: str
) -> None:
    url, header, value = KNOWN[name]
    if not header:
        models.keys = None
    tested = await tried(name, GOOD, urlsplit(LISTS[name].base).path)
    assert (tested.ok, tested.message) == (True, "2 models are offered.")
    assert tested.models == ("first", "second")
    (asked,) = models.lists
    wanted = urlsplit(url)
    assert asked.path == wanted.path + (f"?{wanted.query}" if wanted.query else "")
    assert not header or asked.headers[header] == value
    assert not models.requests
    if name == "anthropic":
        assert asked.headers["anthropic-version"] == "2023-06-01"


@pytest.mark.parametrize("name", [name for name in KNOWN if KNOWN[name][1]])
async def test_each_list_refuses_a_wrong_key(models: ModelServer, tried: Try, name: str) -> None:
    tested = await tried(name, BAD, urlsplit(LISTS[name].base).path)
    assert not tested.ok
    assert f"{KINDS[name].label} refused the key" in tested.message
    assert BAD not in tested.message
    assert len(models.lists) == 1
    assert not models.requests


@pytest.mark.parametrize(
    ("status", "ok", "says"),
    [(429, True, "asks to wait"), (500, False, "answered 500"), (400, False, "answered 400")],
)
async def test_a_list_that_fails_is_told(
    models: ModelServer, tried: Try, status: int, ok: bool, says: str
) -> None:
    models.list_status = status
    tested = await tried("mistral", GOOD, "/v1")
    assert tested.ok is ok
    assert says in tested.message


@pytest.mark.slow
@pytest.mark.parametrize("name", ["openrouter", "azure"])
async def test_where_no_list_knows_the_key_one_short_question_does(
    models: ModelServer, tried: Try, name: str
) -> None:
    models.default = Reply("ok")
    tested = await tried(name, GOOD, "", model="gpt-4o-mini")
    assert (tested.ok, tested.message) == (True, "gpt-4o-mini answered.")
    (asked,) = models.requests
    assert asked.key == GOOD
    assert asked.body["messages"] == [{"role": "user", "content": "Say ok."}]
    assert asked.body["max_tokens"] == 16
    refused = await tried(name, BAD, "", model="gpt-4o-mini")
    assert not refused.ok
    assert "refused the key (401)" in refused.message
    assert BAD not in refused.message
    assert len(models.requests) == 2
    assert not models.lists


@pytest.mark.slow
async def test_the_question_of_a_test_is_paid_for_and_counted(
    tmp_path: Path, models: ModelServer
) -> None:
    models.default = Reply("ok", usage={"prompt_tokens": 1_000, "completion_tokens": 10})
    settings = {"baseUrl": models.base, "model": "gpt-4o-mini"}
    async with home_beside(tmp_path, models) as home:
        owner, desk = home.owner, home.rooms.connections
        for scope in (BudgetScope.WORKSPACE, BudgetScope.EXECUTION):
            await Budget.create(
                workspace_id=owner.workspace_id,
                name=scope.value,
                scope=scope,
                period=BudgetPeriod.DAY,
                limit_nano=1,
                action=BudgetAction.STOP,
            )
        given = Given("Mine", settings, {"apiKey": GOOD})
        row, tested = await service.create(owner, desk, "azure", given)
        assert tested.ok
        (paid,) = await Usage.all()
        assert (paid.provider, paid.connection_id, paid.execution_id) == ("azure", row.id, None)
        assert (paid.input_tokens, paid.output_tokens) == (1_000, 10)
        assert paid.cost_nano == 1_000 * 150 + 10 * 600
        assert paid.price["source"] == "table"
        (counter,) = await BudgetCounter.all()
        assert (counter.spent_nano, counter.reserved_nano) == (paid.cost_nano, 0)
        await service.test(owner, desk, row.id)
        assert await Usage.all().count() == 2
        await counter.refresh_from_db()
        assert counter.spent_nano == 2 * paid.cost_nano
        costs = await summary(owner, home.rooms.clock)
        assert [(one.name, one.calls) for one in costs.by_bot] == [("Tests of connections", 2)]
        assert [(one.name, one.calls) for one in costs.by_connection] == [("Mine", 2)]
        with pytest.raises(TrialFailed):
            await service.create(owner, desk, "azure", Given("B", settings, {"apiKey": BAD}))
        assert await Usage.all().count() == 2
