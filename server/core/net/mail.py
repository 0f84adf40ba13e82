"""Mail through the operator's own server: for one-time links and invitations."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from server.core.errors import Upstream
from server.core.settings import Settings, without_password

SECONDS = 15
_PORTS = {"smtp": 587, "smtps": 465}


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
        try:
            await asyncio.to_thread(self._send, letter)
        except (OSError, smtplib.SMTPException) as error:
            place = without_password(self.url).rpartition("@")[2]
            raise Upstream(
                f"The mail server {place} did not take the mail: {_reason(error)}.",
                hint="Check BALEYBOTS_SMTP_URL.",
                retryable=True,
            ) from error

    def _send(self, letter: Letter) -> None:
        parts = urlsplit(self.url)
        host, port = parts.hostname or "localhost", parts.port or _PORTS[parts.scheme]
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
            line.send_message(self._message(letter, parts.username, host))

    def _message(self, letter: Letter, user: str | None, host: str) -> EmailMessage:
        message = EmailMessage()
        name = unquote(user or "")
        message["From"] = f"Baleybots <{name if '@' in name else f'baleybots@{host}'}>"
        message["To"] = letter.to
        message["Subject"] = " ".join(letter.subject.split())
        message.set_content(letter.text)
        return message


def _reason(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        told = error.smtp_error
        text = told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
        return f"{error.smtp_code} {' '.join(text.split())[:200]}"
    return str(error).strip().partition("\n")[0][:200] or type(error).__name__
