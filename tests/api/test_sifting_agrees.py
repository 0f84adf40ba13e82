"""What is left out of a document before it is validated changes no verdict: of documents that are
made by chance ours is the same as that of graphql-core, which looks at all of each.

By hand, with as many as there is time for: `python -m tests.api.test_sifting_agrees 100000`."""

from __future__ import annotations

import sys
from collections import Counter
from unittest.mock import patch

from graphql import GraphQLError, parse, validate
from hypothesis import given, note
from hypothesis.strategies import integers

from server.api import limits, literals, selections
from server.api.schema import schema
from server.api.variables import RULES
from tests.api.growing import document
from tests.support.examples import examples

SCHEMA = schema._schema
BEYOND = {"LIMIT_REACHED", "TOO_LARGE"}


def ours(text: str) -> bool | None:
    """Accepted, refused, or beyond a limit, of which the library knows nothing."""
    errors = limits.prepare(SCHEMA, text).errors
    if any((one.extensions or {}).get("code") in BEYOND for one in errors):
        return None
    return not errors


def done_as_to_large_ones(text: str) -> list[bool | None]:
    """What is meant for large documents, as if this were one, or one that is too large."""
    with patch.object(limits, "FEW", 0), patch.object(literals, "_SHORT", 3):
        first = ours(text)
        with patch.object(selections, "MOST", 12), patch.object(selections, "ENOUGH", 1):
            return [first, ours(text)]


def theirs(text: str) -> bool:
    try:
        return not validate(SCHEMA, parse(text), RULES, max_errors=1)
    except GraphQLError:
        return False


@examples(200, deadline=None)
@given(seed=integers(min_value=0, max_value=2**64))
def test_made_documents_are_accepted_and_refused_alike(seed: int) -> None:
    text = document(SCHEMA, seed)
    note(text)
    expected = theirs(text)
    assert ours(text) in (expected, None)
    assert {*done_as_to_large_ones(text)} <= {expected, None}


def by_hand(many: int, first: int) -> None:
    told: Counter[str] = Counter()
    for seed in range(first, first + many):
        text = document(SCHEMA, seed)
        expected = theirs(text)
        for way, verdict in enumerate([ours(text), *done_as_to_large_ones(text)]):
            told[f"{way}: {verdict}"] += 1
            if verdict not in (expected, None):
                sys.stdout.write(f"{seed}, {way}: {verdict} is wrong of {text!r}\n")
    sys.stdout.write(f"{dict(told)}\n")


if __name__ == "__main__":
    by_hand(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
