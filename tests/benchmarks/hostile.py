"""Documents that are refused, each of which makes another part of the refusal work hard. The first
six are those that W7 was measured by from the beginning."""

from __future__ import annotations

KINDS: dict[str, str] = {
    "deep": "{" + "viewer{" * 600 + "id" + "}" * 601,
    "aliases": "{" + " ".join(f"a{i}: viewer {{role}}" for i in range(300)) + "}",
    "repeats": "{" + "viewer {role} " * 450 + "}",
    "spreads": "{" + "... on Query {viewer {role}} " * 200 + "}",
    "unknown": "{" + " ".join(f"nam{i}" for i in range(1_900)) + "}",
    "tokens": "{" + "role " * 8_000 + "}",
}


def _fragments(body: str, count: int = 90) -> str:
    spread = "{" + " ".join(f"...g{i}" for i in range(count)) + "}"
    return spread + "".join(f"fragment g{i} on Query{{{body}}}" for i in range(count))


_ROW = "id status mode triggerKind error{kind} usage{cost} createdAt durationMs bot{id} "

WORSE: dict[str, str] = {
    "compared": "{executions{" + f"nodes{{{_ROW}}}" * 55 + "}}",
    "fragments": _fragments("viewer{role id}"),
    "arguments": "{executions(" + " ".join(f"a{i}:1" for i in range(650)) + "){totalCount}}",
    "object": "{executions(filter:{" + " ".join(f"x{i}:1" for i in range(640)) + "}){totalCount}}",
    "directives": "{viewer" + "@include(if:true)" * 280 + "{role}}",
    "variables": "query Q(" + ",".join(f"$a{i}:Int" for i in range(480)) + "){viewer{role}}",
    "one by one": "{executions{nodes{" + " ".join(f"x{i}" for i in range(10)) + " id" * 60 + "}}}",
    "comment": "#" * 60_000 + "\n{nope}",
    "spaces": " " * 65_000 + "}",
    "doubling": "{...f0}"
    + "".join(f"fragment f{i} on Query{{...f{i + 1} ...f{i + 1}}}" for i in range(95))
    + "fragment f95 on Query{viewer{role}}",
}
