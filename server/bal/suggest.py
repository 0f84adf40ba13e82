"""What was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

# Comparing with more names than this costs more than a guess is worth.
_MAX_CANDIDATES = 400


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that looks most like this one; None when none does."""
    if len(word) > 60:
        return None
    candidates = list(islice((name for name in known if name != word), _MAX_CANDIDATES))
    lowered = {name.lower(): name for name in reversed(candidates)}
    same = lowered.get(word.lower()) or lowered.get(word.lower().replace("-", "_"))
    if same:
        return same
    found = get_close_matches(word.lower(), list(lowered), n=1, cutoff=0.7)
    return lowered[found[0]] if found else None


def closest(word: str, known: Iterable[str]) -> str | None:
    """The sentence for a hint: "Did you mean `researcher`?"; None when nothing is near."""
    name = nearest(word, known)
    return f"Did you mean `{name}`?" if name else None
