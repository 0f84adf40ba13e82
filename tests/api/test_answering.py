"""Modes, calls, recordings, kept answers and the chain of a workspace, over the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from server.models.enums import Role
from tests.support.front import Api, Front, open_front
from tests.support.model_server import ModelServer, Reply
from tests.support.own_models import GOOD

pytestmark = pytest.mark.slow

CACHED = 'writer { "goal": "Say it", "model": "openai:gpt-4o-mini", "cache": 60 }'
PLAIN = 'writer { "goal": "Say it", "model": "openai:gpt-4o-mini", "retries": 1 }'
RUN = """query($id: ID!) { execution(id: $id) { status mode output conversation
  error { kind } recording { id name } steps { source story
  modelCalls { ok source model provider inputTokens parts messages answer curl errorKind } } } }"""


@pytest_asyncio.fixture(scope="module")
async def models() -> AsyncIterator[ModelServer]:
    async with ModelServer(Reply("fine"), keys=[GOOD], models=["gpt-4o-mini"]) as server:
        yield server


@pytest_asyncio.fixture(scope="module")
async def front(
    tmp_path_factory: pytest.TempPathFactory, models: ModelServer
) -> AsyncIterator[Front]:
    environ = {"BALEYBOTS_ALLOWED_PRIVATE_HOSTS": f"127.0.0.1:{models.port}"}
    async with open_front(tmp_path_factory.mktemp("data"), environ) as front:
        yield front


@pytest_asyncio.fixture
async def api(front: Front, models: ModelServer, request: pytest.FixtureRequest) -> Api:
    """A workspace with a connection of its own for each test."""
    api = await front.caller(workspace=request.node.name[:60])
    values = {"kind": "openai", "settings": {"baseUrl": models.url}, "secrets": {"apiKey": GOOD}}
    made = await api.change("createConnection", "connection { id }", **values)
    assert made["errors"] == []
    return api


async def ran(api: Api, bot_id: str, **values: Any) -> dict[str, Any]:
    started = await api.start(bot_id, **values)
    while True:
        found = (await api.data(RUN, id=started["id"]))["execution"]
        if found["status"] in ("COMPLETED", "FAILED"):
            return {**found, "id": started["id"]}


async def test_a_call_is_told_as_it_left_and_its_key_is_not(api: Api, models: ModelServer) -> None:
    bot = await api.bot(PLAIN)
    said = [{"role": "USER", "content": "I am Ada."}, {"role": "ASSISTANT", "content": "Hello."}]
    first = await ran(api, bot["id"], input="tea", conversation=said)
    (call,) = first["steps"][0]["modelCalls"]
    assert [one["content"] for one in call["messages"]] == ["Say it", "I am Ada.", "Hello.", "tea"]
    assert call["answer"]["text"] == "fine"
    assert call["curl"].startswith(f"curl '{models.url}/chat/completions'")
    assert "Bearer $OPENAI_API_KEY" in call["curl"]
    assert GOOD not in call["curl"]
    assert set(call["parts"]) == {"system", "history", "input"}
    again = await ran(api, bot["id"], input="And now?", continues=first["id"])
    words = [one["content"] for one in again["steps"][0]["modelCalls"][0]["messages"]]
    assert words == ["Say it", "I am Ada.", "Hello.", "tea", "fine", "And now?"]
    assert [one["content"] for one in again["conversation"]] == words[1:-1]
    both = await api.change(
        "startExecution",
        "execution { id }",
        botId=bot["id"],
        conversation=said,
        continues=first["id"],
    )
    assert both["errors"][0]["path"] == ["continues"]


async def test_a_recording_is_kept_replayed_and_deleted(
    front: Front, api: Api, models: ModelServer
) -> None:
    bot = await api.bot(PLAIN)
    refused = await api.change(
        "startExecution", "execution { id }", botId=bot["id"], mode="RECORDED"
    )
    assert refused["errors"][0]["code"] == "INVALID_STATE"
    live = await ran(api, bot["id"], input="tea")
    kept = await api.change(
        "keepRecording", "recording { id name input answers }", executionId=live["id"], name="Tea"
    )
    recording = kept["recording"]
    assert (recording["name"], recording["input"], recording["answers"]) == ("Tea", "tea", 1)
    asked = models.total
    replay = await ran(api, bot["id"], mode="RECORDED", recordingId=recording["id"])
    assert (replay["mode"], replay["output"]) == ("RECORDED", "fine")
    assert replay["recording"] == {"id": recording["id"], "name": "Tea"}
    assert replay["steps"][0]["source"] == "recorded"
    assert replay["steps"][0]["story"] == "from the recording, no cost"
    assert models.total == asked
    stranger = await front.caller(workspace="elsewhere")
    for name in ("deleteRecording",):
        answer = await stranger.change(name, "recording { id }", recordingId=recording["id"])
        assert answer["errors"][0]["code"] == "NOT_FOUND"
    viewer = await front.caller(
        Role.VIEWER, workspace="test_a_recording_is_kept_replayed_and_deleted"
    )
    document = "{ recordings { nodes { id viewerCan { replay delete } } } }"
    (seen,) = (await viewer.data(document))["recordings"]["nodes"]
    assert seen["viewerCan"] == {"replay": False, "delete": False}
    gone = await api.change("deleteRecording", "recording { id }", recordingId=recording["id"])
    assert gone["errors"] == []
    after = (await api.data(RUN, id=replay["id"]))["execution"]
    assert (after["recording"], after["output"]) == (None, "fine")


async def test_kept_answers_are_counted_and_forgotten(api: Api, models: ModelServer) -> None:
    bot = await api.bot(CACHED)
    asked = models.total
    runs = [await ran(api, bot["id"], input="tea") for _ in range(3)]
    assert models.total == asked + 1
    assert [run["steps"][0]["source"] for run in runs] == [None, "cache", "cache"]
    kept = (await api.data("{ answerCache { answers hits } }"))["answerCache"]
    assert kept == {"answers": 1, "hits": 2}
    health = await api.data("{ providerHealth { provider requests cached p99Ms } }")
    (openai,) = health["providerHealth"]
    assert (openai["requests"], openai["cached"]) == (1, 2)
    assert openai["p99Ms"] is not None
    cleared = await api.change("clearAnswerCache", "cleared answerCache { answers }")
    assert (cleared["cleared"], cleared["answerCache"]["answers"]) == (1, 0)


async def test_the_chain_of_a_workspace_holds_what_can_be_asked(front: Front, api: Api) -> None:
    wanted = "modelFallbacks { models warnings }"
    no_way = await api.change("setModelFallbacks", wanted, models=["groq:llama"])
    (error,) = no_way["errors"]
    assert (error["code"], error["path"]) == ("INVALID_INPUT", ["models", "0"])
    kept = await api.change(
        "setModelFallbacks", wanted, models=["openai:gpt-4", " openai:gpt-4", "demo:standard"]
    )
    assert kept["modelFallbacks"]["models"] == ["openai:gpt-4", "demo:standard"]
    assert len(kept["modelFallbacks"]["warnings"]) == 2
    found = (await api.data("{ modelFallbacks { models } }"))["modelFallbacks"]
    assert found == {"models": ["openai:gpt-4", "demo:standard"]}
    stranger = await front.caller(workspace="elsewhere")
    elsewhere = (await stranger.data("{ modelFallbacks { models } }"))["modelFallbacks"]
    assert elsewhere == {"models": []}


SHAPED = """writer { "goal": "Describe it", "model": "anthropic:claude-haiku-4-5",
  "output": {"title": "string", "pages": "number"} }"""
FACTS = """query($id: ID!) { execution(id: $id) { status steps { repairs tokensPerSecond
  cachedTokens cacheWriteTokens reasoningTokens issues { path code message } output } } }"""


async def test_a_step_tells_its_repairs_its_issues_and_every_kind_of_token(
    front: Front, models: ModelServer
) -> None:
    api = await front.caller(workspace="anthropic alone")
    settings = {"baseUrl": models.url.removesuffix("/v1")}
    values = {"kind": "anthropic", "settings": settings, "secrets": {"apiKey": GOOD}, "force": True}
    assert (await api.change("createConnection", "connection { id }", **values))["errors"] == []
    details = {"cached_tokens": 5, "cache_creation_tokens": 7}
    usage = {"prompt_tokens": 30, "completion_tokens": 9, "prompt_tokens_details": details}
    wrong = Reply('{"title": "Tea", "pages": "three"}', usage=usage, gap=0.01)
    models.script("claude-haiku-4-5", wrong, wrong)
    found = await ran(api, (await api.bot(SHAPED))["id"], input="tea")
    step = (await api.data(FACTS, id=found["id"]))["execution"]["steps"][0]
    assert step["repairs"] == 1
    assert (step["cachedTokens"], step["cacheWriteTokens"]) == (10, 14)
    assert step["tokensPerSecond"] > 0
    assert [(one["path"], one["code"]) for one in step["issues"]] == [(["pages"], "invalid_type")]


async def test_a_text_that_was_cut_off_is_an_answer_and_marked(
    api: Api, models: ModelServer
) -> None:
    models.script("gpt-4o-mini", Reply("Once upon a", finish="length"))
    found = await ran(api, (await api.bot(PLAIN))["id"], input="tell a story")
    step = (await api.data(FACTS, id=found["id"]))["execution"]["steps"][0]
    assert (found["status"], step["output"]) == ("COMPLETED", "Once upon a")
    (issue,) = step["issues"]
    assert (issue["code"], "maxTokens" in issue["message"]) == ("cut_off", True)
