"""Finding what a field asks for in a text, by the name of the field: an address, a date, a name."""

from __future__ import annotations

import re
from dataclasses import dataclass

_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    r"|Sep(?:tember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
)
# Every repetition has an end: these run over whole inputs, which may be built to be slow.
_PERSON = r"\b[A-ZÀ-Þ][a-zß-ÿ]{1,30}(?: [A-ZÀ-Þ][a-zß-ÿ]{1,30}){1,3}"
_STREET = (
    r"\b(?:[A-ZÀ-Þ][\w.'-]{1,30} ){1,3}\d{1,5}[a-z]?(?:, [A-ZÀ-Þ]\w{1,30})?"
    r"|\b\d{1,5} (?:[A-Z][a-z]{1,30} ){1,3}(?:Street|St|Road|Rd|Avenue|Ave|Lane)\b"
    r"(?:, [A-Z]\w{1,30})?"
)
_COMPANY = r"\b(?:[A-ZÀ-Þ][\w&-]{1,30} ){1,4}(?:GmbH|AG|Inc|Ltd|LLC|Corp|SA|SARL|BV|AB|Oy|Co)\b"
_DAY = (
    rf"\d{{4}}-\d{{2}}-\d{{2}}|\d{{1,2}}\.? {_MONTH}(?: \d{{4}})?|{_MONTH} \d{{1,2}}(?:, \d{{4}})?"
)
_SOON = r"|today|tonight|tomorrow|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_MONEY = r"(?:[$€£] ?\d[\d.,]{0,15}\d|\b\d[\d.,]{0,15} (?:euros?|dollars?))"
_AMOUNT = re.compile(
    r"\b(\d+)\s+([a-z][a-z-]+(?: [a-z][a-z-]+)?)(?=\s+(?:and|or|to|for|in)\b|[,.;]|$)"
)

# Words of a field's name, and how such a thing looks.
_LOOKS: tuple[tuple[frozenset[str], re.Pattern[str]], ...] = tuple(
    (frozenset(names.split()), re.compile(pattern))
    for names, pattern in (
        ("email mail", r"\b[\w.+-]{1,64}@[\w-]{1,64}\.[\w.-]{0,64}\w"),
        ("url link website uri source", r"https?://[^\s\"'<>)\]]*[^\s\"'<>)\].,;:!?]"),
        ("phone telephone mobile", r"\+?\d[\d ()/-]{6,20}\d"),
        ("company organisation organization firm employer", _COMPANY),
        ("address street location", _STREET),
        ("date due deadline day when", _DAY + _SOON),
        (
            "price cost amount budget total",
            _MONEY,
        ),
        ("invoice order ticket reference", r"(?:no\.? ?|#|[A-Z]{2,9}-)\d{1,20}"),
        ("name author person customer sender contact", _PERSON),
    )
)

# What a text says when a choice is meant that it does not name.
_SIGNS: dict[str, str] = {
    "billing": r"invoice|charged?|payment|refund|bill\b",
    "technical": r"error|crash|bug|broken|does not work|log ?in|install",
    "sales": r"\bbuy|price|quote|offer|demo\b",
    "shipping": r"deliver|parcel|shipp|arriv",
    "high": r"today|tonight|urgent|asap|immediately|right away|as soon as",
    "urgent": r"today|tonight|urgent|asap|immediately",
    "spam": r"winner|lottery|click here|crypto",
    "complaint": r"disappoint|terrible|unacceptable|refund",
    "question": r"\?",
}


@dataclass(frozen=True, slots=True)
class Item:
    """A counted thing: `12 desk lamps`."""

    quantity: int
    name: str


def by_name(words: set[str], text: str) -> list[str]:
    """All that looks like what these words of a name ask for, in the order of the text."""
    for names, pattern in _LOOKS:
        if words & names:
            return list(dict.fromkeys(pattern.findall(text)))
    return []


def is_known(words: set[str]) -> bool:
    """Whether we know how such a thing looks, so that not finding it means that it is not there."""
    return any(words & names for names, _ in _LOOKS)


def items(text: str) -> list[Item]:
    return [Item(int(count), name) for count, name in _AMOUNT.findall(text)]


def signs_of(choice: str, text: str) -> int:
    pattern = _SIGNS.get(choice.lower())
    return len(re.findall(pattern, text, re.IGNORECASE)) if pattern else 0
