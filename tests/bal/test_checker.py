import time

import pytest

from server.bal.check_context import Ability
from server.bal.checker import Catalogue, check
from server.bal.errors import format_diagnostic

CATALOGUE = Catalogue(
    tools=frozenset({"web_search", "fetch_url"}),
    models=frozenset({"openai:gpt-4o", "anthropic:claude-sonnet-4-5"}),
    connections=frozenset({"shop"}),
)


def said(source: str, catalogue: Catalogue = CATALOGUE) -> list[tuple[str, str, int]]:
    return [
        (one.kind, source[one.span.start : one.span.end], one.span.line)
        for one in check(source, catalogue).diagnostics
    ]


def test_catalogue_knows_tools_models_and_connections() -> None:
    source = """defaults { "model": "openai:gpt-5" }
a { goal: "x", model: "gpt-4o", fallbacks: ["anthropic:claude-sonet-4-5", "demo:any"],
  tools: [web_search, fetch], can_request: "mail",
  trigger: ["db_event:shop/orders", "db_event:shopp/orders"], output: { n: number } }
chain { use web_serch with { query: "x" } a }"""

    assert said(source) == [
        ("unknown_model", '"openai:gpt-5"', 1),
        ("unknown_model", '"anthropic:claude-sonet-4-5"', 2),
        ("unknown_tool", "fetch", 3),
        ("unknown_tool", '"mail"', 3),
        ("unknown_connection", '"db_event:shopp/orders"', 4),
        ("unknown_tool", "web_serch", 5),
    ]
    assert check(source, CATALOGUE).ok


ABLE = {
    "big": Ability(tools=True, context=200_000),
    "small": Ability(tools=True, context=8_000),
    "plain": Ability(tools=False, context=200_000),
}


def test_a_fallback_that_can_do_less_is_told_where_it_stands() -> None:
    source = """defaults { model: "big", fallbacks: ["small"] }
a { goal: "x", tools: [fetch], fallbacks: ["plain", "big", "nobody:knows"] }
b { goal: "x", fallbacks: ["plain"] }
c { goal: "x", tools: [fetch] }
d { goal: "x", output: { n: number } }
chain { a b c d }"""

    assert said(source, Catalogue(ability=ABLE.get)) == [
        ("smaller_context", '"small"', 1),
        ("fallback_without_tools", '"plain"', 2),
    ]
    report = check(source, Catalogue(ability=ABLE.get))
    assert report.ok
    assert "`small` reads 8,000 tokens at most, `big` 200,000." in report.diagnostics[0].message


def test_nothing_is_said_about_an_unknown_catalogue() -> None:
    source = "a { goal: 'x', model: 'x:y', tools: [z], output: { n: number } }"

    assert said(source, Catalogue()) == []


def test_names_are_not_judged_while_the_text_cannot_be_read() -> None:
    source = 'a { goal: "", tools: [nope] }\nchain { a nobody => x }\nchain { ] }'

    assert [kind for kind, _, _ in said(source)] == ["missing_goal", "unexpected_token"]


def test_types_are_followed_through_maps_loops_and_variables() -> None:
    source = """list { goal: "x", output: { items: "array<object { title: string }>" } }
show { goal: "y", input: { title: string }, output: { text: string } }
chain {
  list => all
  map result.items { show with { t: item.titel } } => texts
  select { first: $texts[0].txt, count: $all.item, ok: "$texts[0].text" }
  if ("result.ok == 1 && result.none") { show with { t: result.first } } else { show }
}"""

    assert said(source) == [
        ("chain_type_mismatch", "item.titel", 5),
        ("chain_type_mismatch", "$texts[0].txt", 6),
        ("chain_type_mismatch", "$all.item", 6),
        ("chain_type_mismatch", "result.none", 7),
        ("chain_type_mismatch", "show", 7),
        ("chain_type_mismatch", "show", 7),
    ]


def test_variables_are_followed_through_every_construct() -> None:
    source = """a { goal: "x", output: { n: number } }
chain {
  a => one
  parallel { a => two a with { n: $one } }
  loop (max: 2, until: "$three.n > 1") { a => three }
  if ("$two.n > 1") { a => four } else { a => four }
  route (a) { x: { a => five } y: a => five }
  try { a => six } finally { a with { n: $six } }
  map $one.list { a => seven }
  a => eight on_error skip
  a with { a: $four b: $five c: $six d: $seven e: $eight f: $user.name }
}"""

    assert [one for one in said(source) if one[0] != "chain_type_mismatch"] == [
        ("maybe_unset_variable", "$six", 8),
        ("maybe_unset_variable", "$seven", 11),
    ]


def test_place_inside_a_quoted_text_is_exact() -> None:
    source = 'a { goal: "x", output: { n: number } }\nif ("\\"\\n\\" == $nope.x") { a }'

    assert ("unknown_variable", "$nope.x", 2) in said(source)


def test_text_form_of_a_diagnostic() -> None:
    source = 'a {\n\t"goal": ""\n}'
    (found, *_) = [one for one in check(source).diagnostics if one.severity == "error"]

    assert format_diagnostic(found, source) == (
        "The goal of `a` is blank.\n"
        "at line 2, column 10\n"
        "\n"
        '  \t"goal": ""\n'
        "  \t        ^\n"
        "hint: Say what the entity is to do."
    )


def test_flood_of_mistakes_is_cut() -> None:
    report = check("a { goal: 'x' } chain {" + "nobody " * 5000 + "}")

    assert not report.ok
    assert len(report.diagnostics) <= 1100


def thousand_lines(times: int) -> str:
    block = """worker_{n} {{
  "goal": "Do the thing number {n} and return it"
  "model": "openai:gpt-4o"
  "tools": ["web_search", "fetch_url"]
  "output": {{
    "score": "number(0, 10)"
    "title": "?string"
  }}
}}

chain {{
  worker_{n}
  if ("result.score > 5") {{ worker_{n} }} else {{ worker_{n} with {{ t: result.title }} }}
  loop ("until": "result.score > 8", "max": 3) {{ worker_{n} }} => v{n}
  merge {{ a: $v{n}.title, b: "result.score" }}
}}

# Between two workers,
# and before the next one.

"""
    return "".join(block.format(n=number) for number in range(50 * times))


def seconds(source: str) -> float:
    start = time.process_time()
    check(source, CATALOGUE)
    return time.process_time() - start


@pytest.mark.parametrize("catalogue", [Catalogue(), CATALOGUE], ids=["open", "known"])
def test_long_program_is_sound(catalogue: Catalogue) -> None:
    assert check(thousand_lines(1), catalogue).ok


def test_thousand_lines_are_checked_while_a_key_is_pressed() -> None:
    source = thousand_lines(1)
    assert source.count("\n") == 1000

    assert min(seconds(source) for _ in range(5)) <= 0.040


@pytest.mark.slow
def test_time_grows_with_the_length() -> None:
    short = min(seconds(thousand_lines(1)) for _ in range(5))
    long = min(seconds(thousand_lines(10)) for _ in range(3))

    assert long < 25 * short
