"""Connections, budgets and prices over the API: what is answered, to whom, and what never is."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from server.models.enums import Role
from tests.support.front import Api, Front, open_front
from tests.support.model_server import ModelServer, Reply
from tests.support.own_models import BAD, BETTER, GOOD

LISTED = """{ connections { totalCount nodes { id name kind settings secrets status isDefault
  version usedBy { botName why } viewerCan { edit } } } }"""
SPEAKER = 'writer { "goal": "Say it", "model": "openai:gpt-4o-mini", "maxTokens": 100 }'


@pytest_asyncio.fixture(scope="module")
async def models() -> AsyncIterator[ModelServer]:
    async with ModelServer(Reply("fine"), keys=[GOOD, BETTER], models=["gpt-4o-mini"]) as server:
        yield server


@pytest_asyncio.fixture(scope="module")
async def front(
    tmp_path_factory: pytest.TempPathFactory, models: ModelServer
) -> AsyncIterator[Front]:
    environ = {"BALEYBOTS_ALLOWED_PRIVATE_HOSTS": f"127.0.0.1:{models.port}"}
    async with open_front(tmp_path_factory.mktemp("data"), environ) as front:
        yield front


@pytest_asyncio.fixture
async def api(front: Front, request: pytest.FixtureRequest) -> Api:
    """A workspace for each test."""
    return await front.caller(workspace=request.node.name[:60])


async def made(api: Api, models: ModelServer, **more: Any) -> dict[str, Any]:
    values = {"kind": "openai", "settings": {"baseUrl": models.url}, "secrets": {"apiKey": GOOD}}
    wanted = "connection { id name version } test { ok message models }"
    return await api.change("createConnection", wanted, **{**values, **more})


async def ended(api: Api, execution_id: str) -> dict[str, Any]:
    document = "query($id: ID!) { execution(id: $id) { id status error { kind } usage { cost } } }"
    while True:
        found = (await api.data(document, id=execution_id))["execution"]
        if found["status"] in ("COMPLETED", "FAILED"):
            return found


async def test_a_connection_from_its_form_to_its_end(api: Api, models: ModelServer) -> None:
    kinds = (await api.data("{ connectionKinds { name fields { name type } } }"))["connectionKinds"]
    assert {"openai", "anthropic", "ollama"} <= {kind["name"] for kind in kinds}
    answer = await made(api, models)
    assert answer["errors"] == []
    assert answer["test"]["models"] == ["gpt-4o-mini"]
    await api.bot(SPEAKER, "Speaker")
    (row,) = (await api.data(LISTED))["connections"]["nodes"]
    assert row["secrets"] == {"apiKey": "…abcd"}
    assert row["usedBy"] == [{"botName": "Speaker", "why": "names openai:gpt-4o-mini"}]
    deleted = await api.change("deleteConnection", "connection { id }", connectionId=row["id"])
    assert deleted["errors"][0]["code"] == "INVALID_STATE"
    forced = await api.change(
        "deleteConnection",
        "connection { id }",
        connectionId=row["id"],
        force=True,
        reason="No longer ours",
    )
    assert forced["errors"] == []
    assert (await api.data(LISTED))["connections"]["totalCount"] == 0


async def test_the_models_of_a_connection_can_be_named(api: Api, models: ModelServer) -> None:
    document = "{ models { id isDefault inputPrice } }"
    before = (await api.data(document))["models"]
    assert [one["id"] for one in before] == ["demo:standard"]
    await made(api, models)
    found = (await api.data(document))["models"]
    assert [(one["id"], one["isDefault"]) for one in found] == [
        ("openai:gpt-4o-mini", True),
        ("demo:standard", False),
    ]
    assert float(found[0]["inputPrice"]) == 0.15


async def test_a_wrong_key_comes_back_as_an_error_with_its_test(
    api: Api, models: ModelServer
) -> None:
    answer = await made(api, models, secrets={"apiKey": BAD})
    assert answer["connection"] is None
    assert answer["test"]["ok"] is False
    assert answer["errors"][0]["code"] == "UPSTREAM_FAILED"
    assert BAD not in json.dumps(answer)


@pytest.mark.parametrize("name", ["testConnection", "updateConnection", "deleteConnection"])
async def test_a_connection_of_elsewhere_answers_like_one_that_never_was(  # S13
    front: Front, api: Api, models: ModelServer, name: str
) -> None:
    stranger = await front.caller(workspace="elsewhere")
    theirs = (await made(stranger, models, name=name))["connection"]["id"]
    asked = models.total
    for given in (theirs, "con_" + "0" * 26, "junk"):
        answer = await api.change(name, "connection { id }", connectionId=given)
        (error,) = answer["errors"]
        assert (error["code"], error["message"]) == ("NOT_FOUND", "There is no such connection.")
    assert models.total == asked


async def test_a_stored_key_is_not_tried_at_an_address_of_the_caller(  # S13
    api: Api, models: ModelServer
) -> None:
    row = (await made(api, models))["connection"]
    answer = await api.change(
        "testConnection",
        "test { ok }",
        connectionId=row["id"],
        settings={"baseUrl": "https://collector.example"},
    )
    assert answer["errors"][0]["code"] == "INVALID_INPUT"


@pytest.mark.parametrize(
    ("role", "document"),
    [
        (Role.VIEWER, 'mutation { createConnection(input: {kind: "openai"}) { errors { code } } }'),
        (Role.EDITOR, 'mutation { createBudget(input: {limit: "1"}) { errors { code } } }'),
        (Role.OPERATOR, "{ costs { total { cost } } }"),
        (Role.VIEWER, "{ budgets { totalCount } }"),
    ],
)
async def test_who_may_not(front: Front, role: Role, document: str) -> None:
    caller = await front.caller(role)
    answer = await caller.answer(document)
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


@pytest.mark.slow
async def test_a_price_of_ones_own_counts_from_the_next_call_on(
    api: Api, models: ModelServer
) -> None:
    connection = (await made(api, models))["connection"]
    bot = await api.bot(SPEAKER, "Priced")
    price = {"model": "OpenAI:gpt-4o-mini", "inputPrice": "1000", "outputPrice": "0"}
    price["cacheWritePrice"] = "1250"
    wanted = "modelPrice { id model inputPrice cacheWritePrice cachedPrice }"
    answer = await api.change("setModelPrice", wanted, **price)
    assert float(answer["modelPrice"]["cacheWritePrice"]) == 1250
    assert answer["modelPrice"]["cachedPrice"] is None
    assert answer["modelPrice"]["model"] == "openai:gpt-4o-mini"
    first = await ended(api, (await api.start(bot["id"], input="x"))["id"])
    assert float(first["usage"]["cost"]) >= 0.001
    gone = await api.change(
        "deleteModelPrice", "modelPrice { id }", priceId=answer["modelPrice"]["id"]
    )
    assert gone["errors"] == []
    second = await ended(api, (await api.start(bot["id"], input="x"))["id"])
    assert 0 < float(second["usage"]["cost"]) < 0.001
    found = await api.data(
        "{ costs(days: 2) { total { calls cost unpriced } byBot { key name } byModel { key } "
        "byDay { key calls } byEntity { key name calls } byOperation { key calls } "
        "byProvider { key calls } byConnection { key name calls } "
        "byExecution { key name cost } } "
        "providerHealth { provider requests failures medianMs models { model answers } "
        "connections { connectionId requests failures medianMs cost } } "
        "openCircuits { provider } modelPrices { totalCount } }"
    )
    assert found["costs"]["total"]["calls"] == 2
    assert found["costs"]["byBot"][0] == {"key": bot["id"], "name": "Priced"}
    assert [day["calls"] for day in found["costs"]["byDay"]][-1] == 2
    (agent,) = found["costs"]["byEntity"]
    assert agent["key"].startswith(f"{bot['id']}:")
    assert agent["name"].endswith(" · Priced")
    assert found["costs"]["byOperation"] == [{"key": "model", "calls": 2}]
    assert found["costs"]["byProvider"] == [{"key": "openai", "calls": 2}]
    through = {"key": connection["id"], "name": connection["name"], "calls": 2}
    assert found["costs"]["byConnection"] == [through]
    runs = [(line["key"], line["cost"]) for line in found["costs"]["byExecution"]]
    assert runs == [(run["id"], run["usage"]["cost"]) for run in (first, second)]
    assert found["costs"]["byExecution"][0]["name"].startswith("Priced · ")
    assert found["providerHealth"][0]["requests"] == 2
    (figures,) = found["providerHealth"][0]["connections"]
    assert (figures["connectionId"], figures["requests"]) == (connection["id"], 2)
    assert found["providerHealth"][0]["models"][0]["answers"] == 2
    assert found["modelPrices"]["totalCount"] == 0
    await _costs_by_version_and_start(api, bot["id"])


async def _costs_by_version_and_start(api: Api, bot_id: str) -> None:
    document = (
        "query C($id: ID!) { botCosts(botId: $id, days: 2) { total { executions cost unpriced } "
        "byVersion { key name executions cost } byTrigger { key executions cost } } }"
    )
    found = (await api.data(document, id=bot_id))["botCosts"]
    (version,), (start,) = found["byVersion"], found["byTrigger"]
    assert (version["executions"], start["key"], start["executions"]) == (2, "api", 2)
    assert version["key"].startswith("ver_")
    assert version["cost"] == start["cost"] == found["total"]["cost"]
    nobody = await api.data(document, id="bot_" + "0" * 26)
    assert nobody["botCosts"] is None


async def budget(api: Api, name: str, limit: Decimal, **more: str) -> None:
    made = await api.change("createBudget", "budget { id }", name=name, limit=str(limit), **more)
    assert made["errors"] == []


@pytest.mark.slow
async def test_an_estimate_tells_its_basis(api: Api, models: ModelServer) -> None:
    await made(api, models)
    bot = await api.bot(SPEAKER, "Estimated")
    document = """query($id: ID!) { estimateExecution(botId: $id, input: "x") {
      cost low high basis executions tokens explanation unpriced
      passes { name action left endsAt } } }"""
    found = (await api.data(document, id=bot["id"]))["estimateExecution"]
    assert (found["basis"], found["executions"], found["unpriced"]) == ("program", 0, [])
    assert 0 < float(found["low"]) <= float(found["cost"]) <= float(found["high"])
    assert "1 call, about 100 tokens" in found["explanation"]
    assert "$0.15 / $0.6 for openai:gpt-4o-mini" in found["explanation"]
    assert (int(found["tokens"]) > 100, found["passes"]) == (True, [])
    for _ in range(3):
        await ended(api, (await api.start(bot["id"], input="x"))["id"])
    found = (await api.data(document, id=bot["id"]))["estimateExecution"]
    assert (found["basis"], found["executions"]) == ("history", 3)
    each = Decimal(found["cost"])
    await budget(api, "spacious", each * 5)
    await budget(api, "nearly spent", each * 7 / 2, action="WARN")
    await budget(api, "for each", each / 5, scope="EXECUTION", action="ASK")
    passes = (await api.data(document, id=bot["id"]))["estimateExecution"]["passes"]
    assert [(one["name"], one["action"], Decimal(one["left"])) for one in passes] == [
        ("for each", "ASK", each / 5),
        ("nearly spent", "WARN", each / 2),
    ]
    other = SPEAKER.replace("gpt-4o-mini", "gpt-4o")
    await api.change("saveBotDraft", "bot { id }", botId=bot["id"], source=other)
    found = (await api.data(document, id=bot["id"]))["estimateExecution"]
    assert (found["basis"], found["executions"]) == ("program", 0)
    assert (await api.data(document, id="bot_" + "0" * 26))["estimateExecution"] is None


@pytest.mark.slow
async def test_a_spent_budget_refuses_a_start_with_limit_and_spent(
    api: Api, models: ModelServer
) -> None:
    await made(api, models)
    bot = await api.bot(SPEAKER, "Stopped")
    budget = (await api.change("createBudget", "budget { id version }", limit="0.5"))["budget"]
    adjusted = await api.change(
        "adjustBudget",
        "budget { standing { spent left percent } }",
        budgetId=budget["id"],
        amount="0.5",
        reason="Spent elsewhere",
    )
    assert adjusted["budget"]["standing"]["percent"] == 100
    document = """mutation($i: StartExecutionInput!) { startExecution(input: $i) { execution { id }
      errors { code message ... on BudgetError { limit spent } } } }"""
    refused = (await api.data(document, i={"botId": bot["id"], "input": "x"}))["startExecution"]
    (error,) = refused["errors"]
    assert (error["code"], float(error["limit"]), float(error["spent"])) == (
        "BUDGET_EXCEEDED",
        0.5,
        0.5,
    )
    notices = (await api.data("{ budgetNotices { nodes { percent } } }"))["budgetNotices"]["nodes"]
    assert sorted(one["percent"] for one in notices) == [50, 75, 90, 100]
    raised = await api.change(
        "updateBudget", "budget { version }", budgetId=budget["id"], limit="9"
    )
    assert raised["budget"] == {"version": 2}
    assert (await ended(api, (await api.start(bot["id"], input="x"))["id"]))[
        "status"
    ] == "COMPLETED"


async def test_no_key_is_in_any_answer_log_event_or_row(  # S69
    tmp_path: Path, models: ModelServer, capfd: pytest.CaptureFixture[str]
) -> None:
    """Canaries in every place that holds a secret; then everything is run and failed."""
    canaries = [GOOD, BETTER, BAD, "sk-canary-environment-0123456789"]
    environ = {
        "BALEYBOTS_ALLOWED_PRIVATE_HOSTS": f"127.0.0.1:{models.port}",
        "ANTHROPIC_API_KEY": canaries[3],
    }
    answers: list[str] = []
    async with open_front(tmp_path, environ) as front:
        api = await front.caller()

        async def kept(answer: Any) -> Any:
            answers.append(json.dumps(answer))
            return answer

        row = (await kept(await made(api, models)))["connection"]
        await kept(await made(api, models, name="Bad", secrets={"apiKey": BAD}))
        await kept(await made(api, models, name="Worse", secrets={"apiKey": BAD}, force=True))
        await kept(await made(api, models, name="Wrong", secrets={"nope": BAD}))
        await kept(await made(api, models, name=BAD, settings={"apiKey": BAD}))
        bot = await api.bot(SPEAKER, "Speaker")
        started = [await api.start(bot["id"], input="x")]
        await ended(api, started[0]["id"])
        rotate = {"connectionId": row["id"], "secrets": {"apiKey": BETTER}}
        await kept(await api.change("updateConnection", "connection { secrets }", **rotate))
        stale = {"connectionId": row["id"], "secrets": {"apiKey": BAD}, "force": True}
        await kept(await api.change("updateConnection", "connection { secrets }", **stale))
        started.append(await api.start(bot["id"], input="x"))
        await ended(api, started[1]["id"])
        wanted = "connection { statusMessage } test { message }"
        await kept(await api.change("testConnection", wanted, connectionId=row["id"]))
        for one in started:
            document = """query($id: ID!) { execution(id: $id) { error { message hint }
              steps { error { message hint } } events(first: 100) { nodes { type data } } } }"""
            await kept(await api.answer(document, id=one["id"]))
        await kept(await api.answer(LISTED))
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*.db*"))
    assert b"Speaker" in written
    logged = "".join(capfd.readouterr())
    for canary in canaries:
        assert canary not in "".join(answers)
        assert canary.encode() not in written
        assert canary not in logged
