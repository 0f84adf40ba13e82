"""What a run cost, in a word: exact, about, or not known, and never free by mistake."""

from __future__ import annotations

from typing import Any

import pytest

from server.cli.run import cost_words


@pytest.mark.parametrize(
    ("usage", "words"),
    [
        ({"cost": "0.001500000"}, "$0.0015"),
        ({"cost": "0.000000000"}, "$0.00"),
        ({"cost": "0.001500000", "estimated": True}, "≈ $0.0015"),
        ({"cost": None, "unpriced": True}, "unpriced"),
        ({"cost": "0.000000000", "unpriced": True}, "unpriced"),
        ({"cost": "0.250000000", "unpriced": True}, "$0.25 + unpriced"),
        ({"cost": None}, ""),
    ],
)
def test_cost_in_words(usage: dict[str, Any], words: str) -> None:
    assert cost_words(usage) == words
