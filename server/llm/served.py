"""What an OpenAI-compatible endpoint says it serves."""

from __future__ import annotations

import aiohttp

from server.core.errors import AddressRefused
from server.core.net.policy import NetPolicy
from server.llm.outgoing import session_for

_PATIENCE_SECONDS = 3.0
_MOST = 2000


async def served_models(
    base: str, key: str | None, policy: NetPolicy | None = None
) -> tuple[str, ...]:
    """What the endpoint says it serves; nothing when it does not answer. Without a policy the
    address is trusted: it is the operator's own."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    limit = aiohttp.ClientTimeout(total=_PATIENCE_SECONDS)
    try:
        async with (
            session_for(policy) as session,
            session.get(
                f"{base}/models", headers=headers, timeout=limit, allow_redirects=False
            ) as response,
        ):
            body = await response.json(content_type=None)
            return tuple(str(model["id"]) for model in body["data"][:_MOST])
    except (aiohttp.ClientError, AddressRefused, TimeoutError, ValueError, KeyError, TypeError):
        return ()
