"""What is made once for a route must be the same as what is made anew for each question."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from server.core.errors import AddressRefused
from server.core.net.policy import NetPolicy
from server.core.settings import load_settings
from server.llm import litellm_client
from server.llm.access import Access
from server.llm.forms import Form, form_of
from server.llm.frames import Frames, Question
from server.llm.messages import ChatRequest, Message, ToolSpec
from server.llm.routing import Route, Router
from server.llm.wire import make_call
from tests.llm.conftest import ask

pytestmark = pytest.mark.slow

WEATHER = ToolSpec("get_weather", "Tells the weather of a city.")
QUESTIONS = (
    ask("Hello"),
    ask("Hello again"),
    ask("Ünï “code”", temperature=0.2),
    ask("Hello", temperature=0.3, max_tokens=5),
    ask("Weather?", tools=(WEATHER,)),
    ask("Weather again?", tools=(WEATHER,)),
    ask("Short", stream=False),
)


SETTINGS = load_settings({"OPENAI_API_KEY": "sk-test-1234"})


def access(**changes: str) -> Access:
    plain = Access("0190", "Mine", "openai", "sk-mine-1234")
    return replace(plain, **changes)  # type: ignore[arg-type]


@pytest.fixture
def frames() -> Frames:
    litellm_client.load()
    return Frames(NetPolicy())


def route_of(access: Access | None = None) -> Route:
    return Router(SETTINGS).route("openai:gpt-4o-mini", access)


def sent(frames: Frames, route: Route, request: ChatRequest, form: Form) -> Question:
    return frames.question(make_call(route, request, "native"), form)


def test_every_question_over_a_route_is_as_if_it_were_the_first(frames: Frames) -> None:
    route = route_of()
    form = form_of(route)
    assert form.passes_on
    for request in (*QUESTIONS, *QUESTIONS):
        again = sent(frames, route, request, form)
        fresh = sent(Frames(NetPolicy()), route, request, form)
        assert orjson.loads(again.body) == orjson.loads(fresh.body)
        assert (again.way.url, again.way.headers) == (fresh.way.url, fresh.way.headers)


def test_what_a_sender_does_to_one_question_is_not_in_the_next(frames: Frames) -> None:
    route = route_of()
    form = form_of(route)
    before = sent(frames, route, ask("one"), form).body
    spoilt = sent(frames, route, ask("one"), form)
    spoilt.asked.body["model"] = "another"
    spoilt.asked.params["stream"] = False
    assert sent(frames, route, ask("one"), form).body == before


def test_a_key_that_was_changed_is_the_one_that_is_sent(frames: Frames) -> None:
    router = Router(SETTINGS)
    for key in ("sk-mine-1234", "sk-mine-5678", "sk-mine-1234"):
        route = router.route("openai:gpt-4o-mini", access(api_key=key))
        question = sent(frames, route, ask(), form_of(route))
        assert question.way.headers["Authorization"] == f"Bearer {key}"


def test_an_address_that_is_refused_is_refused_each_time(frames: Frames) -> None:
    route = route_of(access(api_base="http://127.0.0.1:11434/v1"))
    for _ in range(3):
        with pytest.raises(AddressRefused):
            sent(frames, route, ask(), form_of(route))


def test_a_message_with_an_image_is_put_together_by_the_library(frames: Frames) -> None:
    route = route_of()
    form = form_of(route)
    seen = (Message("user", "What is it?", images=("data:image/png;base64,AAAA",)),)
    sent(frames, route, ask(), form)
    body = orjson.loads(sent(frames, route, replace(ask(), messages=seen), form).body)
    assert body["messages"][0]["content"][1]["type"] == "image_url"


def test_a_provider_with_a_reading_of_its_own_keeps_it() -> None:
    litellm_client.load()
    claude = Access("0191", "Mine", "anthropic", "sk-ant-1234")
    route = Router(SETTINGS).route("anthropic:claude-haiku-4-5", claude)
    assert not form_of(route).passes_on
