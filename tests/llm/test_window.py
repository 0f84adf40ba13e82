"""What fills a call, what is left out of one that would not fit, and what exactly was sent."""

from __future__ import annotations

import pytest

from server.llm.messages import ChatRequest, Message, ToolCall, ToolSpec
from server.llm.window import Sent, fitted, shares_of
from tests.llm.conftest import MakeGateway, ask
from tests.support.model_server import ModelServer, Reply

GOAL = Message("system", "You answer. " * 10, part="system")
INPUT = Message("user", "And now? " * 10, part="input")
CONTEXT = Message("user", "Context: x", part="context")


def talk(number: int, size: int = 400) -> tuple[Message, Message]:
    return (
        Message("user", f"Question {number} " + "x" * size, part="history"),
        Message("assistant", f"Answer {number} " + "y" * size, part="history"),
    )


def request(*history: Message, **more: object) -> ChatRequest:
    return ChatRequest((GOAL, *history, CONTEXT, INPUT), **more)  # type: ignore[arg-type]


def test_what_fits_stays_as_it_is() -> None:
    asked = request(*talk(1), *talk(2))
    assert fitted(asked, 100_000) == (asked, ())
    assert fitted(asked, None) == (asked, ())


def test_the_oldest_exchanges_go_first_and_whole() -> None:
    asked = request(*talk(1), *talk(2), *talk(3))
    short, left_out = fitted(asked, 620)
    assert short.messages == (GOAL, *talk(3), CONTEXT, INPUT)
    assert [(one.place, one.part, one.how) for one in left_out] == [
        (place, "history", "dropped") for place in (1, 2, 3, 4)
    ]
    assert all(one.tokens > 90 for one in left_out)


def test_goal_context_and_input_are_never_touched() -> None:
    asked = request(*talk(1))
    short, _ = fitted(asked, 10)
    assert short.messages == (GOAL, CONTEXT, INPUT)


def test_then_the_longest_results_of_tools_are_shortened() -> None:
    call = Message("assistant", tool_calls=(ToolCall("c1", "read"), ToolCall("c2", "read")))
    results = Message("tool", "a" * 90_000, tool_call_id="c1"), Message("tool", "b", (), "c2")
    asked = ChatRequest((GOAL, *talk(1), INPUT, call, *results))
    short, left_out = fitted(asked, 8_000)
    assert short.messages[:3] == (GOAL, INPUT, call)
    assert short.messages[3].tool_call_id == "c1"
    assert short.messages[3].content.startswith("aaaa")
    assert short.messages[3].content.endswith("(89,600 more characters were left out)")
    assert short.messages[4] == results[1]
    assert [one.how for one in left_out] == ["dropped", "dropped", "shortened"]


def test_room_is_kept_for_the_answer() -> None:
    asked = request(*talk(1), *talk(2))
    assert not fitted(asked, 2000)[1]
    assert (
        fitted(
            asked,
            2000,
        )[0].max_tokens
        is None
    )
    assert fitted(request(*talk(1), *talk(2), max_tokens=1600), 2000)[1]


def test_shares_say_what_fills_the_call() -> None:
    tool = ToolSpec("search", "Searches the web for pages.")
    asked = request(*talk(1), tools=(tool,), output_schema={"type": "object"})
    shares = shares_of(asked)
    assert list(shares) == ["system", "tools", "history", "context", "input"]
    assert shares["history"] > shares["system"] > 0
    counted = shares_of(asked, counted=1000)
    assert sum(counted.values()) == pytest.approx(1000, abs=5)


def test_letters_beyond_ascii_count_for_more() -> None:
    def tokens(text: str) -> int:
        return shares_of(ChatRequest((Message("user", text),)))["input"]

    assert tokens("日本語" * 100) > 2 * tokens("abc" * 100)


@pytest.mark.slow
async def test_a_call_tells_exactly_what_left_and_what_did_not(
    models: ModelServer, make_gateway: MakeGateway
) -> None:
    models.default = Reply("fine")
    long = [talk(number, 100_000) for number in range(9)]
    history = tuple(message for exchange in long for message in exchange)
    asked = request(*history, model="openai:gpt-4o-mini", temperature=0.5)
    sent: list[Sent] = []
    answer = await make_gateway().chat(asked, on_sent=sent.append)
    (one,) = sent
    body = models.requests[0].body
    assert one.messages == body["messages"]
    assert one.params["temperature"] == body["temperature"] == 0.5
    assert (one.provider, one.model, one.window) == ("openai", "gpt-4o-mini", 128_000)
    assert len(one.messages) + len(one.left_out) == len(asked.messages)
    assert answer.left_out == len(one.left_out) > 0
    assert "sk-test" not in repr(one)


@pytest.mark.slow
async def test_the_demo_model_tells_it_too(make_gateway: MakeGateway) -> None:
    sent: list[Sent] = []
    await make_gateway().chat(ask(model="demo:standard"), on_sent=sent.append)
    assert [message["role"] for message in sent[0].messages] == ["system", "user"]
    assert sent[0].provider == "demo"
