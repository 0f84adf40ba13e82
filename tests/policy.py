"""Runs a list of inputs against the very objects that the server uses:
`python -m tests.policy net FILE`. A TSV with a header line, or JSON lines; one JSON object a row.

The settings come from the environment, as for the server.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

from server.core.errors import AddressRefused, AppError
from server.core.net.policy import NetPolicy, Resolve
from server.core.net.urls import read_host
from server.core.settings import Settings, load_settings

Row = dict[str, Any]
Judge = Callable[[Row, Settings], Awaitable[dict[str, Any]]]

_ESCAPED = re.compile(r"\\([\\tnr])")
_MEANS = {"\\": "\\", "t": "\t", "n": "\n", "r": "\r"}


def read_rows(text: str) -> Iterator[Row]:
    """Cells end at tabs and rows at line feeds only: other control characters are data."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    lines = [line for line in lines if line.strip(" ")]
    if lines and lines[0].lstrip().startswith("{"):
        yield from map(json.loads, lines)
        return
    names = lines[0].split("\t") if lines else []
    for line in lines[1:]:
        cells = [_ESCAPED.sub(lambda found: _MEANS[found[1]], cell) for cell in line.split("\t")]
        yield dict(zip(names, cells, strict=False))


async def judge_net(row: Row, settings: Settings) -> dict[str, Any]:
    answers = answers_of(row.get("dns") or "")
    policy = NetPolicy(settings.allowed_private_hosts, settings.allowed_ports, resolve=answers)
    try:
        _, found = await policy.check_url(str(row.get("url") or ""))
    except AddressRefused as error:
        return {"verdict": "block", "reason": " ".join(filter(None, (error.message, error.hint)))}
    except OSError:
        return {"verdict": "block", "reason": "The name leads to no address."}
    return {"verdict": "allow", "reason": f"May connect to {', '.join(map(str, found))}."}


def answers_of(dns: str) -> Resolve | None:
    """`name=address,address;…` as a resolver; None: the machine's own."""
    if not dns.strip():
        return None
    pairs = (part.partition("=") for part in dns.split(";") if part.strip())
    known = {_name(name): [one.strip() for one in found.split(",")] for name, _, found in pairs}

    async def resolve(host: str) -> Sequence[str]:
        return [one for one in known.get(host, ()) if one]

    return resolve


def _name(text: str) -> str:
    try:
        return read_host(text.strip())[0]
    except AddressRefused:
        return text.strip().lower()


LISTS: dict[str, Judge] = {"net": judge_net}


async def judge_all(kind: str, text: str, settings: Settings) -> list[dict[str, Any]]:
    return [await LISTS[kind](row, settings) for row in read_rows(text)]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.policy", description=__doc__)
    parser.add_argument("list", choices=sorted(LISTS))
    parser.add_argument("file", type=argparse.FileType(encoding="utf-8"))
    options = parser.parse_args(arguments)
    try:
        settings = load_settings(os.environ)
        for answer in asyncio.run(judge_all(options.list, options.file.read(), settings)):
            print(json.dumps(answer, ensure_ascii=False))
    except AppError as error:
        print(error.message, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
