"""Numbers as people read them."""

import pytest

from frontend import format as words
from frontend.components.badges import drawing, initials
from frontend.pages.flow import flow_of


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (None, ""),
        (0.4, "<1 ms"),
        (38, "38 ms"),
        (1234, "1.23 s"),
        (12_345, "12.3 s"),
        (61_000, "1 m 01 s"),
        (3_700_000, "1 h 01 m"),
    ],
)
def test_duration(milliseconds: float | None, text: str) -> None:
    assert words.duration(milliseconds) == text


@pytest.mark.parametrize(
    ("cost", "text"),
    [
        (None, ""),
        ("0", "$0"),
        ("0.00002", "<$0.0001"),
        ("0.00391", "$0.0039"),
        ("0.4136", "$0.414"),
        ("1234.5", "$1,234.50"),
        ("not money", ""),
    ],
)
def test_money(cost: str | None, text: str) -> None:
    assert words.money(cost) == text


def test_counted_tokens_are_marked_as_an_estimate() -> None:
    assert words.spent({"cost": "0.5", "estimated": True}) == "≈ $0.500"
    assert words.spent({"cost": None, "estimated": False}) == ""


def test_face_of_a_bot_is_a_drawing_or_its_initials() -> None:
    assert drawing("newspaper") == "newspaper"
    assert drawing("✍️") == "pen-line"
    assert drawing("🦑") is None
    assert initials("weekly-revenue report") == "WR"
    assert initials("") == "B"


def test_flow_shows_steps_in_order_and_pairs_side_by_side() -> None:
    nodes = [
        {"id": "c", "data": {"name": "editor"}, "position": {"x": 380, "y": 100}},
        {"id": "b", "data": {"name": "critic"}, "position": {"x": 0, "y": 290}},
        {"id": "a", "data": {"name": "reader"}, "position": {"x": 0, "y": 100}},
    ]
    assert flow_of({"nodes": nodes}) == [
        {
            "branches": [
                {"name": "reader", "kind": "baleybot"},
                {"name": "critic", "kind": "baleybot"},
            ]
        },
        {"name": "editor", "kind": "baleybot"},
    ]
    assert flow_of(None) == []


def test_a_cost_that_is_not_known_is_not_called_nothing() -> None:
    assert words.spent({"cost": "0", "unpriced": True}) == "unpriced"
    assert words.spent({"cost": "0.02", "unpriced": True}) == "$0.020 + unpriced"
    assert words.spent({"cost": "0", "unpriced": False}) == "$0"
