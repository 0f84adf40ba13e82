"""Cursors, money, JSON as text, errors."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core import errors
from server.core.errors import AppError, ErrorCode, Invalid
from server.core.ids import new_uuid
from server.core.jsontext import dumps, loads
from server.core.money import from_decimal, round_half_even, to_decimal_text, token_cost
from server.core.paging import Cursor, decode_cursor, encode_cursor, page_size

CONTRACT_CODES = """UNAUTHENTICATED, FORBIDDEN, NOT_FOUND, INVALID_INPUT, BAL_INVALID, CONFLICT,
ALREADY_DECIDED, INVALID_STATE, IDEMPOTENCY_MISMATCH, LIMIT_REACHED, RATE_LIMITED,
BUDGET_EXCEEDED, TOO_LARGE, UNAVAILABLE, UPSTREAM_FAILED, INTERNAL"""


@pytest.mark.parametrize("key", ["name", 7, None, datetime(2026, 1, 2, 3, 4, 5, 6, UTC), "Größe"])
def test_a_cursor_reads_back(key: Any) -> None:
    row_id = new_uuid()
    assert decode_cursor(encode_cursor(key, row_id)) == Cursor(key, row_id)


@given(st.text(max_size=60))
def test_a_cursor_of_somebody_else_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        decode_cursor(text, path="before")
    assert caught.value.path == ("before",)


@pytest.mark.parametrize(
    "inside", ['["v",1.5,"x"]', '["t","now",""]', "{}", '["v",1]', '["v",[],"0"]', "[" * 600]
)
def test_a_forged_cursor_is_refused(inside: str) -> None:
    import base64

    with pytest.raises(Invalid):
        decode_cursor(base64.urlsafe_b64encode(inside.encode()).decode())


@pytest.mark.parametrize("first", [-1, 101, 10**6])
def test_a_page_has_a_limit(first: int) -> None:  # S19
    with pytest.raises(Invalid, match="0 to 100"):
        page_size(first)


def test_a_page_size_may_be_left_out() -> None:
    assert (page_size(None), page_size(0), page_size(100)) == (25, 0, 100)


def test_money_is_exact() -> None:
    price = Decimal("0.15")
    assert round_half_even(token_cost(1_000_000, price)) == from_decimal("0.15")
    assert to_decimal_text(from_decimal("12.3456789012")) == "12.345678901"
    assert to_decimal_text(0) == "0.000000000"
    assert to_decimal_text(-1_500_000_000, 2) == "-1.50"
    assert sum(from_decimal("0.1") for _ in range(10)) == from_decimal(1)


@pytest.mark.parametrize(
    ("nano", "text"), [(5, "0.00"), (15_000_000, "0.02"), (25_000_000, "0.02")]
)
def test_half_goes_to_even(nano: int, text: str) -> None:
    assert to_decimal_text(nano, 2) == text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(JSON)
def test_json_reads_back_in_order(value: Any) -> None:
    back = loads(dumps(value))
    assert back == value
    if isinstance(value, dict):
        assert list(back) == list(value)


@pytest.mark.parametrize("value", ["\ud800", {"\udfff": 1}, [2**80], float("nan"), {1: 2}])
def test_json_takes_what_models_and_tools_answer(value: Any) -> None:
    assert isinstance(dumps({"deep": [value]}), str)
    loads(dumps({"deep": [value]}))


def test_the_codes_are_those_of_the_contract() -> None:
    assert ", ".join(ErrorCode) == " ".join(CONTRACT_CODES.split())


def test_every_error_has_words_and_every_code_an_error() -> None:
    kinds = [each for each in vars(errors).values() if isinstance(each, type)]
    kinds = [each for each in kinds if issubclass(each, AppError)]
    assert {each.code for each in kinds} == set(ErrorCode)
    for kind in kinds:
        assert (kind.__doc__ or "").strip().endswith(".")


def test_the_tree_at_the_top_is_the_tree() -> None:
    drawn = {line.lstrip("│ ├└─").split(" ")[0] for line in (errors.__doc__ or "").splitlines()}
    kinds = [each for each in vars(errors).values() if isinstance(each, type)]
    assert {each.__name__ for each in kinds if issubclass(each, AppError)} <= drawn


def test_an_error_speaks_for_itself() -> None:
    assert str(errors.NotFound()) == "Not found."
    given = errors.Invalid("Too long.", path=["input", 3], hint="Cut it.")
    assert (str(given), given.path, given.hint) == ("Too long.", ("input", 3), "Cut it.")
    assert errors.Upstream("x", retryable=True, retry_after=3).retryable
