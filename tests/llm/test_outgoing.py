"""Where model calls may go, and that a key goes nowhere else, whichever way they leave."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from server.connections.providers import OPENAI
from server.core.errors import AddressRefused
from server.core.net.policy import NetPolicy
from server.core.settings import PROVIDER_NAMES, load_settings
from server.llm.access import Access
from server.llm.errors import ModelError, ModelErrorKind
from server.llm.gateway import Gateway
from server.llm.outgoing import check_bound
from server.llm.routing import Route
from server.llm.served import served_models
from tests.llm.conftest import MakeGateway, ask, both_ways
from tests.support.model_server import ModelServer, Reply

pytestmark = pytest.mark.slow

KEY = "sk-canary-workspace"
# An address of Azure's that takes the slow way.
VERSION = {"azure": {"api_version": "v1"}}
Make = Callable[..., Gateway]


@pytest_asyncio.fixture
async def make() -> AsyncIterator[Make]:
    """A gateway whose operator listed some hosts; every name leads to this machine."""
    made: list[Gateway] = []

    async def here(host: str) -> list[str]:
        return ["127.0.0.1"]

    def build(fast: bool, *listed: str, **environ: str) -> Gateway:
        policy = NetPolicy(listed, resolve=here)
        made.append(Gateway(load_settings(environ), use_fast_path=fast, policy=policy))
        return made[-1]

    yield build
    for gateway in made:
        await gateway.close()


def through(base: str, provider: str = "openai") -> Access:
    return Access("con_1", "My models", provider, KEY, base)


@both_ways
@pytest.mark.parametrize("provider", ["openai", "anthropic", "mistral", "azure"])
async def test_a_workspace_reaches_no_address_inside(
    models: ModelServer, make: Make, fast: bool, provider: str
) -> None:
    for base in (models.url, models.url.replace("127.0.0.1", "inner.test")):
        with pytest.raises(ModelError) as caught:
            await make(fast).chat(ask(model="some-model", access=through(base, provider)))
        assert not caught.value.retryable
        assert "BALEYBOTS_ALLOWED_P" in str(caught.value.hint)
    assert models.total == 0
    assert models.connections == 0


@both_ways
async def test_what_the_operator_listed_is_reached_under_its_own_name(
    models: ModelServer, make: Make, fast: bool
) -> None:
    gateway = make(fast, f"models.test:{models.port}")
    access = through(f"http://models.test:{models.port}/v1")
    assert (await gateway.chat(ask(access=access))).text == "ok"
    assert models.requests[0].headers["host"] == f"models.test:{models.port}"
    assert models.requests[0].key == KEY
    assert KEY not in repr(ask(access=access))


@both_ways
async def test_the_environments_address_is_trusted_and_no_workspaces_is(
    models: ModelServer, make: Make, fast: bool
) -> None:
    """The same address: the operator may use it, a workspace only when it is listed."""
    gateway = make(fast, OPENAI_API_KEY="sk-operator", OPENAI_BASE_URL=models.url)
    assert (await gateway.chat(ask())).text == "ok"
    with pytest.raises(ModelError):
        await gateway.chat(ask(access=through(models.url)))
    assert models.count(key=KEY) == 0


@both_ways
async def test_a_connection_without_an_address_never_takes_the_environments(
    models: ModelServer, make: Make, fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", models.url)
    monkeypatch.setenv("OPENAI_API_BASE", models.url)
    gateway = make(fast, f"127.0.0.1:{models.port}", OPENAI_BASE_URL=models.url)
    access = replace(through(""), api_base=None)
    with pytest.raises(ModelError):
        await gateway.chat(ask(access=access))
    assert models.count(key=KEY) == 0


@both_ways
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_a_redirect_takes_no_key_along(
    models: ModelServer, make_gateway: MakeGateway, fast: bool, stream: bool
) -> None:
    async with ModelServer() as thief:
        away = {"location": f"{thief.url.replace('127.0.0.1', 'localhost')}/chat/completions"}
        models.default = Reply(status=307, headers=away, error="Moved.")
        with pytest.raises(ModelError) as caught:
            await make_gateway(fast).chat(ask(stream=stream))
        assert thief.total == 0
    assert not caught.value.retryable
    assert "key" in caught.value.message


@both_ways
@pytest.mark.parametrize("provider", ["openai", "azure"])
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_a_redirect_to_another_port_takes_no_key_along(
    models: ModelServer, make: Make, fast: bool, stream: bool, provider: str
) -> None:
    """Behind it is another program, of somebody else perhaps."""
    async with ModelServer() as thief:
        away = {"location": f"{thief.url}/chat/completions"}
        models.default = Reply(status=307, headers=away, error="Moved.")
        gateway = make(fast, f"127.0.0.1:{models.port}", f"127.0.0.1:{thief.port}")
        access = replace(through(models.url, provider), extra=VERSION.get(provider, {}))
        with pytest.raises(ModelError) as caught:
            await gateway.chat(ask(model="own", stream=stream, access=access))
        assert thief.total == 0
    assert models.total == 1
    assert not caught.value.retryable
    assert "key" in caught.value.message


@pytest.mark.parametrize(
    ("base", "url", "is_bound"),
    [
        ("https://a.test/v1", "https://a.test/v1/chat", True),
        ("https://a.test/v1", "https://A.test:443/v1/chat", True),
        ("https://a.test/v1", "http://a.test/v1/chat", False),
        ("https://a.test/v1", "https://a.test:8443/v1/chat", False),
        ("http://a.test:80/v1", "http://a.test/v1/chat", True),
        ("http://a.test:99999/v1", "http://a.test/v1/chat", False),
        (None, "https://api.openai.com/v1/chat", True),
        (None, "http://api.openai.com/v1/chat", False),
        (None, "https://api.openai.com:8443/v1/chat", False),
        (None, "https://api.openai.com.test/v1/chat", False),
    ],
)
def test_a_key_is_bound_to_scheme_host_and_port(base: str | None, url: str, is_bound: bool) -> None:
    route = Route("own", OPENAI, "own", KEY, base, trusted=True)
    with nullcontext() if is_bound else pytest.raises(AddressRefused):
        check_bound(route, url, NetPolicy())


@both_ways
async def test_no_proxy_of_the_environment_is_used(
    models: ModelServer, make_gateway: MakeGateway, fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ModelServer() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.base)
        assert (await make_gateway(fast).chat(ask())).text == "ok"
        assert (proxy.total, models.total) == (0, 1)


async def test_the_library_calls_nothing_outside_of_a_model_call(
    models: ModelServer, make_gateway: MakeGateway
) -> None:
    tools = await make_gateway().prepare()
    with pytest.raises(Exception, match=r"onnection|outside"):
        await tools.litellm.acompletion(
            model="openai/x",
            messages=[{"role": "user", "content": "x"}],
            base_url=models.url,
            api_key="k",
            max_retries=0,
        )
    assert models.total == 0


async def test_the_blocking_clients_of_the_library_call_nothing(
    models: ModelServer, make_gateway: MakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    litellm = (await make_gateway().prepare()).litellm
    from litellm.llms.custom_httpx.http_handler import HTTPHandler

    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, models.base)
    for client in (litellm.module_level_client, HTTPHandler()):
        with pytest.raises(AddressRefused):
            await asyncio.to_thread(client.post, f"{models.url}/chat/completions", json={})
    assert models.connections == 0


@both_ways
async def test_two_workspaces_at_once_do_not_lend_each_other_an_address(
    models: ModelServer, make: Make, fast: bool
) -> None:
    gateway = make(fast, f"mine.test:{models.port}")
    models.default = Reply(delay=0.02)
    good = through(f"http://mine.test:{models.port}/v1")
    bad = replace(good, api_base=f"http://theirs.test:{models.port}/v1")
    calls = [gateway.chat(ask(access=access)) for access in (good, bad) * 5]
    done = await asyncio.gather(*calls, return_exceptions=True)
    assert [isinstance(one, ModelError) for one in done] == [False, True] * 5
    assert {one.headers["host"] for one in models.requests} == {f"mine.test:{models.port}"}


async def test_a_connection_for_another_provider_says_so(make: Make) -> None:
    with pytest.raises(ModelError) as caught:
        make(True).route("anthropic:claude-haiku-4-5", Access("con_1", "Mine", "openai", KEY))
    assert caught.value.kind is ModelErrorKind.MODEL_UNKNOWN
    assert caught.value.message == "The connection “Mine” is for OpenAI, not for Anthropic."


async def test_an_endpoint_lists_its_models_only_where_the_policy_lets_us_ask(
    models: ModelServer,
) -> None:
    models.models = ("a", "b")
    assert await served_models(models.url, "k") == ("a", "b")
    assert await served_models(models.url, "k", NetPolicy()) == ()
    listed = NetPolicy([f"127.0.0.1:{models.port}"])
    assert await served_models(models.url, "k", listed) == ("a", "b")


@both_ways
@pytest.mark.parametrize("provider", ["openai", "anthropic", "mistral", "groq", "azure", "bedrock"])
async def test_a_connection_without_a_key_never_takes_the_operators(
    models: ModelServer, make: Make, fast: bool, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address is the workspace's, so the operator's key would go to whoever it names."""
    environ = {name: "sk-canary-operator" for name in PROVIDER_NAMES if PROVIDER_NAMES[name]}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OPENAI_ORGANIZATION", "org-canary-operator")
    gateway = make(fast, f"127.0.0.1:{models.port}", **environ)
    keyless = replace(through(models.url, provider), api_key=None)
    if provider == "openai":
        await gateway.chat(ask(model="own", access=keyless))
    else:
        with pytest.raises(ModelError) as caught:
            await gateway.chat(ask(model="own", access=keyless))
        assert caught.value.kind is ModelErrorKind.PROVIDER_AUTH
    for request in models.requests:
        assert "canary-operator" not in str(request.headers) + str(request.body)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """One that nobody has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    made = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(made + secret)
    return path


@both_ways
@pytest.mark.parametrize("tls", [True, False], ids=["unknown signer", "no tls"])
async def test_nothing_is_sent_without_a_valid_certificate(
    make_gateway: MakeGateway, fast: bool, tls: bool, certificate: Path
) -> None:
    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.readline())
        writer.write(b"HTTP/1.1 400 No\r\n\r\n")
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context if tls else None)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(ModelError) as caught:
        await make_gateway(fast, OPENAI_BASE_URL=f"https://127.0.0.1:{port}/v1").chat(ask())
    server.close()
    assert not caught.value.retryable
    says = "has no valid certificate (self-signed certificate)" if tls else "does not speak TLS"
    assert says in caught.value.message
    assert not any(line.startswith(b"POST") for line in got)
