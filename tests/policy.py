"""Runs a list of inputs against the very objects that the server uses:
`python -m tests.policy net FILE`. A TSV with a header line, or JSON lines; one JSON object a row.
`graphql FILE --url URL` sends each row to a running server, with the token in BALEYBOTS_TOKEN.

The settings come from the environment, as for the server.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import httpx

from server.core.errors import AddressRefused, AppError
from server.core.net.policy import NetPolicy, Resolve
from server.core.net.urls import read_host
from server.core.settings import Settings, load_settings

Row = dict[str, Any]
Judge = Callable[[Row, Settings], Awaitable[dict[str, Any]]]

RAW = "\0raw"
REQUEST = ("query", "variables", "operationName", "extensions")
_ESCAPED = re.compile(r"\\([\\tnr])")
_MEANS = {"\\": "\\", "t": "\t", "n": "\n", "r": "\r"}


def read_rows(text: str) -> Iterator[Row]:
    """Cells end at tabs and rows at line feeds only: other control characters are data."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    lines = [line for line in lines if line.strip(" ")]
    if lines and lines[0].lstrip().startswith(("{", "[")):
        yield from map(_row, lines)
        return
    names = lines[0].split("\t") if lines else []
    for line in lines[1:]:
        cells = [_ESCAPED.sub(lambda found: _MEANS[found[1]], cell) for cell in line.split("\t")]
        yield dict(zip(names, cells, strict=False))


def _row(line: str) -> Row:
    """What is no object of JSON is kept as it stands: that may be what is tried out."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {RAW: line}
    return found if isinstance(found, dict) else {RAW: line}


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


class Sender:
    """`url` is the server or its /graphql. A line that is no request travels as it stands."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url.rstrip("/").removesuffix("/graphql") + "/graphql"
        self.headers = {"content-type": "application/json"}
        if token:
            self.headers["authorization"] = f"Bearer {token}"
        self.client = httpx.AsyncClient(timeout=60, trust_env=False)

    async def judge(self, row: Row, settings: Settings) -> dict[str, Any]:
        raw = row.get(RAW)
        body = json.dumps(request_of(row)) if raw is None else str(raw)
        began = time.perf_counter()
        content = body.encode(errors="surrogatepass")
        answer = await self.client.post(self.url, content=content, headers=self.headers)
        took = round((time.perf_counter() - began) * 1000, 3)
        return {"status": answer.status_code, "codes": codes_of(answer.text), "ms": took}


def request_of(row: Row) -> Row:
    """Of a TSV the variables are text."""
    found = {name: row[name] for name in REQUEST if row.get(name) not in (None, "")}
    if isinstance(found.get("variables"), str):
        found["variables"] = json.loads(found["variables"])
    return found


def codes_of(text: str) -> list[str]:
    """Of the top level first, then those in payloads."""
    try:
        said = json.loads(text)
    except ValueError:
        return []
    if not isinstance(said, dict):
        return []
    found = [(one.get("extensions") or {}).get("code") for one in said.get("errors") or ()]
    data = said.get("data")
    for value in data.values() if isinstance(data, dict) else ():
        if isinstance(value, dict) and isinstance(value.get("errors"), list):
            found += [one.get("code") for one in value["errors"] if isinstance(one, dict)]
    return [code for code in found if code]


LISTS: dict[str, Judge] = {"net": judge_net}
ONLINE = "graphql"


async def judge_all(
    kind: str, text: str, settings: Settings, url: str = "", token: str | None = None
) -> list[dict[str, Any]]:
    if kind != ONLINE:
        return [await LISTS[kind](row, settings) for row in read_rows(text)]
    sender = Sender(url, token)
    try:
        return [await sender.judge(row, settings) for row in read_rows(text)]
    finally:
        await sender.client.aclose()


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.policy", description=__doc__)
    parser.add_argument("list", choices=sorted([*LISTS, ONLINE]))
    parser.add_argument("file", type=argparse.FileType(encoding="utf-8"))
    parser.add_argument("--url", default=os.environ.get("BALEYBOTS_URL", ""))
    options = parser.parse_args(arguments)
    if options.list == ONLINE and not options.url:
        parser.error("graphql needs --url, or BALEYBOTS_URL")
    try:
        settings = load_settings(os.environ)
        token = os.environ.get("BALEYBOTS_TOKEN")
        given = options.file.read()
        answers = asyncio.run(judge_all(options.list, given, settings, options.url, token))
        for answer in answers:
            print(json.dumps(answer, ensure_ascii=False))
    except httpx.HTTPError as error:
        print(f"{options.url} does not answer: {error}", file=sys.stderr)
        return 2
    except AppError as error:
        print(error.message, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
