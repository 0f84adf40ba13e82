"""The demo model: what a person sees in the first five minutes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from time import process_time
from typing import Any

import jsonschema
import pytest

from server.core.settings import load_settings
from server.llm.demo import DemoModel, answer
from server.llm.demo_answers import SIGNATURE
from server.llm.gateway import Gateway
from server.llm.messages import NO_INPUT, ChatRequest, Delta, Message, ToolSpec

ARTICLE = (
    "The city council approved a new bicycle plan on Tuesday. The plan adds 42 kilometres of "
    "protected lanes over five years and costs 18.5 million dollars. Supporters say that bicycle "
    "lanes make streets safer for everyone. Critics worry about parking and about the cost for "
    "local shops. Anna Keller, who leads the transport office, said that work begins in March. "
    "Residents can comment at https://city.example/bikes."
)
SEARCH = ToolSpec(
    "web_search",
    "Searches the web.",
    {
        "type": "object",
        "properties": {
            "query": {"type": "string"},
            "num_results": {"type": "integer", "minimum": 1, "maximum": 20},
        },
        "required": ["query"],
    },
)


def demo(goal: str, given: str = ARTICLE, **more: Any) -> ChatRequest:
    return ChatRequest(messages=(Message("system", goal), Message("user", given)), **more)


def test_a_summary_is_made_of_the_texts_own_sentences() -> None:
    text, _ = answer(demo("Summarise the article in three sentences"))
    assert "approved a new bicycle plan on Tuesday." in text
    assert len(text) < len(ARTICLE)


def test_it_says_what_it_is() -> None:
    for goal in ("Summarise", "Write a blog post", "Do something odd", "Translate to French"):
        assert answer(demo(goal))[0].endswith(SIGNATURE)


def test_it_says_that_it_cannot_translate() -> None:
    assert "cannot translate" in answer(demo("Translate it to French"))[0]


def test_it_counts() -> None:
    text, _ = answer(demo("Count the words", "one two three. Four 5"))
    assert "5 words" in text
    assert "2 sentences" in text


def test_one_bot_can_hand_its_text_to_the_next() -> None:
    first, _ = answer(demo("Summarise the article"))
    second, _ = answer(demo("List the key points", first))
    assert second.count(SIGNATURE) == 1


@pytest.mark.parametrize("given", ["", NO_INPUT, "{}", "null"])
def test_no_input_is_said_and_not_an_error(given: str) -> None:
    assert "no input" in answer(demo("Summarise", given))[0]


def test_equal_requests_have_equal_answers() -> None:
    request = demo("Summarise", output_schema={"properties": {"a": {"enum": ["x", "y", "z"]}}})
    assert answer(request) == answer(request)


async def test_it_streams_and_costs_nothing() -> None:
    deltas: list[Delta] = []
    given = await DemoModel(pace=0).chat(demo("Summarise"), deltas.append)
    assert len(deltas) > 10
    assert "".join(delta.text for delta in deltas) == given.text
    assert given.cost == 0
    assert (given.provider, given.model) == ("demo", "demo model")
    assert given.usage.output_tokens == len(given.text.split())


async def test_a_long_answer_streams_in_few_pieces() -> None:
    deltas: list[Delta] = []
    given = await DemoModel(pace=0).chat(demo("Draft", f"{'word ' * 3000}."), deltas.append)
    assert len(deltas) <= 101
    assert "".join(delta.text for delta in deltas) == given.text


async def test_it_calls_the_tool_that_the_goal_names_and_then_uses_the_result() -> None:
    request = demo("Search the web for news", "bicycle plans", tools=(SEARCH,))
    asked = await DemoModel(pace=0).chat(request)
    assert asked.finish_reason == "tool_calls"
    assert asked.tool_calls[0].name == "web_search"
    arguments = asked.tool_calls[0].read_arguments()
    assert arguments is not None
    assert arguments["query"] == "bicycle plans"
    jsonschema.validate(arguments, SEARCH.parameters)
    result = Message("tool", '[{"title": "News", "snippet": "Lanes open in March in all parts."}]')
    messages = (*request.messages, Message("assistant", "", asked.tool_calls), result)
    told = await DemoModel(pace=0).chat(ChatRequest(messages=messages, tools=(SEARCH,)))
    assert not told.tool_calls
    assert "Called web_search" in told.text
    assert "Lanes open in March" in told.text


async def test_a_tool_that_the_goal_does_not_name_is_not_called() -> None:
    given = await DemoModel(pace=0).chat(demo("Summarise", tools=(SEARCH,)))
    assert not given.tool_calls


SCHEMAS: dict[str, dict[str, Any]] = {
    "flat": {
        "type": "object",
        "properties": {
            "title": {"type": "string", "maxLength": 20},
            "summary": {"type": "string", "minLength": 10},
            "score": {"type": "number", "minimum": 0, "maximum": 10},
            "rank": {"type": "integer", "minimum": 3, "maximum": 4},
            "approved": {"type": "boolean"},
            "mood": {"enum": ["positive", "neutral", "negative"]},
            "link": {"type": "string", "format": "uri"},
            "kind": {"const": "news"},
        },
        "required": ["title", "summary", "score", "rank", "approved", "mood", "link", "kind"],
        "additionalProperties": False,
    },
    "lists": {
        "type": "object",
        "properties": {
            "tags": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 4},
            "people": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
                    "required": ["name", "age"],
                },
            },
        },
        "required": ["tags", "people"],
    },
    "alternatives": {
        "type": "object",
        "properties": {
            "maybe": {"anyOf": [{"type": "null"}, {"type": "string"}]},
            "either": {"type": ["null", "number"]},
            "shared": {"$ref": "#/$defs/shared"},
            "all": {"allOf": [{"type": "object"}, {"properties": {"x": {"type": "integer"}}}]},
        },
        "required": ["maybe", "either", "shared", "all"],
        "$defs": {"shared": {"type": "object", "properties": {"n": {"type": "integer"}}}},
    },
    "unknown fields": {"type": "object", "required": ["a", "b"], "additionalProperties": True},
    "a map": {"type": "object", "additionalProperties": {"type": "number"}},
    "steps": {"type": "number", "multipleOf": 5, "minimum": 3},
    "recursive": {
        "type": "object",
        "properties": {
            "text": {"type": "string"},
            "children": {"type": "array", "items": {"$ref": "#"}},
        },
        "required": ["text"],
    },
}


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("given", [ARTICLE, "", "42", '{"title": "Given", "score": 7, "rank": 9}'])
def test_a_filled_form_fits_its_schema(name: str, given: str) -> None:
    text, _ = answer(demo("Extract the facts", given, output_schema=SCHEMAS[name]))
    jsonschema.validate(json.loads(text), SCHEMAS[name])


def test_values_come_from_the_input() -> None:
    text, _ = answer(
        demo("Extract", output_schema=SCHEMAS["flat"] | {"additionalProperties": True})
    )
    value = json.loads(text)
    assert value["link"] == "https://city.example/bikes"
    assert value["title"].startswith("The city council")
    given = json.dumps({"title": "Given", "score": 7})
    value = json.loads(answer(demo("Extract", given, output_schema=SCHEMAS["flat"]))[0])
    assert (value["title"], value["score"]) == ("Given", 7)


ORDER = (
    "Hello, this is Amara Diallo from Nordlicht GmbH. Please send 12 desk lamps and 3 floor lamps "
    "to Hafenstrasse 5, Hamburg. We need them by 3 May. My number is +49 40 555 0199."
)
NULLABLE = {"anyOf": [{"type": "string"}, {"type": "null"}]}


def test_fields_are_found_by_what_they_are_called_and_null_when_they_are_not_there() -> None:
    item = {"properties": {"name": {"type": "string"}, "quantity": {"type": "integer"}}}
    fields: dict[str, Any] = {
        "customer": {"type": "string"},
        **dict.fromkeys(("company", "address", "due", "phone", "email"), NULLABLE),
        "items": {"type": "array", "items": {"type": "object", **item}},
    }
    schema = {"type": "object", "properties": fields}
    assert json.loads(answer(demo("Take the order", ORDER, output_schema=schema))[0]) == {
        "customer": "Amara Diallo",
        "company": "Nordlicht GmbH",
        "address": "Hafenstrasse 5, Hamburg",
        "due": "3 May",
        "phone": "+49 40 555 0199",
        "email": None,
        "items": [{"name": "desk lamps", "quantity": 12}, {"name": "floor lamps", "quantity": 3}],
    }


@pytest.mark.parametrize(
    ("given", "options", "chosen"),
    [
        ("It works perfectly.", ["good", "mixed", "bad"], "good"),
        ("It broke. Very disappointed.", ["positive", "neutral", "negative"], "negative"),
        ("I was charged twice for my invoice.", ["billing", "technical", "other"], "billing"),
        ("Please answer today.", ["low", "normal", "high"], "high"),
        ("Nothing special here.", ["billing", "technical", "other"], "other"),
        ("A technical question.", ["billing", "technical", "other"], "technical"),
    ],
)
def test_a_choice_follows_the_text(given: str, options: list[str], chosen: str) -> None:
    schema = {"type": "object", "properties": {"c": {"enum": options}}}
    assert json.loads(answer(demo("Sort", given, output_schema=schema))[0]) == {"c": chosen}


@pytest.mark.slow
@pytest.mark.parametrize("piece", ["a", "Aa ", "1 ", "1", "(", "a@", "A. ", "\n\n-", "**", "12 a"])
def test_no_input_makes_it_slow(piece: str) -> None:
    long = piece * (200_000 // len(piece))
    started = process_time()
    for goal in ("Summarise", "Review", "Draft a reply"):
        answer(demo(goal, long))
    fields = dict.fromkeys(("email", "phone", "company", "address", "name", "price"), NULLABLE)
    answer(demo("Extract", long, output_schema={"type": "object", "properties": fields}))
    assert process_time() - started < 5


def test_a_form_without_an_end_comes_to_one() -> None:
    schema = {"type": "object", "properties": {"more": {"$ref": "#"}}, "required": ["more"]}
    assert answer(demo("Fill", "x", output_schema=schema))[0].startswith('{"more"')


async def test_it_answers_where_no_model_is_named_and_no_provider_is_set_up() -> None:
    given = await Gateway(load_settings({}), demo_pace=0).chat(demo("Summarise"))
    assert given.provider == "demo"


def test_no_library_is_loaded_for_it() -> None:
    program = (
        "import asyncio, sys\n"
        "from server.core.settings import load_settings\n"
        "from server.llm.gateway import Gateway\n"
        "from server.llm.messages import NO_INPUT, ChatRequest, Message\n"
        "gateway = Gateway(load_settings({}), demo_pace=0)\n"
        "asyncio.run(gateway.chat(ChatRequest(messages=(Message('user', 'Hi'),))))\n"
        "loaded = {'litellm', 'openai', 'httpx', 'aiohttp'} & sys.modules.keys()\n"
        "sys.exit(', '.join(loaded) or 0)\n"
    )
    root = Path(__file__).parents[2]
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
