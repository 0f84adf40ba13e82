"""Letters over real SMTP: a server in the test's own process, with TLS and passwords."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from server.core.errors import Upstream
from server.core.net import mail
from server.core.net.mail import Letter, Mailer
from tests.support.post_office import PASSWORD, Post, post_office, the_letter

LINK = "https://bots.test/reset?token=" + "a" * 43
LETTER = Letter("ada@example.org", "A new password", f"Set it here:\n\n{LINK}\n")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificate and key of 127.0.0.1, signed by itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.Encoding.PEM
    secret = key.private_bytes(
        form, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path_factory.mktemp("tls") / "mail.pem"
    path.write_bytes(secret + made.public_bytes(form))
    return path


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    return tls_of(certificate)


def tls_of(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


async def test_a_letter_arrives_whole() -> None:
    post = Post()
    async with post_office(post) as port:
        url = f"smtp://127.0.0.1:{port}?from=bots@example.org"
        subject = "Zoë asks you into “Träume”"
        await Mailer(url).send(Letter("ada@example.org", subject, f"Grüße.\n.\n{LINK}\n"))
    letter = the_letter(post)
    assert post.letters[0].rcpt_tos == ["ada@example.org"]
    assert str(letter["From"]) == "Baleybots <bots@example.org>"
    assert str(letter["To"]) == "ada@example.org"
    assert str(letter["Subject"]) == subject
    assert letter["Date"].datetime is not None
    assert str(letter["Message-ID"]).endswith("@example.org>")
    assert letter.get_content().replace("\r\n", "\n") == f"Grüße.\n.\n{LINK}\n"


@pytest.mark.parametrize("to", [
    "a@b.example\r\nBcc: eve@evil.test", "a@b.example,eve@evil.test", "<a@b.example> eve@evil.test",
    "a@b.example\n\nHello", "", "nobody", "a@b.example\0",
])  # fmt: skip
async def test_an_address_that_is_more_than_one_is_refused(to: str) -> None:
    post = Post()
    async with post_office(post) as port:
        with pytest.raises(Upstream):
            await Mailer(f"smtp://127.0.0.1:{port}").send(Letter(to, "Hello", "Text"))
    assert post.letters == []


@pytest.mark.parametrize("line", ["\r\n", "\n", "\r", "\u2028", "\x0b", "\x85"])
async def test_a_name_cannot_add_headers(line: str) -> None:
    post = Post()
    subject = f"Eve{line}Bcc: all@evil.test{line}{line}<html> asks you in"
    async with post_office(post) as port:
        await Mailer(f"smtp://127.0.0.1:{port}").send(Letter("a@b.example", subject, "Text"))
    assert the_letter(post)["Bcc"] is None
    assert post.letters[0].rcpt_tos == ["a@b.example"]
    assert the_letter(post).get_content().strip() == "Text"


async def test_a_password_goes_over_tls(trusted: ssl.SSLContext) -> None:
    post = Post()
    how: dict[str, Any] = {"tls_context": trusted, "require_starttls": True, "auth_required": True}
    async with post_office(post, authenticator=post.authenticate, **how) as port:
        await Mailer(f"smtp://bots%40example.org:{PASSWORD}@127.0.0.1:{port}").send(LETTER)
    assert post.tried == [PASSWORD]
    assert str(the_letter(post)["From"]) == "Baleybots <bots@example.org>"


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
async def test_tls_from_the_start(trusted: ssl.SSLContext) -> None:
    post = Post()
    how: dict[str, Any] = {"auth_required": True, "auth_require_tls": False}
    async with post_office(post, trusted, authenticator=post.authenticate, **how) as port:
        await Mailer(f"smtps://me:{PASSWORD}@127.0.0.1:{port}").send(LETTER)
    assert post.tried == [PASSWORD]
    assert len(post.letters) == 1


async def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: Path) -> None:
    post = Post()
    context = tls_of(certificate)
    async with post_office(
        post, authenticator=post.authenticate, tls_context=context, auth_required=True
    ) as port:
        with pytest.raises(Upstream, match="certificate"):
            await Mailer(f"smtp://me:{PASSWORD}@127.0.0.1:{port}").send(LETTER)
    assert (post.tried, post.letters) == ([], [])


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
async def test_a_password_is_not_sent_in_the_clear() -> None:
    post = Post()
    how: dict[str, Any] = {"auth_required": True, "auth_require_tls": False}
    async with post_office(post, authenticator=post.authenticate, **how) as port:
        with pytest.raises(Upstream, match="no TLS"):
            await Mailer(f"smtp://me:{PASSWORD}@127.0.0.1:{port}").send(LETTER)
    assert (post.tried, post.letters) == ([], [])


async def test_a_wrong_password_is_told_without_it(trusted: ssl.SSLContext) -> None:
    post = Post()
    async with post_office(
        post, authenticator=post.authenticate, tls_context=trusted, auth_required=True
    ) as port:
        with pytest.raises(Upstream) as refused:
            await Mailer(f"smtp://me:wrong-{PASSWORD}@127.0.0.1:{port}").send(LETTER)
    assert "535" in refused.value.message
    assert refused.value.hint == "Check BALEYBOTS_SMTP_URL."
    assert PASSWORD not in f"{refused.value!r} {refused.value.__cause__!r}"


async def test_a_refused_recipient_is_told_with_the_servers_words() -> None:
    post = Post(refusing="550 5.1.1 There is no such mailbox")
    async with post_office(post) as port:
        with pytest.raises(Upstream, match=r"550 5.1.1 There is no such mailbox"):
            await Mailer(f"smtp://127.0.0.1:{port}").send(LETTER)


async def test_an_address_beyond_ascii_goes_where_it_is_understood() -> None:
    post = Post()
    async with post_office(post) as port:
        await Mailer(f"smtp://127.0.0.1:{port}").send(Letter("zoë@example.org", "Hello", "Text"))
    assert post.letters[0].rcpt_tos == ["zoë@example.org"]


async def test_a_server_that_says_nothing_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mail, "SECONDS", 0.1)
    held: list[asyncio.StreamWriter] = []

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Upstream, match="timed out"):
            await Mailer(f"smtp://127.0.0.1:{port}").send(LETTER)
        for writer in held:
            writer.close()
