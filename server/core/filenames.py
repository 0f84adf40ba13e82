"""Names of people's things as names of files, and back. Nothing is lost on the way, so a folder of
programs can go to a server and come back as it was."""

from __future__ import annotations

import re

_LONGEST = 200
_ESCAPED = re.compile(r"%([0-9A-F]{2}(?:%[0-9A-F]{2})*)")
# A file of one of these names cannot be made on Windows, whatever its ending.
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)


def stem_of(name: str) -> str | None:
    """Letters and digits of any language stay, everything that a file system or a shell may read
    otherwise is written as `%2F`. None when the name is too long for a file."""
    stem = "".join(_kept(letter) for letter in name)
    if stem[:1] in (".", "-") or _DEVICES.match(stem):
        stem = f"%{ord(stem[0]):02X}{stem[1:]}"
    if stem.endswith((".", " ")):
        stem = f"{stem[:-1]}%{ord(stem[-1]):02X}"
    return stem if stem and len(stem.encode()) <= _LONGEST else None


def name_of(stem: str) -> str:
    return _ESCAPED.sub(_letters, stem)


def _kept(letter: str) -> str:
    if letter.isalnum() or letter in "-_. ()&,+'":
        return letter
    return "".join(f"%{byte:02X}" for byte in letter.encode("utf-8", "replace"))


def _letters(found: re.Match[str]) -> str:
    data = bytes.fromhex(found[1].replace("%", ""))
    return data.decode("utf-8", "replace")
