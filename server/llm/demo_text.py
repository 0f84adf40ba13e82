"""What the demo model can honestly do with text: cut, count, choose. No word of it is invented."""

from __future__ import annotations

import re
from collections import Counter

_SENTENCE_END = re.compile(
    r"(?<=[.!?…])[\"'”’)\]]*\s+(?=[\"'“‘(\[]*[A-Z0-9À-ÖØ-Þ])|\n{2,}|\n(?=[-*•#\d])"
)
_ABBREVIATION = re.compile(
    r"\b(?:no|nos|mr|mrs|ms|dr|prof|st|vs|approx|inc|ltd|e\.g|i\.e|etc|fig|p|pp|ca)\.$",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:[.,]\d{3})*(?:\.\d+)?(?![\w])")

_COMMON = frozenset(
    "a about after all also an and any are as at be because been before being between both but by "
    "can could did do does doing down each few for from further had has have having he her here "
    "hers him his how i if in into is it its just like made make many may me might more most much "
    "must my no nor not now of off on once one only or other our ours out over own same she should "
    "since so some such than that the their theirs them then there these they this those through "
    "to too two under until up upon us very was we were what when where which while who whom why "
    "will with within without would you your yours new said says say per via than yet ever".split()
)

_POSITIVE = frozenset(
    "amazing best better brilliant delighted easy enjoy excellent fantastic fast friendly "
    "glad good great happy helpful impressed improved love loved nice perfect pleased recommend "
    "perfectly reliable smooth success superb thank thanks well wonderful works".split()
)
_NEGATIVE = frozenset(
    "angry awful bad broke broken bug complaint crash crashed damaged delay delayed disappointed "
    "error fail failed failure frustrated hate horrible issue late lost never not poor problem "
    "refund slow sorry terrible unable unacceptable unhappy upset worse worst wrong".split()
)


def words(text: str) -> list[str]:
    return _WORD.findall(text)


def sentences(text: str) -> list[str]:
    found: list[str] = []
    for part in _SENTENCE_END.split(text.strip()):
        plain = " ".join(part.split())
        if found and _ABBREVIATION.search(found[-1]):
            found[-1] += f" {plain}"
        elif plain:
            found.append(plain)
    return found


def keywords(text: str, limit: int = 6) -> list[str]:
    """The words that carry the text: frequent, not common, the earlier one first among equals."""
    found = [word for word in words(text) if len(word) > 2 and not word.isdigit()]
    counts = Counter(word.lower() for word in found if word.lower() not in _COMMON)
    written = {word.lower(): word for word in reversed(found)}
    return [written[word] for word, _ in counts.most_common(limit)]


def summary(text: str, count: int = 3) -> list[str]:
    """The sentences that hold most of the text's own frequent words, in their order."""
    found = list(dict.fromkeys(sentences(text)))
    if len(found) <= count:
        return found
    counts = Counter(w for w in map(str.lower, words(text)) if w not in _COMMON and len(w) > 2)
    scores = [_weight(sentence, index, counts) for index, sentence in enumerate(found)]
    best = sorted(range(len(found)), key=lambda index: (-scores[index], index))[:count]
    return [found[index] for index in sorted(best)]


def _weight(sentence: str, index: int, counts: Counter[str]) -> float:
    own = {word.lower() for word in words(sentence)}
    total = sum(counts[word] for word in own)
    return (total / (len(own) + 4)) * (1.6 if index == 0 else 1.0)


def headline(text: str, limit: int = 9) -> str:
    """The first sentence, shortened to `limit` words, without its full stop."""
    found = sentences(text)
    if not found:
        return "Nothing given"
    parts = found[0].lstrip("#-*• ").split()
    short = " ".join(parts[:limit]).rstrip(".,;:!?")
    return short + ("…" if len(parts) > limit else "")


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, cut between words where that is possible."""
    if len(text) <= limit:
        return text
    if limit < 2:
        return text[:limit]
    cut = text[: limit - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut[limit // 2 :] else cut).rstrip(",;:") + "…"


def numbers(text: str) -> list[float]:
    return [float(found.replace(",", "")) for found in _NUMBER.findall(text)]


def mood(text: str) -> float:
    """From -1 (all complaint) to 1 (all praise), by counting words of both kinds."""
    found = [word.lower() for word in words(text)]
    good = sum(word in _POSITIVE for word in found)
    bad = sum(word in _NEGATIVE for word in found)
    return 0.0 if good + bad == 0 else (good - bad) / (good + bad)


def repeated_words(text: str, limit: int = 3) -> list[tuple[str, int]]:
    counts = Counter(w for w in map(str.lower, words(text)) if w not in _COMMON and len(w) > 3)
    return [(word, count) for word, count in counts.most_common(limit) if count > 2]
