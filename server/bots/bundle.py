"""The bundle: a zip of text files that carries bots from one place to another.

`manifest.json` names every file with its checksum, and beside each bot its tags, its retention, its
limits, what was said about the version with its text, and what it needs. Nothing in a bundle is
secret: connections are named, never described. The same bots always give the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from server.core.filenames import stem_of

FORMAT = "baleybots-bundle"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"
MOST_BOTS = 500
_EPOCH = (1980, 1, 1, 0, 0, 0)
_PLAIN_FILE = 0o100644 << 16


@dataclass(frozen=True, slots=True)
class BundledBot:
    """`version_name` and `version_note` are those of the version with this very text."""

    name: str
    source: str
    tags: tuple[str, ...] = ()
    retention: dict[str, Any] | None = None
    concurrency: dict[str, int | None] | None = None
    version_name: str = ""
    version_note: str = ""
    connections: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stub:
    """A connection that must be set up where the bundle arrives: its kind and its name."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Contents:
    bots: tuple[BundledBot, ...] = ()
    connections: tuple[Stub, ...] = field(default=())


def pack(contents: Contents) -> bytes:
    bots = sorted(contents.bots, key=lambda bot: bot.name.casefold())
    files = dict(zip(_paths(bots), bots, strict=True))
    stubs = sorted(set(contents.connections), key=lambda stub: (stub.kind, stub.name))
    manifest = {
        "format": FORMAT,
        "formatVersion": FORMAT_VERSION,
        "bots": [_described(path, bot) for path, bot in files.items()],
        "connections": [{"kind": stub.kind, "name": stub.name} for stub in stubs],
    }
    written = json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        archive.writestr(_entry(MANIFEST), encoded(written))
        for path, bot in files.items():
            archive.writestr(_entry(path), encoded(bot.source))
    return target.getvalue()


def checksum(text: str) -> str:
    return hashlib.sha256(encoded(text)).hexdigest()


def encoded(text: str) -> bytes:
    """A half of a surrogate pair, which a text may hold and UTF-8 cannot, becomes a mark."""
    return text.encode("utf-8", "replace")


def _described(path: str, bot: BundledBot) -> dict[str, Any]:
    said = {"name": bot.version_name, "note": bot.version_note}
    return {
        "file": path,
        "sha256": checksum(bot.source),
        "name": bot.name,
        "tags": sorted(bot.tags, key=str.casefold),
        **({} if bot.concurrency is None else {"concurrency": bot.concurrency}),
        "retention": None if bot.retention is None else dict(sorted(bot.retention.items())),
        "version": said if any(said.values()) else None,
        "needs": {"connections": sorted(bot.connections), "tools": sorted(bot.tools)},
    }


def _paths(bots: Sequence[BundledBot]) -> list[str]:
    stems = (stem_of(bot.name) or f"bot-{checksum(bot.name)[:12]}" for bot in bots)
    return [f"bots/{stem}.bal" for stem in stems]


def _entry(path: str) -> zipfile.ZipInfo:
    """Without the clock and the machine, so that the bytes depend on the bots alone."""
    entry = zipfile.ZipInfo(path, _EPOCH)
    entry.create_system = 3
    entry.external_attr = _PLAIN_FILE
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry
