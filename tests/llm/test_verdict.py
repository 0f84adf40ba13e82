"""What follows a failed attempt: a wait, the next model, or the end."""

from __future__ import annotations

import pytest

from server.llm.errors import ModelError, ModelErrorKind
from server.llm.verdict import Fail, NextModel, Wait, next_attempt


def error(
    kind: ModelErrorKind = ModelErrorKind.PROVIDER_UNAVAILABLE,
    *,
    retry_after: float | None = None,
    circuit_open: bool = False,
) -> ModelError:
    return ModelError(kind, "No.", retry_after=retry_after, circuit_open=circuit_open)


def full() -> float:
    return 1.0


def test_waits_double_and_are_jittered_from_nothing_to_all() -> None:
    waits = [next_attempt(n, (), error(), tries=10, jitter=full) for n in (1, 2, 3, 8)]
    assert waits == [Wait(1.0), Wait(2.0), Wait(4.0), Wait(60.0)]
    assert next_attempt(2, (), error(), jitter=lambda: 0.25) == Wait(0.5)


def test_three_attempts_then_the_next_model_then_the_end() -> None:
    assert isinstance(next_attempt(2, ("b",), error()), Wait)
    assert next_attempt(3, ("b", "c"), error()) == NextModel("b")
    assert next_attempt(3, (), error()) == Fail()


def test_what_time_does_not_help_goes_to_the_next_model_at_once() -> None:
    wrong_key = error(ModelErrorKind.PROVIDER_AUTH)
    assert next_attempt(1, ("b",), wrong_key) == NextModel("b")
    assert next_attempt(1, (), wrong_key) == Fail()


def test_what_the_provider_asks_for_wins() -> None:
    limited = error(ModelErrorKind.RATE_LIMITED, retry_after=7)
    assert next_attempt(1, ("b",), limited, jitter=lambda: 0.1) == Wait(7)


@pytest.mark.parametrize(("chain", "then"), [(("b",), NextModel("b")), ((), Wait(600))])
def test_a_long_wait_is_sat_out_only_where_no_other_model_is_left(
    chain: tuple[str, ...], then: object
) -> None:
    assert next_attempt(1, chain, error(retry_after=600)) == then


def test_a_provider_that_is_known_to_be_down_is_passed_by() -> None:
    down = error(retry_after=20, circuit_open=True)
    assert next_attempt(1, ("b",), down) == NextModel("b")
    assert next_attempt(1, (), down) == Wait(20)


def test_retries_of_the_entity_count() -> None:
    assert next_attempt(1, (), error(), tries=1) == Fail()
    assert isinstance(next_attempt(10, (), error(), tries=11), Wait)
