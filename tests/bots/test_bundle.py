"""The bundle as a file: what goes in comes out, and what is not one is refused."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import warnings
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.bots import unpacking
from server.bots.bundle import BundledBot, Contents, Stub, pack
from server.bots.unpacking import BundleRefused, unpack
from server.core.errors import ErrorCode, TooLarge
from server.core.filenames import name_of, stem_of
from tests.support.examples import examples

WRITER = 'writer { "goal": "Write" }\n'
ONE = Contents((BundledBot("Writer", WRITER, ("daily",)),), (Stub("openai", "OpenAI"),))

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)
names = text.map(lambda name: " ".join(name.split())).filter(bool)
tag = names.map(lambda name: " ".join(name.replace(",", " ").split())[:20]).filter(bool)
rules = st.none() | st.fixed_dictionaries(
    {
        "maxAgeDays": st.none() | st.integers(1, 36_500),
        "maxCount": st.none() | st.integers(0, 100),
        "statuses": st.just(["completed", "failed"]),
    }
)
bots = st.builds(
    BundledBot,
    name=names,
    source=text,
    tags=st.lists(tag, max_size=3, unique_by=str.casefold).map(
        lambda found: tuple(sorted(found, key=str.casefold))
    ),
    retention=rules,
    version_name=names | st.just(""),
    version_note=text.map(str.strip),
    connections=st.just(("openai",)),
    tools=st.just(()),
)


@examples(30)
@given(st.lists(bots, max_size=4, unique_by=lambda bot: bot.name.casefold()))
def test_what_goes_in_comes_out_and_gives_the_same_bytes(found: list[BundledBot]) -> None:
    data = pack(Contents(tuple(found)))
    opened = unpack(data)
    assert sorted(opened.bots, key=lambda bot: bot.name) == sorted(found, key=lambda bot: bot.name)
    assert pack(opened) == data
    assert pack(Contents(tuple(reversed(found)))) == data


@given(names)
def test_a_name_survives_as_the_name_of_a_file(name: str) -> None:
    stem = stem_of(name)
    if stem is not None:
        assert name_of(stem) == name
        assert "/" not in stem
        assert "\\" not in stem


@pytest.mark.parametrize(
    ("name", "stem"),
    [("News", "News"), ("a/b", "a%2Fb"), ("..", "%2E%2E"), ("CON", "%43ON"), ("Grüße 🦉", None)],
)
def test_names_that_a_file_system_reads_otherwise(name: str, stem: str | None) -> None:
    found = stem_of(name)
    assert found is not None
    assert stem is None or found == stem
    assert name_of(found) == name


def test_a_bundle_is_a_zip_of_readable_text_without_a_secret() -> None:  # S63
    with zipfile.ZipFile(io.BytesIO(pack(ONE))) as archive:
        assert archive.namelist() == ["manifest.json", "bots/Writer.bal"]
        manifest = json.loads(archive.read("manifest.json"))
        assert archive.read("bots/Writer.bal").decode() == WRITER
    assert manifest["connections"] == [{"kind": "openai", "name": "OpenAI"}]
    assert manifest["bots"][0]["sha256"] == hashlib.sha256(WRITER.encode()).hexdigest()


# --- hostile --------------------------------------------------------------------------------


def zipped(files: dict[str, bytes | str], **how: Any) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            archive.writestr(path, data, **how)
    return target.getvalue()


def manifest(**changes: Any) -> str:
    entry = {
        "file": "bots/Writer.bal",
        "name": "Writer",
        "sha256": hashlib.sha256(WRITER.encode()).hexdigest(),
    }
    entry |= changes.pop("bot", {})
    whole = {"format": "baleybots-bundle", "formatVersion": 1, "bots": [entry]}
    return json.dumps(whole | changes)


def bundle(**changes: Any) -> bytes:
    return zipped({"manifest.json": manifest(**changes), "bots/Writer.bal": WRITER})


def with_path(path: str) -> bytes:
    return zipped({"manifest.json": manifest(), "bots/Writer.bal": WRITER, path: "x"})


def symlink() -> bytes:
    entry = zipfile.ZipInfo("bots/Writer.bal")
    entry.external_attr = 0o120777 << 16
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("manifest.json", manifest())
        archive.writestr(entry, "/etc/passwd")
    return target.getvalue()


def twice() -> bytes:
    target = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(target, "w") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("manifest.json", manifest())
        archive.writestr("bots/Writer.bal", WRITER)
        archive.writestr("bots/Writer.bal", WRITER + "# other")
    return target.getvalue()


def bomb() -> bytes:
    return zipped({"manifest.json": manifest(), "bots/Writer.bal": b"#" * 40_000_000})


def lying_bomb() -> bytes:
    """Says of itself that it is small."""
    data = bytearray(bundle() and zipped({"manifest.json": b" " * 3_000_000}))
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 10)
    return bytes(data)


def locked() -> bytes:
    data = bytearray(bundle())
    at = data.rfind(b"PK\x01\x02")
    data[at + 8] |= 1
    return bytes(data)


REFUSED: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "no zip": lambda: b"MZ" + b"\x00" * 500,
    "cut in two": lambda: bundle()[: len(bundle()) // 2],
    "damaged": lambda: bundle()[:60] + b"\xff" * 20 + bundle()[80:],
    "no manifest": lambda: zipped({"bots/Writer.bal": WRITER}),
    "another zip": lambda: zipped({"word/document.xml": "<x/>"}),
    "traversal": lambda: with_path("../../etc/cron.d/x"),
    "traversal inside": lambda: with_path("bots/../../x.bal"),
    "backslashes": lambda: with_path("bots\\..\\x.bal"),
    "absolute": lambda: with_path("/etc/x.bal"),
    "drive": lambda: with_path("bots/C:x.bal"),
    "folder": lambda: with_path("bots/"),
    "not named by the manifest": lambda: with_path("bots/other.bal"),
    "symlink": symlink,
    "twice": twice,
    "locked": locked,
    "lying bomb": lying_bomb,
    "checksum": lambda: bundle(bot={"sha256": "0" * 64}),
    "missing file": lambda: bundle(bot={"file": "bots/Gone.bal"}),
    "not text": lambda: zipped({"manifest.json": manifest(), "bots/Writer.bal": b"\xff\xfe"}),
    "nested json": lambda: zipped({"manifest.json": "[" * 100_000}),
    "a field twice": lambda: zipped(
        {"manifest.json": manifest().replace("{", '{"bots": [], ', 1), "bots/Writer.bal": WRITER}
    ),
    "no number": lambda: bundle(extra=float("nan")),
    "no json": lambda: zipped({"manifest.json": "format: bundle"}),
    "newer": lambda: bundle(formatVersion=2),
    "format": lambda: bundle(format="other"),
    "bots no list": lambda: bundle(bots={"a": 1}),
    "bot no object": lambda: bundle(bots=[1]),
    "name no text": lambda: bundle(bot={"name": 7}),
    "no name": lambda: bundle(bot={"name": "  "}),
    "long name": lambda: bundle(bot={"name": "x" * 201}),
    "tags no texts": lambda: bundle(bot={"tags": [1]}),
    "long tag": lambda: bundle(bot={"tags": ["x" * 51]}),
    "retention": lambda: bundle(bot={"retention": {"statuses": ["running"]}}),
    "retention number": lambda: bundle(
        bot={"retention": {"maxCount": True, "statuses": ["failed"]}}
    ),
    "version": lambda: bundle(bot={"version": {"name": ["x"]}}),
}
TOO_LARGE: dict[str, Callable[[], bytes]] = {
    "bomb": bomb,
    "huge": lambda: b"\x00" * (unpacking.PACKED_LIMIT + 1),
    "many": lambda: zipped({f"bots/{n}.bal": "" for n in range(600)}),
}


@pytest.mark.parametrize("made", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_a_bundle_is_refused(made: Callable[[], bytes]) -> None:  # S55, S57, S62
    with pytest.raises(BundleRefused) as refused:
        unpack(made())
    assert refused.value.code is ErrorCode.INVALID_INPUT
    assert "Nothing of the file was used." in refused.value.message


@pytest.mark.parametrize("made", TOO_LARGE.values(), ids=TOO_LARGE.keys())
def test_what_is_too_large_is_refused_before_it_is_unpacked(  # S57, S62
    made: Callable[[], bytes],
) -> None:
    with pytest.raises(TooLarge):
        unpack(made())


def test_two_bots_of_one_name_are_refused() -> None:
    pair = (BundledBot("Writer", WRITER), BundledBot("wRITER ", WRITER + "#"))
    with pytest.raises(BundleRefused, match="two bots"):
        unpack(pack(Contents(pair)))


def test_what_a_newer_one_adds_is_left_aside() -> None:
    assert unpack(bundle(extra=1, bot={"run": "now", "triggers": ["x"]})).bots[0].name == "Writer"
