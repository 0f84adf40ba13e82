"""How providers list their models, and how they refuse a key for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson


def is_list(path: str) -> bool:
    return path.partition("?")[0].endswith(("/models", "/api/tags"))


def list_answer(path: str, models: Sequence[str]) -> tuple[int, bytes]:
    """Status and body."""
    return 200, orjson.dumps(_listed(path, models))


def _listed(path: str, models: Sequence[str]) -> dict[str, Any]:
    if "pageSize=" in path:
        return {"models": [{"name": f"models/{one}", "displayName": one} for one in models]}
    if path.endswith("/api/tags"):
        return {"models": [{"name": one, "model": one, "size": 1} for one in models]}
    if "limit=" in path:
        return {"data": [{"type": "model", "id": one} for one in models], "has_more": False}
    return {"object": "list", "data": [{"id": one} for one in models]}


def list_refusal(path: str, key: str) -> tuple[int, bytes]:
    """Gemini calls a wrong key a wrong argument."""
    if "pageSize=" not in path:
        return 401, f"Incorrect API key provided: {key}.".encode()
    said = "API key not valid. Please pass a valid API key."
    error = {"code": 400, "message": said, "status": "INVALID_ARGUMENT"}
    return 400, orjson.dumps({"error": error})
