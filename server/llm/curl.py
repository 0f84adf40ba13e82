"""A question as a line for a terminal: the same words to the same place, with the key left out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from server.connections.providers import BY_NAME

# Where providers whose own format differs take the one that most have in common.
_IN_COMMON = {
    "anthropic": "https://api.anthropic.com/v1",
    "gemini": "https://generativelanguage.googleapis.com/v1beta/openai",
    "ollama": "http://localhost:11434/v1",
}
# These sign each request, or have an address that nobody else can know.
_NOT_BY_HAND = frozenset({"azure", "bedrock"})


def curl_of(
    provider: str,
    model: str,
    messages: Sequence[Mapping[str, Any]],
    params: Mapping[str, Any],
    address: str | None = None,
) -> str | None:
    """None where no such line would work."""
    base = _base(provider, address)
    if base is None:
        return None
    body = json.dumps({"model": model, "messages": list(messages), **params}, ensure_ascii=False)
    found = BY_NAME[provider]
    lines = [f"curl {_quoted(f'{base}/chat/completions')}"]
    if found.keys:
        lines.append(f'-H "Authorization: Bearer ${found.keys[0]}"')
    lines += ["-H 'Content-Type: application/json'", f"-d {_quoted(body)}"]
    return " \\\n  ".join(lines)


def _base(provider: str, address: str | None) -> str | None:
    found = BY_NAME.get(provider)
    if found is None or provider in _NOT_BY_HAND:
        return None
    if address is None:
        return _IN_COMMON.get(provider) or found.address
    own = address.rstrip("/")
    return own if provider not in _IN_COMMON or own.endswith("/v1") else f"{own}/v1"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
