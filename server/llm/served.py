"""What an OpenAI-compatible endpoint says it serves."""

from __future__ import annotations

import aiohttp

_PATIENCE_SECONDS = 3.0
_MOST = 2000


async def served_models(base: str, key: str | None) -> tuple[str, ...]:
    """What the endpoint says it serves; nothing when it does not answer."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    limit = aiohttp.ClientTimeout(total=_PATIENCE_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=limit, headers=headers) as session,
            session.get(f"{base}/models") as response,
        ):
            body = await response.json(content_type=None)
            return tuple(str(model["id"]) for model in body["data"][:_MOST])
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError):
        return ()
