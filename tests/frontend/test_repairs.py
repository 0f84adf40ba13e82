"""Every action that a diagnosis can offer is one that the pages know what to do with."""

from pathlib import Path

import pytest

from server.healing.diagnosis import ASKS_MODELS, EDITABLE, KINDS, LABELS, LIMITED, Diagnosis
from server.healing.diagnosis import OTHER as UNKNOWN

JS = Path(__file__).parents[2] / "frontend" / "js" / "src" / "run"
TYPES = (None, "entity", "route", "use", "tool", "map")
# What a question about a failure has as its own choices, and what the page leads to before it.
CHOICES = {"retry", "skip", "edit_and_retry"}
FIRST = {"other_model", "reconnect", "raise_limit", "raise_budget"}


@pytest.mark.parametrize("word", LABELS)
def test_pages_know_its_name_and_what_it_does(word: str) -> None:
    assert f"{word}: [" in (JS / "Failure.jsx").read_text()
    assert f"{word}: " in (JS / "repairs.js").read_text()


def test_what_is_offered_works_at_that_step() -> None:
    found: list[Diagnosis] = [*KINDS.values(), *LIMITED.values(), UNKNOWN]
    for one in found:
        for step_type in TYPES:
            for waits in (False, True):
                actions = set(one.at(step_type, waits=waits).actions)
                assert 2 <= len(actions) <= 3, (one, step_type, waits)
                assert actions <= LABELS.keys()
                if step_type is not None and step_type not in ASKS_MODELS:
                    assert "other_model" not in actions
                if waits:
                    assert actions <= CHOICES | FIRST
                    assert step_type in EDITABLE or "edit_and_retry" not in actions
                elif step_type == "tool":  # it is done again with its entity
                    assert "skip" not in actions
