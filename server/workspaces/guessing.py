"""Which passwords are tried first: common words, runs such as 1234 or qwerty, one's own name, and
all of these with 0 for o and a year behind."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

# What is left when all that is guessable is taken away, and how much a taken part still counts.
ENOUGH = 7
_WORD_COUNTS = 2
_OWN_COUNTS = 1
_RUN_COUNTS = 1
_FEWEST_LETTERS = 5
_SHORTEST_RUN = 3
_SHORTEST_OWN = 3

_LINES = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "1234567890",
    "qwertyuiop",
    "qwertzuiopü",
    "azertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "yxcvbnm",
    "qazwsxedcrfvtgbyhnujm",
)
_LEET = str.maketrans("0134578@$!€", "oleastbasie")
_EDGES = re.compile(r"([\d\W_]*)(.*?)([\d\W_]*)", re.DOTALL)
_WORDS = frozenset(
    """
    1q2w3e4r5t6y 1qaz2wsx3edc q1w2e3r4t5y6 zaq12wsx abc123 a1b2c3d4 correcthorsebatterystaple
    access account admin administrator alexander alexandra amanda america andrea andrew angel
    anthony apple april arsenal ashley august austin autumn baleybot baleybots bailey banana
    barcelona baseball basketball batman benjamin bitcoin blink182 bonjour boston bot bots bubbles
    buster butterfly canada changeme charlie chelsea cheese chicken chocolate christian chris
    coffee company computer cookie corvette cowboy crystal daniel david december default demo
    diamond dolphin dragon eagles elizabeth example facebook february ferrari flower football
    forever freedom friday friend friends george ginger google gordon guest guitar hannah harley
    hello heather hockey hunter iceman iloveyou internet jackson january jasmine jennifer jessica
    jesus john jonathan jordan joseph joshua july june justin killer lakers letmein linkedin
    liverpool login lovely love loveme maggie manager march marina martin master matrix matthew
    maverick merlin michael michelle microsoft mickey monday money monkey morgan mother mustang
    naruto nicholas nicole november october office orange pass passphrase passw passwd password
    passwort patrick pepper peanut phoenix pokemon porsche princess purple rachel rainbow ranger
    real robert root samantha samsung saturday school scooter secret secure security september
    server shadow silver simple slayer snoopy soccer sophie spiderman spring starwars steelers
    steven summer sunday sunshine superman sweet system taylor temp temporary test tester testing
    thomas thunder thursday tigger tiger tottenham trustno tuesday united user vanessa victoria
    wednesday welcome whatever william windows winter wizard yankees yellow
    """.split()
)


def is_easy(password: str, own: Iterable[str] = ()) -> bool:
    """`own`: names and addresses of the person."""
    plain = unicodedata.normalize("NFKC", password).casefold()
    if len(set(plain)) < _FEWEST_LETTERS:
        return True
    worth = dict.fromkeys(_WORDS, _WORD_COUNTS) | dict.fromkeys(_parts(own), _OWN_COUNTS)
    return any(_left(text, worth) < ENOUGH for text in {plain, _spelt_out(plain)})


def _spelt_out(text: str) -> str:
    """With letters for the digits inside words; a year behind stays one."""
    head, word, tail = _EDGES.fullmatch(text).groups()  # pyright: ignore[reportOptionalMemberAccess]
    return head + word.translate(_LEET) + tail


def _left(text: str, worth: dict[str, int]) -> int:
    """How much of it has to be guessed."""
    text, taken = re.sub(r"[\W_]+", "", text), 0
    for word in sorted(worth, key=len, reverse=True):
        if word in text:
            text, taken = text.replace(word, " "), taken + worth[word]
    text = re.sub(r"(.+?)\1+", r"\1", text)
    text, years = re.subn(r"(?:19|20)\d\d", " ", text)
    runs: set[str] = set()
    for run in _runs(text):
        runs.add(run)
        text = text.replace(run, " ")
    return taken + _RUN_COUNTS * (len(runs) + min(years, 1)) + len(text.replace(" ", ""))


def _runs(text: str) -> list[str]:
    """Stretches that go along a line of the keyboard or the alphabet, either way, longest first."""
    found: set[str] = set()
    for line in (*_LINES, *(line[::-1] for line in _LINES)):
        start = 0
        while start < len(text):
            end = start + 1
            while end < len(text) and text[start : end + 1] in line:
                end += 1
            if end - start >= _SHORTEST_RUN:
                found.add(text[start:end])
            start = end
    return sorted(found, key=len, reverse=True)


def _parts(own: Iterable[str]) -> set[str]:
    parts = {part for text in own for part in re.split(r"[\W_]+", text.casefold())}
    return {part for part in parts if len(part) >= _SHORTEST_OWN}
