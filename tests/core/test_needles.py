"""Known texts are found in one pass, wherever they stand and however many there are."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core import needles as built_from
from server.core.logs import Redaction
from server.core.needles import Needles
from tests.support.examples import examples

MASK = "[hidden]"
LETTERS = "ab1\ud800😀"
WORDS = st.lists(st.text(LETTERS, min_size=1, max_size=4), max_size=12)


def _covered(text: str, words: Sequence[str]) -> list[bool]:
    """For each letter, whether one of the words lies over it: the plain way."""
    found = [False] * len(text)
    for word in words:
        for start in range(len(text) - len(word) + 1):
            if text.startswith(word, start):
                found[start : start + len(word)] = [True] * len(word)
    return found


@examples(60)
@given(WORDS, st.text(LETTERS, max_size=30))
def test_nothing_of_any_is_left_and_nothing_else_is_taken(words: list[str], text: str) -> None:
    needles = Needles()
    for word in words:  # one by one: many generations of the automata
        needles.add([word])
        needles.within(text)
    covered = _covered(text, words)
    assert needles.within(text) == any(covered)
    left = needles.without(text, "\0").replace("\0", "")
    assert left == "".join(letter for letter, gone in zip(text, covered, strict=True) if not gone)


def test_thousands_are_found_whenever_they_came() -> None:
    needles = Needles()
    words = [f"<{number:05}>" for number in range(3_000)]
    for word in words:
        needles.add([word])
        assert needles.within(f"a{word}b")
    assert needles.without("".join(words), MASK) == MASK * len(words)
    assert not needles.within("<03000>")


def test_secrets_that_overlap_leave_nothing() -> None:
    redaction = Redaction(["1234567890abcd", "abcdefghijkl99"])
    assert redaction.kept("x 1234567890abcdefghijkl99 y") == f"x {MASK} y"
    assert redaction.text("1234567890abcdefghijkl99") == MASK


def test_what_may_be_the_beginning_of_a_secret_is_held_back() -> None:
    redaction = Redaction(["1234567890abcd", "abcdefghijkl99"])
    assert redaction.whole("said 12345") == len("said ")
    assert redaction.whole("said 12x45") == len("said 12x45")
    # The second may begin inside the first: the first is not cut in two.
    assert redaction.whole("said 1234567890abcd") == len("said ")


def test_a_thread_that_looks_while_they_are_built_finds_what_was_added(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    needles, looks = Needles(), list[Future[str]]()
    needles.add(f"known-{number}" for number in range(20))
    assert needles.within("a known-7")
    build: Any = built_from._built
    with ThreadPoolExecutor(1) as threads:

        def slowly(texts: set[str]) -> Any:
            looks.append(threads.submit(needles.without, "their new-secret", MASK))
            wait(looks, timeout=0.1)
            return build(texts)

        monkeypatch.setattr(built_from, "_built", slowly)
        needles.add(["new-secret"])
        assert needles.without("a new-secret", MASK) == f"a {MASK}"
    assert [look.result() for look in looks] == [f"their {MASK}"]
