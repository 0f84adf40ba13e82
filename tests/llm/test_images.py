"""Images in the input of an entity: found, fetched by our rules, sent where a model can look."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from server.core.net.policy import NetPolicy
from server.core.settings import load_settings
from server.llm.errors import ModelError, ModelErrorKind
from server.llm.gateway import Gateway
from server.llm.images import taken_out
from server.llm.messages import ChatRequest, Message
from tests.support.model_server import ModelServer, Reply
from tests.support.own_models import connect, home_beside

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
DATA = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


def test_images_are_found_wherever_they_stand() -> None:
    given = {
        "question": "Which is bigger?",
        "left": {"type": "image", "url": "https://example.org/a.png"},
        "more": [DATA, "data:text/plain;base64,aGk=", "see data:image/png;base64,xx"],
    }
    value, found = taken_out(given)
    assert found == ("https://example.org/a.png", DATA)
    assert value == {
        "question": "Which is bigger?",
        "left": "(image 1)",
        "more": ["(image 2)", "data:text/plain;base64,aGk=", "see data:image/png;base64,xx"],
    }
    assert taken_out(given["question"]) == ("Which is bigger?", ())


@pytest_asyncio.fixture
async def models() -> AsyncIterator[ModelServer]:
    async with ModelServer(Reply("A dot")) as server:
        yield server


@pytest_asyncio.fixture
async def gateway(models: ModelServer) -> AsyncIterator[Gateway]:
    given = {"OPENAI_API_KEY": "sk-test-1234", "OPENAI_BASE_URL": models.url}
    policy = NetPolicy([f"127.0.0.1:{models.port}"])
    gateway = Gateway(load_settings(given), policy=policy)
    yield gateway
    await gateway.close()


def looking(*images: str, model: str = "openai:gpt-4o-mini") -> ChatRequest:
    return ChatRequest((Message("user", "What is it? (image 1)", images=images),), model=model)


@pytest.mark.slow
async def test_an_image_of_the_web_is_fetched_here_and_sent_as_it_is(
    gateway: Gateway, models: ModelServer
) -> None:
    async with ModelServer(Reply(body=PNG, content_type="text/plain")) as web:
        gateway_policy = NetPolicy([f"127.0.0.1:{models.port}", f"127.0.0.1:{web.port}"])
        gateway._policy = gateway_policy
        sent: list[Any] = []
        await gateway.chat(looking(f"{web.base}/dot.png"), on_sent=sent.append)
    (text, image) = models.requests[0].body["messages"][0]["content"]
    assert text == {"type": "text", "text": "What is it? (image 1)"}
    assert image == {"type": "image_url", "image_url": {"url": DATA}}
    assert sent[0].messages[0]["content"] == "What is it? (image 1)\n(image, 1 KiB)"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://169.254.169.254/latest/meta-data", "could not be fetched"),
        ("file://localhost/notes.png", "could not be fetched"),
        ("data:image/png;base64,aGVsbG8=", "no PNG, JPEG, GIF or WebP"),
        ("data:image/svg+xml;base64,PHN2Zy8+", "no PNG, JPEG, GIF or WebP"),
    ],
)
async def test_what_is_no_image_or_may_not_be_fetched_stops_before_the_call(
    gateway: Gateway, models: ModelServer, url: str, says: str
) -> None:
    with pytest.raises(ModelError, match=says) as caught:
        await gateway.chat(looking(url))
    assert (caught.value.kind, caught.value.retryable) == (ModelErrorKind.BAD_REQUEST, False)
    assert models.total == 0


@pytest.mark.slow
async def test_a_model_that_cannot_look_is_told_before_it_is_paid(
    gateway: Gateway, models: ModelServer
) -> None:
    with pytest.raises(ModelError, match="cannot look at images") as caught:
        await gateway.chat(looking(DATA, model="openai:gpt-3.5-turbo"))
    assert "gpt-3.5-turbo" in caught.value.message
    with pytest.raises(ModelError, match="at most 20"):
        await gateway.chat(looking(*[DATA] * 21))
    assert models.total == 0


@pytest.mark.slow
async def test_a_bot_looks_at_the_image_in_its_input(models: ModelServer, tmp_path: Any) -> None:
    async with home_beside(tmp_path, models) as home:
        await connect(home, models)
        source = 'looker { "goal": "Describe it", "model": "openai:gpt-4o-mini" }'
        done = await home.run(source, {"ask": "What is it?", "photo": DATA})
    assert done.output == "A dot"
    said = models.requests[-1].body["messages"][-1]["content"]
    assert said[0]["text"].endswith('"photo": "(image 1)"}') or "(image 1)" in said[0]["text"]
    assert said[1]["image_url"]["url"] == DATA


@pytest.mark.slow
async def test_the_chain_goes_on_to_a_model_that_can_look(
    models: ModelServer, tmp_path: Any
) -> None:
    models.script("gpt-4o", Reply("a cat"))
    source = (
        'looker { "goal": "Say what is on it", "model": "openai:gpt-3.5-turbo", '
        '"fallbacks": ["openai:gpt-4o"] }'
    )
    async with home_beside(tmp_path, models) as home:
        await connect(home, models)
        started = await home.start(await home.bot(source), {"photo": DATA})
        events = await home.events(started)
        done = await home.ended(started)
    assert done.output == "a cat"
    assert [one.model for one in models.requests if one.body.get("messages")] == ["gpt-4o"]
    (failed,) = [event["data"] for event in events if event["type"] == "model.failed"]
    assert "cannot look at images" in failed["message"]
    assert failed["nextModel"] == "openai:gpt-4o"
