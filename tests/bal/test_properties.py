import pytest

from server.bal.analytics import AlertTerm, Metric
from server.bal.nodes import Text
from server.bal.parser import parse
from server.bal.properties import EntitySpec, StopWhen, entity_spec, property_of
from server.bal.types import ObjectType, to_text


def spec_of(source: str) -> EntitySpec:
    program = parse(source).program
    return entity_spec(program.entities[0], program.defaults)


FULL = """writer {
  description: "Writes", icon: "📝", goal: "Write it", model: openai
  fallbacks: ["a:b", c], tools: { x, 'y' }, needsApproval: "mail"
  input: { topic: string }, output: { n: "?number(0, 10)", deep: { list: "array<string>" } }
  history: none, temperature: 0.5, max_tokens: 1e3, reasoning: low, stop_when: "stepCount:7"
  retries: 3, timeout: 20, budget: 0.25, idempotent: false, onToolError: pause
  outputTo: [storage, "email:weekly@fri@5pm"], triggers: manual, system: "old"
  analytics: {
    track: [{ name: good, type: percentage, condition: "status = 'completed'" }]
    compare: day_over_day
    alertWhen: "good < 40% AND cost >= 1.5 or tokens = 0"
  }
}"""


def test_every_property_is_read_and_typed() -> None:
    spec = spec_of(FULL)

    assert (spec.name, spec.goal, spec.description, spec.icon) == (
        "writer", "Write it", "Writes", "📝",
    )  # fmt: skip
    assert (spec.model, spec.fallbacks) == ("openai", ("a:b", "c"))
    assert (spec.tools, spec.can_request) == (("x", "y"), ("mail",))
    assert spec.input is not None
    assert to_text(spec.input) == "object { topic: string }"
    assert spec.output is not None
    assert to_text(spec.output) == (
        "object { n: ?number(0, 10), deep: object { list: array<string> } }"
    )
    assert (spec.history, spec.temperature, spec.max_tokens) == ("none", 0.5, 1000)
    assert (spec.reasoning, spec.stop_when, spec.retries) == ("low", StopWhen(steps=7), 3)
    assert (spec.timeout, spec.budget, spec.idempotent) == (20, 0.25, False)
    assert (spec.on_tool_error, spec_of('a { goal: "x" }').on_tool_error) == ("pause", "tell")
    assert spec.output_to == ("storage", "email:weekly@fri@5pm")
    assert [one.text for one in spec.triggers] == ["manual"]
    assert spec.unknown == {"system": Text("old")}


def test_analytics_are_read() -> None:
    analytics = spec_of(FULL).analytics

    assert analytics is not None
    assert analytics.metrics == (Metric("good", "percentage", condition="status = 'completed'"),)
    assert analytics.compare == "day_over_day"
    assert analytics.alert == (
        AlertTerm("good", "<", 40.0),
        AlertTerm("cost", ">=", 1.5, "and"),
        AlertTerm("tokens", "==", 0.0, "or"),
    )


def test_what_is_not_said_is_not_invented() -> None:
    spec = spec_of('a { goal: "x" }')

    assert spec == EntitySpec(name="a", goal="x")
    assert (spec.model, spec.output, spec.history) == (None, None, "inherit")


def test_empty_output_block_is_an_object_without_fields() -> None:
    assert spec_of('a { goal: "x", output: {} }').output == ObjectType(())


DEFAULTS = 'defaults { model: "m", fallbacks: ["f"], timeout: 5, budget: 2 }\n'


def test_defaults_hold_where_the_entity_is_silent() -> None:
    spec = spec_of(DEFAULTS + 'a { goal: "x" }')

    assert (spec.model, spec.fallbacks, spec.timeout, spec.budget) == ("m", ("f",), 5, 2)


def test_what_the_entity_says_wins_over_the_defaults() -> None:
    spec = spec_of(DEFAULTS + 'a { goal: "x", model: "own", fallbacks: {}, timeout: 9 }')

    assert (spec.model, spec.fallbacks, spec.timeout, spec.budget) == ("own", (), 9, 2)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("noToolCalls", StopWhen()),
        ('"hasToolResult:web_search"', StopWhen(tool="web_search")),
        ('"stepCount: 3"', StopWhen(steps=3)),
        ('"stepCount:0"', None),
    ],
)
def test_stop_when(written: str, expected: StopWhen | None) -> None:
    assert spec_of(f'a {{ goal: "x", stopWhen: {written} }}').stop_when == expected


def test_wrong_values_are_left_out() -> None:
    spec = spec_of('a { goal: 5, temperature: "hot", tools: ["x", 3], output: 7, trigger: "?" }')

    assert (spec.goal, spec.temperature, spec.tools) == ("", None, ("x",))
    assert (spec.output, spec.triggers) == (None, ())


def test_property_is_found_by_its_alias() -> None:
    entity = parse('a { goal: "x", max_tokens: 5 }').program.entities[0]

    found = property_of(entity, "maxTokens")

    assert found is not None
    assert found.key.value == "max_tokens"
