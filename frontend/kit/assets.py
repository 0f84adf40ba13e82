"""Where the built files are. Names carry a hash, so a browser may keep them for ever."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

STATIC = Path(__file__).resolve().parent.parent / "static"
BUILD = STATIC / "build"


@cache
def manifest() -> dict[str, Any]:
    return json.loads((BUILD / "manifest.json").read_text(encoding="utf-8"))


def url(name: str) -> str:
    """The address of a built file by its plain name, such as `shell.js`."""
    return f"/static/build/{manifest()['files'][name]}"


def imports(name: str) -> list[str]:
    """What a script imports at once; the shell page asks for these early."""
    return [f"/static/build/{file}" for file in manifest()["imports"][name]]


@cache
def icon_names() -> frozenset[str]:
    sprite = (BUILD / manifest()["files"]["icons.svg"]).read_text(encoding="utf-8")
    return frozenset(re.findall(r'<symbol id="([^"]+)"', sprite))
