"""Mail through the operator's own server: for one-time links and invitations."""

from __future__ import annotations

import asyncio
import re
import smtplib
import ssl
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import localtime, make_msgid
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from server.core.errors import Upstream
from server.core.settings import Settings

SECONDS = 15
_PORTS = {"smtp": 587, "smtps": 465}


# One mailbox and nothing else: `a@b.example,c@d.example` in a letter would be two.
_MAILBOX = re.compile(r"""[^\s"(),:;<>@\[\\\]]{1,200}@[^\s"(),:;<>@\[\\\]]{1,253}""")


def is_mailbox(address: str) -> bool:
    return address.isprintable() and _MAILBOX.fullmatch(address) is not None


@dataclass(frozen=True, slots=True)
class Letter:
    to: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True, repr=False)
class Mailer:
    """`smtp://` changes to TLS when the server offers it, and insists on that before it sends a
    password; `smtps://` speaks TLS from the start."""

    url: str

    @staticmethod
    def of(settings: Settings) -> Mailer | None:
        return Mailer(settings.smtp_url) if settings.smtp_url else None

    async def send(self, letter: Letter) -> None:
        parts = urlsplit(self.url)
        if not is_mailbox(letter.to):
            raise Upstream(f"No mail can be sent to {letter.to[:80]!r}.")
        message = _message(letter, _sender(parts))
        try:
            await asyncio.to_thread(_send, parts, message)
        except (OSError, smtplib.SMTPException, UnicodeError) as error:
            host, port = _place(parts)
            raise Upstream(
                f"The mail server {host}:{port} did not take the mail: {_reason(error)}.",
                hint="Check BALEYBOTS_SMTP_URL.",
                retryable=True,
            ) from error


def _send(parts: SplitResult, message: EmailMessage) -> None:
    host, port = _place(parts)
    context = ssl.create_default_context()
    if parts.scheme == "smtps":
        line: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=context)
    else:
        line = smtplib.SMTP(host, port, timeout=SECONDS)
    with line:
        line.ehlo()
        if parts.scheme == "smtp" and line.has_extn("starttls"):
            line.starttls(context=context)
            line.ehlo()
        elif parts.scheme == "smtp" and parts.password:
            raise smtplib.SMTPNotSupportedError("it offers no TLS, and a password needs that")
        if parts.username and parts.password:
            line.login(unquote(parts.username), unquote(parts.password))
        line.send_message(message)


def _message(letter: Letter, sender: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = Address("Baleybots", *sender.rsplit("@", 1))
    message["To"] = Address("", *letter.to.rsplit("@", 1))
    message["Subject"] = " ".join(letter.subject.split())
    message["Date"] = localtime()
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"  # so that nobody's absence notice comes back
    message.set_content(letter.text)
    return message


def _place(parts: SplitResult) -> tuple[str, int]:
    return parts.hostname or "localhost", parts.port or _PORTS[parts.scheme]


def _sender(parts: SplitResult) -> str:
    user = unquote(parts.username or "")
    given = parse_qs(parts.query).get("from") or [user]
    return given[0] if "@" in given[0] else f"baleybots@{parts.hostname or 'localhost'}"


def _reason(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, told = next(iter(error.recipients.values()))
        return _answer(code, told)
    if isinstance(error, smtplib.SMTPResponseException):
        return _answer(error.smtp_code, error.smtp_error)
    return str(error).strip().partition("\n")[0][:200] or type(error).__name__


def _answer(code: int, told: bytes | str) -> str:
    text = told.decode("utf-8", "replace") if isinstance(told, bytes) else told
    return f"{code} {' '.join(text.split())[:200]}"
