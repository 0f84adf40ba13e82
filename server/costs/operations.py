"""What a row of usage was for: a call of a model or of a tool, and whose. The key of its step says
so, also when its execution is long deleted."""

from __future__ import annotations

import re
from typing import Any

from tortoise.expressions import Case, F, Q, RawSQL, When

# `writer/turn[2]/lookup` is a tool that the agent `writer` asked for.
_TURN = "/turn["
_MODEL = "model"
_TOOL = "tool:"

# The last part of a key, without the turns of an agent. No percent sign: some drivers read it.
_LAST_PART = {
    "sqlite": (
        "substr({own}, length(rtrim({own}, replace({own}, '/', ''))) + 1)",
        "substr(step_key, 1, instr(step_key || '/turn[', '/turn[') - 1)",
    ),
    "postgres": ("regexp_replace({own}, '^.*/', '')", "split_part(step_key, '/turn[', 1)"),
    "mysql": ("substring_index({own}, '/', -1)", "substring_index(step_key, '/turn[', 1)"),
}
_AGAIN = re.compile(r"(~\d+|\[\d+\])+$")


def operation_of_row() -> Any:
    """The name of the tool; nothing for a model. Only a model takes tokens."""
    by_tool = Q(step_key__contains=_TURN) | Q(step_key__contains="use:")
    paid = Q(by_tool, input_tokens=0, output_tokens=0)
    return Case(When(paid, then=F("requested_model")), default="")


def named_operation(tool: str) -> tuple[str, str]:
    """In words, and as a key."""
    return (tool, _TOOL + tool) if tool else ("Model calls", _MODEL)


def entity_of_key(dialect: str) -> RawSQL:
    last, own = _LAST_PART[dialect]
    return RawSQL(f"coalesce({last.format(own=own)}, '')")


def named_entity(key: str) -> str:
    """`bot:writer~2` is the second place of `writer` in its block: the same agent."""
    return _AGAIN.sub("", key)
