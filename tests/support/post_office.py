"""A mail server in the test's own process: it keeps what it is given, or refuses everybody."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope

PASSWORD = "mail-canary-0123456789"


@dataclass
class Post:
    """What the mail server was given. `refusing`: its answer to every recipient."""

    letters: list[Envelope] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    refusing: str = ""

    async def handle_RCPT(self, _s: Any, _t: Any, envelope: Any, to: str, _o: Any) -> str:
        if self.refusing:
            return self.refusing
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:
        self.letters.append(envelope)
        return "250 OK"

    def authenticate(self, _s: Any, _t: Any, _e: Any, _m: str, given: Any) -> AuthResult:
        self.tried.append(given.password.decode())
        return AuthResult(success=given.password == PASSWORD.encode(), handled=False)


def the_letter(post: Post) -> EmailMessage:
    (envelope,) = post.letters
    content = envelope.original_content or b""
    return email.message_from_bytes(content, policy=email.policy.default)  # type: ignore[return-value]


@asynccontextmanager
async def post_office(
    post: Post, implicit: ssl.SSLContext | None = None, **how: Any
) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(post, hostname="mail.test", loop=loop, enable_SMTPUTF8=True, **how),
        "127.0.0.1",
        0,
        ssl=implicit,
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
