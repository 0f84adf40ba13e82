"""What an editor asks about a text that nobody has stored."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.front import Api

SOURCE = """writer { "goal": "Write", "output": { "score": "number" } }
judge { "goal": "Judge" }
chain {
  writer => draft
  # größer 😀
  gate ("$draft.score > 5") { judge }
}
"""
ASSIST = """query($source: BalSource!, $offset: Int!) {
  balAssist(source: $source, offset: $offset) {
  completions { label kind detail doc insert from to } hover { text from to }
  definition { from to } signature } }"""
COMPARE = """query($old: String!, $new: String!) { compareBal(old: $old, new: $new) {
  changes { kind subject sentence } summary } }"""
EDIT = """query($source: BalSource!, $edit: JSON!) { editBal(source: $source, edit: $edit) {
  source replacements { from to text } errors { code message path } } }"""


async def assist(api: Api, source: str, offset: int) -> dict[str, Any]:
    return (await api.data(ASSIST, source=source, offset=offset))["balAssist"]


async def test_what_may_stand_at_the_cursor(api: Api) -> None:
    place = SOURCE.index("judge }") + 2
    found = await assist(api, SOURCE, place)
    (judge,) = [item for item in found["completions"] if item["label"] == "judge"]
    assert (judge["kind"], judge["doc"], judge["insert"]) == ("entity", "Judge", "judge")
    assert (judge["from"], judge["to"]) == (place - 2, place)


async def test_tools_and_models_of_the_workspace_are_offered(api: Api) -> None:
    tools = 'a { "goal": "A", "tools": ["sto'
    found = await assist(api, tools, len(tools))
    assert [item["insert"] for item in found["completions"]] == ["store_memory"]
    models = 'a { "goal": "A", "model": "demo'
    found = await assist(api, models, len(models))
    assert found["completions"]


async def test_what_a_word_means_and_where_it_is_defined(api: Api) -> None:
    place = SOURCE.index("judge }")
    found = await assist(api, SOURCE, place)
    assert "Judge" in found["hover"]["text"]
    span = found["definition"]
    assert SOURCE[span["from"] : span["to"]] == "judge"
    assert span["from"] == SOURCE.index("judge {")


async def test_a_variable_leads_to_where_it_is_kept(api: Api) -> None:
    found = await assist(api, SOURCE, SOURCE.index("$draft") + 2)
    span = found["definition"]
    assert span["from"] == SOURCE.index("draft")


@pytest.mark.parametrize(("offset", "there"), [(-5, {"from": 0, "to": 6}), (10_000_000, None)])
async def test_a_place_outside_the_text_is_its_end_or_beginning(
    api: Api, offset: int, there: object
) -> None:
    found = await assist(api, SOURCE, offset)
    assert found["definition"] == there


async def test_arguments_of_a_tool_are_explained(api: Api) -> None:
    source = 'use store_memory with { "key": 1, '
    found = await assist(api, source, len(source))
    assert found["signature"]["name"] == "store_memory"


async def test_two_programs_are_compared_in_words(api: Api) -> None:
    new = SOURCE.replace('"Write",', '"Write", "model": "demo:standard",')
    found = (await api.data(COMPARE, old=SOURCE, new=new))["compareBal"]
    assert found["summary"] == "writer now uses demo:standard"
    assert found["changes"] == [
        {"kind": "model_changed", "subject": "writer", "sentence": "writer now uses demo:standard"}
    ]
    same = (await api.data(COMPARE, old=SOURCE, new=f"# a remark\n{SOURCE}"))["compareBal"]
    assert same == {"changes": [], "summary": ""}


async def test_a_program_that_cannot_be_read_is_not_compared(api: Api) -> None:
    answer = await api.answer(COMPARE, old=SOURCE, new="writer {")
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "BAL_INVALID"
    assert "line 1 of `new`" in error["message"]


async def test_an_edit_changes_only_what_it_must(api: Api) -> None:
    edit = {"edit": "set_property", "entity": "judge", "key": "goal", "value": "Judge it"}
    found = (await api.data(EDIT, source=SOURCE, edit=edit))["editBal"]
    assert found["errors"] == []
    assert found["source"] == SOURCE.replace('"Judge"', '"Judge it"')
    (change,) = found["replacements"]
    assert SOURCE[change["from"] : change["to"]] in '"Judge"'


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        ({"edit": "delete_entity", "entity": "nobody"}, "no entity `nobody`"),
        ({"edit": "teleport"}, "There is no edit `teleport`"),
        ({"edit": "add_step", "text": 5}, "`text` of the edit `add_step` is a text"),
        (["not", "an", "object"], "An edit is an object"),
    ],
)
async def test_a_refused_edit_says_why_and_leaves_the_text(api: Api, edit: Any, says: str) -> None:
    found = (await api.data(EDIT, source=SOURCE, edit=edit))["editBal"]
    assert found["source"] == SOURCE
    (error,) = found["errors"]
    assert (error["code"], error["path"]) == ("INVALID_INPUT", ["edit"])
    assert says in error["message"]


async def test_a_tool_that_the_workspace_has_not_earns_a_warning(api: Api) -> None:
    document = (
        "query($source: BalSource!) { previewBalChange(source: $source) { diagnostics { kind } } }"
    )
    source = (
        'a { "goal": "A", "tools": ["store_memory", "no_such_tool"] "output": { "x": "string" } }'
    )
    found = (await api.data(document, source=source))["previewBalChange"]
    assert [one["kind"] for one in found["diagnostics"]] == ["unknown_tool"]


async def test_a_text_that_is_too_long_is_refused(api: Api) -> None:
    answer = await api.answer(ASSIST, source="#" * 600_000, offset=0)
    assert answer["errors"][0]["extensions"]["code"] in ("TOO_LARGE", "LIMIT_REACHED")
