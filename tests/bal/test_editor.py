"""Hover, definition, signature, outline and folding: what any editor may ask about a text."""

from __future__ import annotations

from server.bal.completion import Known, ToolDoc
from server.bal.definition import definition, name_at, references
from server.bal.hover import hover
from server.bal.outline import folds, outline
from server.bal.signature import signature

SOURCE = """\
# two lines
# of remarks
writer {
  "goal": "Write about {{topic}}",
  "model": "gpt-4o",
  "tools": ["web_search"],
  "output": { "score": "number(0, 10)" }
}
judge { "goal": "Judge", "trigger": "bb_completion:writer" }

chain {
  writer => $draft
  if ("contains(result.text, 'x') and {{writer.score}} > 5") {
    judge with { "text": $draft.text, "more": "see $draft" }
  }
  use send_mail with { "to": "me", "subject": "Hi" }
}
"""
KNOWN = Known(
    tools=(
        ToolDoc("web_search", "Searches the web."),
        ToolDoc(
            "send_mail",
            "Sends a mail.",
            {
                "properties": {
                    "to": {"type": "string", "description": "The address."},
                    "subject": {"type": "string"},
                },
                "required": ["to"],
            },
        ),
    )
)


def at(text: str, occurrence: int = 0) -> int:
    place = -1
    for _ in range(occurrence + 1):
        place = SOURCE.index(text, place + 1)
    return place


def shown(text: str, occurrence: int = 0) -> str:
    found = hover(SOURCE, at(text, occurrence), KNOWN)
    return "" if found is None else found.text


def test_hover_tells_what_a_word_means() -> None:
    assert shown('"model"').startswith("**model**\n\nThe model, as provider:model")
    assert "tools: web_search" in shown("writer =>")
    assert "output: score: number(0, 10)" in shown("writer =>")
    assert shown("web_search") == "**web_search**\n\nSearches the web."
    assert "`to: string` The address.\n\n`subject?: string`" in shown("send_mail")
    assert shown("chain").startswith("**chain**\n\nRuns the steps one after the other")
    assert shown("contains").startswith("**contains**\n\nWhether the text")
    assert shown("result.text").startswith("**result**")
    assert shown("number(0").startswith("**number**")
    assert shown("$draft.text") == "**$draft**\n\nThe value of a step, kept in line 12."
    assert shown("Write about") == ""
    assert shown("# two") == ""


def test_hover_knows_its_place() -> None:
    found = hover(SOURCE, at("writer.score") + 2, KNOWN)
    assert found is not None
    assert (found.span.line, found.span.column, found.span.end_column) == (13, 41, 47)
    assert found.to_json()["endLine"] == 13


def test_definition_and_references_of_an_entity() -> None:
    place = definition(SOURCE, at("writer =>") + 3)
    assert place is not None
    assert (place.line, place.column) == (3, 1)
    assert [span.line for span in references(SOURCE, at("writer {"))] == [3, 9, 12, 13]


def test_definition_and_references_of_a_variable() -> None:
    place = definition(SOURCE, at("$draft.text") + 1)
    assert place is not None
    assert (place.line, place.column) == (12, 13)
    assert [span.line for span in references(SOURCE, place.start)] == [12, 14, 14]


def test_a_word_in_a_goal_is_no_reference() -> None:
    assert name_at(SOURCE, at("Write about") + 2) is None
    assert definition(SOURCE, at("send_mail")) is None


def test_signature_of_a_tool_follows_the_cursor() -> None:
    at_subject = signature(SOURCE, at('"Hi"'), KNOWN)
    assert at_subject is not None
    assert [one.name for one in at_subject.parameters] == ["to", "subject"]
    assert [one.required for one in at_subject.parameters] == [True, False]
    assert at_subject.active == 1
    at_key = signature(SOURCE, at('"to"'), KNOWN)
    assert at_key is not None
    assert at_key.to_json()["active"] == -1


def test_signature_of_a_function_counts_commas() -> None:
    found = signature(SOURCE, at("'x'"), KNOWN)
    assert found is not None
    assert (found.name, found.active) == ("contains", 1)
    assert signature(SOURCE, at("and {{"), KNOWN) is None


def test_outline_is_the_tree_of_the_program() -> None:
    symbols = outline(SOURCE)
    assert [(one.kind, one.name) for one in symbols] == [
        ("definition", "writer"),
        ("definition", "judge"),
        ("chain", "chain"),
    ]
    steps = symbols[2].to_json()["children"]
    assert [step["name"] for step in steps] == ["writer", "if", "send_mail"]
    assert steps[1]["children"][0]["key"] == "chain/if/then/judge"


def test_braces_and_remarks_fold() -> None:
    assert folds(SOURCE) == ((1, 2), (3, 8), (11, 17), (13, 15))


def test_at_every_place_of_a_broken_text_the_answers_lie_where_the_cursor_is() -> None:
    broken = SOURCE.replace('"Judge"', '"Judge').replace("}\n  use", "\n  use")
    for offset in range(len(broken) + 1):
        shown = hover(broken, offset, KNOWN)
        assert shown is None or (shown.span.start <= offset <= shown.span.end and shown.text)
        named = name_at(broken, offset)
        assert named is None or named.span.start <= offset <= named.span.end
        asked = signature(broken, offset, KNOWN)
        assert asked is None or -1 <= asked.active < len(asked.parameters)
    assert "writer" in [symbol.name for symbol in outline(broken)]
    lines = broken.count("\n")
    assert all(0 <= first < last <= lines for first, last in folds(broken))
