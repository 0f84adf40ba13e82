"""The bill of materials of what users install, from the lock alone: `make sbom` writes it as
CycloneDX JSON. It is the same for the same lock."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from tests.house.files import ROOT

LOCK = ROOT / "requirements.lock"
_PINNED = re.compile(r"([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def entries(lock: Path) -> list[str]:
    """Each requirement with all of its lines, comments left out."""
    lines = [line for line in lock.read_text().splitlines() if line.strip()]
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    return re.split(r"\n(?=\S)", text)


def bill(lock: Path = LOCK) -> dict[str, Any]:
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "baleybots"}},
        "components": [_component(entry) for entry in entries(lock)],
    }


def _component(entry: str) -> dict[str, Any]:
    found = _PINNED.match(entry)
    if found is None:
        raise ValueError(f"not pinned: {entry[:80]}")
    name, version = found.groups()
    return {
        "type": "library",
        "name": name,
        "version": version,
        "purl": f"pkg:pypi/{name.lower().replace('_', '-')}@{version}",
        "hashes": [{"alg": "SHA-256", "content": one} for one in _HASH.findall(entry)],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(bill(), indent=2) + "\n")
