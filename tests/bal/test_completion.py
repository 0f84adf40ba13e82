"""What the editor offers at the cursor (`‸` in the fixtures)."""

from __future__ import annotations

import pytest

from server.bal.completion import Known, ToolDoc, complete
from tests.bal.cases import Case, read_cases

KNOWN = Known(
    tools=(
        ToolDoc("web_search", "Searches the web"),
        ToolDoc(
            "send_mail",
            "Sends a mail",
            {"properties": {"to": {"type": "string"}, "subject": {"type": "string"}}},
        ),
    ),
    models=("gpt-4o", "gpt-4o-mini", "claude"),
)


@pytest.mark.parametrize("case", read_cases("completion.txt"), ids=str)
def test_offers_what_may_stand_there(case: Case) -> None:
    before, _, after = case.parts["text"].partition("‸")
    found = complete(before + after, len(before), KNOWN)
    labels = {item.label for item in found.items}
    assert set(case.parts["offers"].split()) <= labels
    assert not labels & set(case.parts["hides"].split())


def test_a_key_is_inserted_with_its_quotes_and_colon() -> None:
    (item,) = complete("a { mod }", 7).items
    assert item.to_json() == {
        "label": "model",
        "kind": "property",
        "detail": '"model": "openai:gpt-4o-mini"',
        "doc": "The model, as provider:model or a bare model name.",
        "insert": '"model": ',
    }
    assert complete("a { mod }", 7).start == 4


def test_at_every_place_what_is_offered_begins_with_what_was_typed() -> None:
    source = 'a { goal: "x", tools: [b] }\nchain { map r.x[0] { a } use t with { "x": { y: 1 } } }'
    for offset in range(len(source) + 1):
        for text in (source, source[:offset]):
            found = complete(text, offset, KNOWN)
            assert 0 <= found.start <= offset
            typed = text[found.start : offset].lower()
            assert all(item.label.lower().startswith(typed) for item in found.items)
            assert len({item.label for item in found.items}) == len(found.items)
