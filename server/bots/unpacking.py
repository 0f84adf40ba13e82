"""Reading a bundle that came from outside. Whatever is not exactly a bundle is refused as a whole,
before anything of it is used, and no more of it is unpacked than may be in it."""

from __future__ import annotations

import io
import json
import re
import stat
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any, cast

from server.bots.bundle import (
    FORMAT,
    FORMAT_VERSION,
    MANIFEST,
    MOST_BOTS,
    BundledBot,
    Contents,
    Stub,
    checksum,
)
from server.bots.programs import SOURCE_LIMIT
from server.bots.publishing import NOTE_LIMIT, VERSION_NAME_LIMIT
from server.bots.service import NAME_LIMIT
from server.bots.tags import checked as checked_tags
from server.core import strict_json
from server.core.errors import Invalid, TooLarge
from server.models.enums import FINAL_STATUSES
from server.models.tables import Bot

PACKED_LIMIT = 4 * 1024 * 1024
UNPACKED_LIMIT = 32 * 1024 * 1024
MANIFEST_LIMIT = 2 * 1024 * 1024
_BOT_FILE = re.compile(r"bots/[^/\\:\x00-\x1f\x7f]{1,250}\.bal")
_END_OF_ARCHIVE = b"PK\x05\x06"
_END_SIZE, _END_SEARCH = 22, 66_000
_MOST_STUBS = 1_000
_STATUSES = frozenset(status.value for status in FINAL_STATUSES)


class BundleRefused(Invalid):
    """This file is not a bundle of Baleybots; nothing of it was used."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"{why} Nothing of the file was used.",
            hint="Export the bots again and upload that file.",
            path=["bundle"],
        )


def unpack(data: bytes) -> Contents:
    """Everything in the bundle, checked. Raises BundleRefused or TooLarge."""
    if len(data) > PACKED_LIMIT:
        raise _too_large(PACKED_LIMIT)
    files = _files(data)
    manifest = _manifest(files.pop(MANIFEST, None))
    described = _list(manifest, "bots", MOST_BOTS)
    bots = tuple(_bot(one, files) for one in described)
    if files:
        raise BundleRefused(f"It holds files that its manifest does not name: {_named(files)}.")
    _refuse_twins(bots)
    stubs = tuple(_stub(one) for one in _list(manifest, "connections", _MOST_STUBS))
    return Contents(bots, stubs)


def _files(data: bytes) -> dict[str, str]:
    _refuse_crowd(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _texts(archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        raise BundleRefused("It is not a zip file, or it is damaged.") from error
    except (NotImplementedError, RuntimeError, UnicodeError) as error:
        raise BundleRefused("It is packed or locked in a way that is not read here.") from error


def _texts(archive: zipfile.ZipFile) -> dict[str, str]:
    found: dict[str, str] = {}
    left = UNPACKED_LIMIT
    for entry in archive.infolist():
        path = entry.filename
        if path != MANIFEST and not _BOT_FILE.fullmatch(path):
            raise BundleRefused(f"It holds a file that does not belong there: {_short(path)}.")
        if not _is_plain(entry):
            raise BundleRefused(f"{_short(path)} is not a plain file.")
        if path in found:
            raise BundleRefused(f"It holds {_short(path)} twice.")
        data = _bounded(archive, entry, min(left, _limit_of(path)))
        left -= len(data)
        found[path] = _text(path, data)
    return found


def _bounded(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limit: int) -> bytes:
    """What an entry says of its own size is not believed."""
    with archive.open(entry) as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise _too_large(limit)
    return data


def _refuse_crowd(data: bytes) -> None:
    """Before the list of entries is read: making it for a hundred thousand costs a second."""
    at = data.rfind(_END_OF_ARCHIVE, max(0, len(data) - _END_SEARCH))
    if at < 0 or at + _END_SIZE > len(data):
        raise BundleRefused("It is not a zip file, or it is damaged.")
    size = int.from_bytes(data[at + 12 : at + 16], "little")
    entries = int.from_bytes(data[at + 10 : at + 12], "little")
    if entries > MOST_BOTS + 1 or size > 1024 * (MOST_BOTS + 1):
        raise TooLarge(f"A bundle holds at most {MOST_BOTS} bots.", path=["bundle"])


def _is_plain(entry: zipfile.ZipInfo) -> bool:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    return kind in (0, stat.S_IFREG) and not entry.is_dir() and not entry.flag_bits & 0x1


def _limit_of(path: str) -> int:
    return MANIFEST_LIMIT if path == MANIFEST else SOURCE_LIMIT


def _text(path: str, data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BundleRefused(f"{_short(path)} is not a text in UTF-8.") from error


def _manifest(text: str | None) -> Mapping[str, Any]:
    if text is None:
        raise BundleRefused("It has no manifest.json.")
    try:
        found = strict_json.read(text)
    except json.JSONDecodeError as error:
        raise BundleRefused("Its manifest.json cannot be read.") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise BundleRefused("Its manifest.json is not that of a bundle of bots.")
    manifest = cast("dict[str, Any]", found)
    version = manifest.get("formatVersion")
    if type(version) is not int or not 1 <= version <= FORMAT_VERSION:
        raise BundleRefused("It was made by a newer Baleybots than this one.")
    return manifest


def _bot(described: Any, files: dict[str, str]) -> BundledBot:
    entry = _object(described)
    path = _string(entry, "file", 300)
    name = " ".join(_string(entry, "name", NAME_LIMIT).split())
    source = files.pop(path, None)
    if source is None:
        raise BundleRefused(f"The file of the bot {_short(name)} is missing.")
    if entry.get("sha256") != checksum(source):
        raise BundleRefused(f"The checksum of {_short(path)} is wrong: it was changed.")
    if not name:
        raise BundleRefused("It holds a bot without a name.")
    said, needs = _object(entry.get("version") or {}), _object(entry.get("needs") or {})
    return BundledBot(
        name=name,
        source=source,
        tags=_tags(entry),
        retention=_retention(entry.get("retention")),
        concurrency=_concurrency(entry.get("concurrency")),
        version_name=" ".join(_string(said, "name", VERSION_NAME_LIMIT, "").split()),
        version_note=_string(said, "note", NOTE_LIMIT, "").strip(),
        connections=_strings(needs, "connections"),
        tools=_strings(needs, "tools"),
    )


def _stub(described: Any) -> Stub:
    entry = _object(described)
    return Stub(_string(entry, "kind", 100), _string(entry, "name", NAME_LIMIT))


def _tags(entry: Mapping[str, Any]) -> tuple[str, ...]:
    try:
        return tuple(sorted(checked_tags(_strings(entry, "tags")), key=str.casefold))
    except Invalid as error:
        raise BundleRefused(error.message) from error


def _retention(found: Any) -> dict[str, Any] | None:
    if found is None:
        return None
    rule = _object(found)
    statuses = _strings(rule, "statuses")
    if not statuses or not set(statuses) <= _STATUSES:
        raise BundleRefused("It holds a retention rule that cannot be read.")
    return {
        "maxAgeDays": _whole(rule.get("maxAgeDays"), 1, 36_500),
        "maxCount": _whole(rule.get("maxCount"), 0, 10_000_000),
        "statuses": sorted(statuses),
    }


def _concurrency(found: Any) -> dict[str, int | None] | None:
    if found is None:
        return None
    limits = _object(found)
    return {name: _whole(limits.get(name), 1, 10_000) for name in ("limit", "perKey")}


def _refuse_twins(bots: tuple[BundledBot, ...]) -> None:
    seen: set[str] = set()
    for bot in bots:
        if Bot.key_of(bot.name) in seen:
            raise BundleRefused(f"It holds two bots called {_short(bot.name)}.")
        seen.add(Bot.key_of(bot.name))


# --- shapes ---------------------------------------------------------------------------------


def _object(found: Any) -> Mapping[str, Any]:
    if not isinstance(found, dict):
        raise BundleRefused("Its manifest.json has another form than a bundle's.")
    return cast("dict[str, Any]", found)


def _list(entry: Mapping[str, Any], key: str, most: int) -> list[Any]:
    found = entry.get(key, [])
    if not isinstance(found, list):
        raise BundleRefused(f"`{key}` in its manifest.json is not a list.")
    items = cast("list[Any]", found)
    if len(items) > most:
        raise TooLarge(f"A bundle holds at most {most} {key}.", path=["bundle"])
    return items


def _strings(entry: Mapping[str, Any], key: str) -> tuple[str, ...]:
    found = _list(entry, key, _MOST_STUBS)
    if not all(isinstance(one, str) and len(one) <= NAME_LIMIT for one in found):
        raise BundleRefused(f"`{key}` in its manifest.json is not a list of texts.")
    return tuple(found)


def _string(entry: Mapping[str, Any], key: str, most: int, default: str | None = None) -> str:
    found = entry.get(key, default)
    if not isinstance(found, str) or len(found) > most or "\x00" in found:
        raise BundleRefused(f"`{key}` in its manifest.json is not a text of that kind.")
    return found


def _whole(found: Any, least: int, most: int) -> int | None:
    if found is None:
        return None
    if type(found) is not int or not least <= found <= most:
        raise BundleRefused("It holds a retention rule or a limit that cannot be read.")
    return found


def _named(files: Mapping[str, str]) -> str:
    return ", ".join(_short(path) for path in sorted(files)[:3])


def _short(text: str) -> str:
    shown = "".join(letter if letter.isprintable() else "?" for letter in text)
    return f"“{shown[:80]}…”" if len(shown) > 80 else f"“{shown}”"


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"A bundle, or a file in it, is larger than the {limit // 1024} KiB it may have. "
        "Nothing of the file was used.",
        hint="Export fewer bots at once.",
        path=["bundle"],
    )
