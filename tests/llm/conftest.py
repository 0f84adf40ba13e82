"""A scripted provider, and gateways that know only it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from server.core.settings import load_settings
from server.llm.gateway import Gateway
from server.llm.messages import ChatRequest, Message
from server.llm.patience import Limits
from tests.support.model_server import ModelServer

MakeGateway = Callable[..., Gateway]

both_ways = pytest.mark.parametrize("fast", [True, False], ids=["fast", "acompletion"])


MODEL = "openai:gpt-4o-mini"


def ask(text: str = "Hello", model: str | None = MODEL, **more: object) -> ChatRequest:
    messages = (Message("system", "Be short."), Message("user", text))
    return ChatRequest(messages=messages, model=model, **more)  # type: ignore[arg-type]


@pytest_asyncio.fixture
async def models() -> AsyncIterator[ModelServer]:
    async with ModelServer() as server:
        yield server


@pytest_asyncio.fixture
async def make_gateway(models: ModelServer) -> AsyncIterator[MakeGateway]:
    """A gateway whose OpenAI endpoint is the scripted server."""
    made: list[Gateway] = []

    def make(fast: bool = True, limits: Limits | None = None, **environ: str) -> Gateway:
        given = {"OPENAI_API_KEY": "sk-test-1234", "OPENAI_BASE_URL": models.url} | environ
        settings = load_settings({name: value for name, value in given.items() if value})
        made.append(Gateway(settings, limits=limits, use_fast_path=fast, demo_pace=0))
        return made[-1]

    yield make
    for gateway in made:
        await gateway.close()
