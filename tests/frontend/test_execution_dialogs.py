"""What the dialogs around executions send, and no more."""

import pytest

from frontend.client import ClientError
from frontend.pages.execution_dialogs import changes_of, data_of
from frontend.pages.limits import shown, values_of
from frontend.pages.retention_dialog import fields_of, rule_of

NOW = {"goal": "Sum up", "description": None, "notes": None, "tools": ["wait"]}


def test_only_what_was_changed_is_sent() -> None:
    same = {"goal": "Sum up", "description": "", "notes": "", "tools": "wait"}
    assert changes_of(NOW, same) == {}
    assert changes_of(NOW, {**same, "notes": "Shorter."}) == {"notes": "Shorter."}
    assert changes_of(NOW, {**same, "tools": " wait, ask ,"}) == {"tools": ["wait", "ask"]}
    assert changes_of(NOW, {**same, "tools": ""}) == {"tools": []}


def test_data_of_an_event_is_json_or_a_text_but_no_broken_json() -> None:
    assert data_of('{"id": 7}') == {"id": 7}
    assert data_of("paid in full") == "paid in full"
    with pytest.raises(ClientError, match="no JSON"):
        data_of('{"id": 7')


def test_a_limit_that_is_left_empty_goes_back_to_the_products_own() -> None:
    given = {"seconds": "60", "steps": "", "calls": "0", "tokens": "5000", "cost": "0.5"}
    assert values_of(given) == {"seconds": 60, "calls": 0, "tokens": "5000", "cost": "0.5"}
    assert [shown("cost", "0"), shown("seconds", 3600), shown("steps", 10000)] == [
        "No limit",
        "1 h 00 m",
        "10,000",
    ]


def test_a_rule_of_retention_is_taken_away_or_set_whole() -> None:
    assert rule_of({"rule": "inherit", "maxAgeDays": "3"}) == {"inherit": True}
    own = {"rule": "own", "maxAgeDays": "30", "maxCount": "", "statuses": ["FAILED"]}
    assert rule_of(own) == {"maxAgeDays": 30, "statuses": ["FAILED"]}
    assert fields_of(None)[0]["value"] == "inherit"
