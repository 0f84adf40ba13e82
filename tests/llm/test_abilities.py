"""What a model can do, by the name that a program writes."""

from __future__ import annotations

import pytest

from server.llm.abilities import ability_of


@pytest.mark.parametrize("name", ["openai:gpt-4o", "gpt-4o", "OpenAI:gpt-4o"])
def test_a_known_model(name: str) -> None:
    able = ability_of(name)
    assert able is not None
    assert able.tools
    assert able.context == 128_000


@pytest.mark.parametrize("name", ["openai:nobody", "nobody", "demo:standard", ""])
def test_nothing_is_known_of_others(name: str) -> None:
    assert ability_of(name) is None
