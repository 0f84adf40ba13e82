"""What the demo model writes for a goal: one small page per kind of work, made from the input.

The kind is told by the first word of the goal that names one. What a rule cannot do, such as
translating, is said plainly instead of being pretended.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from server.llm import demo_text

SIGNATURE = "*Demo model: cut from your own text by rules, offline and free.*"

# The parts of our pages that are not of the input.
_HEADING = re.compile(r"^(?:\*\*[^*]+\*\*(?:, on form alone)?|## .*)\s*")
_FURNITURE = re.compile(
    r"\*Demo model|The text has \d|Called |What matters:|It is a draft|What it would have to"
    r"|The demo model |The question is about|A real model |Hello [\w ]+,$|Thank you for"
)

Writer = Callable[[str, str], str]


def write(goal: str, text: str) -> str:
    """An answer to the goal over the text, signed so that nobody takes it for a real model's."""
    text = unsigned(text)
    body = _empty(goal) if not text else _writer_for(goal, text)(goal, text)
    return f"{body}\n\n{SIGNATURE}"


def unsigned(text: str) -> str:
    """What one bot hands to the next: of a page of our own only the lines cut from the input."""
    if SIGNATURE not in text:
        return text.strip()
    lines = (_HEADING.sub("", line) for line in text.splitlines())
    return "\n\n".join(
        line.strip("-> ").strip() for line in lines if line.strip() and not _FURNITURE.match(line)
    )


def _writer_for(goal: str, text: str) -> Writer:
    places = [(found.start(), make) for pattern, make in _KINDS if (found := pattern.search(goal))]
    if places:
        return min(places, key=lambda place: place[0])[1]
    return _question if text.rstrip().endswith("?") else _notes


def _empty(goal: str) -> str:
    return (
        f"The goal is “{demo_text.headline(goal, 14)}”, but no input came with it. "
        "Run it again with some text to work on."
    )


def _summary(goal: str, text: str) -> str:
    lines = demo_text.summary(text, 3)
    return f"**Summary.** {' '.join(lines)}\n\n{_facts(text)}"


def _points(goal: str, text: str) -> str:
    return f"**Key points**\n\n{_bullets(demo_text.summary(text, 5))}\n\n{_facts(text)}"


def _translation(goal: str, text: str) -> str:
    return (
        "The demo model cannot translate: it knows no language, it only cuts and counts text. "
        f"A real model is needed for this goal.\n\nWhat it would have to translate:\n\n"
        f"> {demo_text.shorten(text, 400)}\n\n{_facts(text)}"
    )


def _mood(goal: str, text: str) -> str:
    value = demo_text.mood(text)
    name = "positive" if value > 0.2 else "negative" if value < -0.2 else "neutral"
    topics = ", ".join(demo_text.keywords(text, 4)) or "none found"
    return (
        f"**{name.capitalize()}**, by counting praising and complaining words "
        f"({value:+.2f} on a scale from -1 to 1).\n\nTopics: {topics}."
    )


def _count(goal: str, text: str) -> str:
    found = demo_text.words(text)
    numbers = demo_text.numbers(text)
    lines = [
        f"{len(found)} words, {len({word.lower() for word in found})} different ones",
        f"{len(demo_text.sentences(text))} sentences",
        f"{len(text)} characters",
    ]
    if numbers:
        lines.append(f"{len(numbers)} numbers, their sum is {sum(numbers):,.10g}")
    return f"**Counted**\n\n{_bullets(lines)}"


def _review(goal: str, text: str) -> str:
    found = demo_text.sentences(text)
    longest = max(found, key=lambda one: len(demo_text.words(one)), default="")
    length = len(demo_text.words(longest))
    remarks = [f"{len(found)} sentences, {len(demo_text.words(text)) / len(found):.0f} words each"]
    if length > 25:
        remarks.append(f"Split the longest sentence ({length} words): “{longest[:80].rstrip()}…”")
    remarks += [f"“{word}” comes {n} times" for word, n in demo_text.repeated_words(text)]
    if len(remarks) == 1:
        remarks.append("No very long sentence and no word used too often")
    return f"**Review**, on form alone\n\n{_bullets(remarks)}"


def _draft(goal: str, text: str) -> str:
    lead, *rest = demo_text.summary(text, 4) or [text]
    body = f"## {demo_text.headline(text)}\n\n{lead}"
    if rest:
        body += f"\n\nWhat matters:\n\n{_bullets(rest)}"
    return f"{body}\n\nIt is a draft of your own sentences; a real model would write new ones."


def _reply(goal: str, text: str) -> str:
    name = re.search(r"\b(?i:regards|thanks|cheers|yours),?\s([A-Z]\w{1,30})", text)
    told = [line for line in demo_text.sentences(text) if len(demo_text.words(line)) > 3]
    return (
        f"Hello {name.group(1) if name else 'there'},\n\n"
        f"Thank you for your message. This is what we read in it:\n\n{_bullets(told[:4])}\n\n"
        "A real model would answer each of these points; the demo model can only repeat them."
    )


def _question(goal: str, text: str) -> str:
    topics = ", ".join(demo_text.keywords(text, 4)) or "your question"
    return (
        "The demo model knows no facts, so it cannot answer this. "
        f"The question is about: {topics}.\n\n> {demo_text.shorten(text, 300)}"
    )


def _notes(goal: str, text: str) -> str:
    return (
        f"**Goal.** {demo_text.headline(goal, 20)}\n\n"
        f"**What the input says**\n\n{_bullets(demo_text.summary(text, 3))}\n\n{_facts(text)}"
    )


def _facts(text: str) -> str:
    count = len(demo_text.words(text))
    topics = ", ".join(demo_text.keywords(text, 5))
    told = f" Most frequent words: {topics}." if topics else ""
    return f"The text has {count} word{'' if count == 1 else 's'}.{told}"


def _bullets(lines: list[str]) -> str:
    return "\n".join(f"- {line.lstrip('-*• ')}" for line in lines)


def _kind(stems: str, writer: Writer) -> tuple[re.Pattern[str], Writer]:
    return re.compile(rf"\b(?:{stems})", re.IGNORECASE), writer


_KINDS = (
    _kind(r"translat", _translation),
    _kind(
        r"summar|sums? (?:it |this |them )?up|digest|condense|shorten|tl;?dr|synthesi"
        r"|writ\w+ an? (?:\w+ )?(?:summary|digest|brief)\b",
        _summary,
    ),
    _kind(r"key points|bullet|extract|highlight|outline|list\b|research|gather|collect", _points),
    _kind(r"sentiment|classif|categor|mood|tone of|triage|label|rate\b", _mood),
    _kind(r"count|how many|measure|statistic", _count),
    _kind(r"review|critique|critici|check\b|proofread|assess|evaluat|edit\b|improve", _review),
    _kind(r"(?:writ|draft|compos)\w* an? (?:[\w,]+ ){0,3}(?:reply|answer|response)", _reply),
    _kind(r"repl(?:y|ies)|respond", _reply),
    _kind(r"writ|draft|compose|blog|email|story|headline", _draft),
)
