"""Every setting, read once from the environment into one frozen object and passed down.

The fields below are the one table of settings: `docs/settings.md` and `baleybots doctor` are made
from it. Each has a default that works with nothing installed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from server.core import setting_values as read
from server.core.errors import SettingsError
from server.core.setting_values import Reader

PREFIX = "BALEYBOTS_"

# Read by the command line when it talks to a running server; not settings of the server.
CLIENT_NAMES = ("BALEYBOTS_URL", "BALEYBOTS_TOKEN")

# The providers' own usual names, as their own tools read them. True: the value is a secret.
PROVIDER_NAMES: dict[str, bool] = {
    "OPENAI_API_KEY": True,
    "OPENAI_BASE_URL": False,
    "OPENAI_API_BASE": False,
    "OPENAI_ORGANIZATION": False,
    "ANTHROPIC_API_KEY": True,
    "ANTHROPIC_BASE_URL": False,
    "ANTHROPIC_API_BASE": False,
    "GEMINI_API_KEY": True,
    "GOOGLE_API_KEY": True,
    "GROQ_API_KEY": True,
    "MISTRAL_API_KEY": True,
    "DEEPSEEK_API_KEY": True,
    "OPENROUTER_API_KEY": True,
    "XAI_API_KEY": True,
    "TOGETHERAI_API_KEY": True,
    "FIREWORKS_AI_API_KEY": True,
    "COHERE_API_KEY": True,
    "PERPLEXITYAI_API_KEY": True,
    "CEREBRAS_API_KEY": True,
    "NVIDIA_NIM_API_KEY": True,
    "HUGGINGFACE_API_KEY": True,
    "AZURE_API_KEY": True,
    "AZURE_API_BASE": False,
    "AZURE_API_VERSION": False,
    "AWS_ACCESS_KEY_ID": True,
    "AWS_SECRET_ACCESS_KEY": True,
    "AWS_SESSION_TOKEN": True,
    "AWS_REGION_NAME": False,
    "OLLAMA_API_BASE": False,
    "OLLAMA_HOST": False,
    "TAVILY_API_KEY": True,
}

# Helpful to a run, but no place to send a model call to.
_NOT_A_PROVIDER = {
    "TAVILY_API_KEY",
    "OPENAI_ORGANIZATION",
    "AZURE_API_VERSION",
    "AWS_REGION_NAME",
    "AWS_SESSION_TOKEN",
}

_MASK = "********"


def _setting(
    reader: Reader, default: Any, doc: str, *, shown: str | None = None, secret: bool = False
) -> Any:
    meta = {"reader": reader, "doc": doc, "shown": shown, "secret": secret}
    return field(default=default, metadata=meta)


@dataclass(frozen=True, slots=True, repr=False)
class Settings:
    database_url: str = _setting(
        read.database_url,
        "",
        "Where the data is kept: sqlite:///path, postgres://user:password@host/name or "
        "mysql://user:password@host/name.",
        shown="sqlite, the file baleybots.db in the data folder",
    )
    redis_url: str | None = _setting(
        read.redis_url,
        None,
        "Redis, redis://host:6379/0 or rediss:// for TLS. Without it a queue inside the process "
        "is used; several processes need a real one.",
        shown="the embedded queue",
    )
    data_dir: Path = _setting(  # noqa: RUF009 (a field, with a default that cannot change)
        read.folder,
        Path("data"),
        "The folder for the SQLite file, the secret key, backups and large results.",
        shown="./data",
    )
    secret_key: str | None = _setting(
        read.secret_key,
        None,
        "The key that protects stored secrets: at least 32 random characters.",
        shown="made once, in the data folder",
        secret=True,
    )
    secret_key_file: Path | None = _setting(  # noqa: RUF009 (as above)
        read.folder,
        None,
        "A file that holds the key instead, with mode 0600. Set this or SECRET_KEY, not both.",
        shown="secret.key in the data folder",
    )
    old_secret_keys: tuple[str, ...] = _setting(
        read.secret_keys,
        (),
        "Earlier secret keys, separated by commas: what they sealed can still be opened. Set this "
        "while the key is changed, then type `baleybots secrets rotate`.",
        shown="none",
        secret=True,
    )
    public_url: str | None = _setting(
        read.http_url,
        None,
        "The address under which people reach this server: used in links, sign-in and webhooks.",
        shown="the address that it listens on",
    )
    log_level: Literal["debug", "info", "warning", "error"] = _setting(
        read.one_of("debug", "info", "warning", "error"), "info", "How much is logged."
    )
    log_format: Literal["auto", "console", "json"] = _setting(
        read.one_of("auto", "console", "json"),
        "auto",
        "How log lines look: for people, or one JSON object a line. `auto` is console on a "
        "terminal, else json.",
    )
    allowed_private_hosts: tuple[str, ...] = _setting(
        read.private_hosts,
        (),
        "Addresses inside your network that tools, connections and model endpoints may reach, "
        "separated by commas: host:port, host:* or CIDR:port, such as localhost:11434 or "
        "10.0.0.0/8:443.",
        shown="none",
    )
    allowed_ports: tuple[int, ...] = _setting(
        read.ports,
        (),
        "Ports beside 80 and 443 that outgoing http may use, separated by commas.",
        shown="none",
    )
    trusted_proxies: tuple[str, ...] = _setting(
        read.networks,
        (),
        "Addresses or networks of proxies whose X-Forwarded headers are believed, separated by "
        "commas.",
        shown="none",
    )
    sqlite_sync: Literal["full", "normal"] = _setting(
        read.one_of("full", "normal"),
        "full",
        "How SQLite writes: `full` loses nothing that was answered, even at a power cut; `normal` "
        "is faster and survives a crash of the program, but a power cut may lose the last moments.",
    )
    smtp_url: str | None = _setting(
        read.smtp_url,
        None,
        "The mail server, smtp://user:password@host:587?from=bots@example.org or smtps://…:465. "
        "Without `from`, letters come from the user, or from baleybots@host.",
        shown="no mail",
    )
    metrics_token: str | None = _setting(
        read.token,
        None,
        "The bearer token for /metrics; without it only owners and admins of the first workspace "
        "read it.",
        shown="none",
        secret=True,
    )
    tick_secret: str | None = _setting(
        read.token,
        None,
        "The bearer token for POST /tick, for a host that wakes the server from outside.",
        shown="/tick is off",
        secret=True,
    )
    retention_days: int = _setting(
        read.whole(0, 36_500),
        0,
        "After how many days finished executions are deleted; 0 keeps them for ever.",
    )
    explorer: bool = _setting(
        read.on_off,
        True,
        "The GraphQL explorer and introspection for people who are signed in: on or off.",
        shown="on",
    )
    rate_limit_token: int = _setting(
        read.whole(0, 10**12),
        5_000_000,
        "Points that one API token may spend in a minute; a request costs its price, 1 to 10000 "
        "(docs/api.md). 0 sets no limit.",
    )
    rate_limit_user: int = _setting(
        read.whole(0, 10**12),
        5_000_000,
        "Points that one person may spend in a minute, in the browser and with all of their "
        "tokens. 0 sets no limit.",
    )
    rate_limit_workspace: int = _setting(
        read.whole(0, 10**12),
        10_000_000,
        "Points that all of a workspace together may spend in a minute. 0 sets no limit.",
    )
    request_seconds: int = _setting(
        read.whole(0, 3600),
        60,
        "How many seconds a query or a mutation may take before it is stopped. 0 sets no limit.",
    )
    sockets_per_user: int = _setting(
        read.whole(1, 100_000),
        1000,
        "How many sockets one person may keep open, in the browser and with all of their tokens.",
    )
    worker_memory_mib: int = _setting(
        read.whole(0, 100_000_000),
        0,
        "How much memory a process that works may hold, in MiB. Above that it takes nothing new "
        "until it is below again (docs/operations.md). 0: 80 % of what the machine or its "
        "container has.",
        shown="0",
    )
    default_model: str | None = _setting(
        read.text,
        None,
        "The model for bots that name none, such as openai:gpt-4o-mini.",
        shown="the first provider that is set up, else the demo model",
    )
    demo: bool = _setting(
        read.on_off,
        True,
        "The offline demo model answers where no model is named: on or off.",
        shown="on when no provider is set up",
    )
    providers: Mapping[str, str] = field(default_factory=dict[str, str])

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={text}" for name, text in self.shown().items())
        return f"Settings({shown})"

    def shown(self) -> dict[str, str]:
        """Each setting as it may be shown to anybody: no secret, no password in an address."""
        values = {spec.field: _harmless(spec, getattr(self, spec.field)) for spec in SETTINGS}
        given = {name: _harmless_provider(name, text) for name, text in self.providers.items()}
        return values | given

    def secret_values(self) -> tuple[str, ...]:
        """What the log filter must never let through."""
        own = [text for spec in SETTINGS if spec.secret for text in _texts(self, spec.field)]
        urls = (self.database_url, self.redis_url, self.smtp_url)
        passwords = [text for url in urls for text in _passwords(url)]
        keys = [text for name, text in self.providers.items() if PROVIDER_NAMES[name]]
        given = [text for text in [*own, *passwords, *keys] if text]
        return tuple(dict.fromkeys([*given, *map(unquote, given)]))

    @property
    def has_provider(self) -> bool:
        return bool(self.providers.keys() - _NOT_A_PROVIDER)

    @property
    def sqlite_path(self) -> Path | None:
        """The file of the SQLite database; None for another kind of database."""
        if not self.database_url.startswith("sqlite:"):
            return None
        return Path(self.database_url.removeprefix("sqlite:").removeprefix("//").split("?")[0])


@dataclass(frozen=True, slots=True)
class SettingSpec:
    """One line of the table of settings."""

    field: str
    name: str
    default: str
    description: str
    allowed: str
    secret: bool
    reader: Reader


def _specs() -> tuple[SettingSpec, ...]:
    return tuple(
        SettingSpec(
            field=item.name,
            name=PREFIX + item.name.upper(),
            default=item.metadata["shown"] or str(item.default),
            description=item.metadata["doc"],
            allowed=item.metadata["reader"].allowed,
            secret=item.metadata["secret"],
            reader=item.metadata["reader"],
        )
        for item in fields(Settings)
        if "reader" in item.metadata
    )


SETTINGS: tuple[SettingSpec, ...] = _specs()


def load_settings(environ: Mapping[str, str], **overrides: Any) -> Settings:
    """Reads every setting. An override that is not None wins over the environment; text is read
    the same way as from there."""
    providers = {name: environ[name] for name in PROVIDER_NAMES if environ.get(name)}
    values: dict[str, Any] = {}
    for spec in SETTINGS:
        given = overrides.pop(spec.field, None)
        given = environ.get(spec.name) if given is None else given
        if given is not None and given != "":
            values[spec.field] = _read(spec, given)
    if overrides:
        raise TypeError(f"no such setting: {', '.join(overrides)}")
    return Settings(**_completed(values, providers), providers=providers)


def _read(spec: SettingSpec, given: Any) -> Any:
    if not isinstance(given, str | os.PathLike):
        return given
    try:
        return spec.reader(os.fspath(given).strip())
    except ValueError as error:
        raise SettingsError(spec.name, str(error)) from None


def _completed(values: dict[str, Any], providers: Mapping[str, str]) -> dict[str, Any]:
    """The defaults that depend on another setting."""
    if "secret_key" in values and "secret_key_file" in values:
        raise SettingsError(PREFIX + "SECRET_KEY", "set this or SECRET_KEY_FILE, not both.")
    folder: Path = values.setdefault("data_dir", read.folder("data"))
    values.setdefault("database_url", f"sqlite://{folder / 'baleybots.db'}")
    values.setdefault("demo", not Settings(providers=providers).has_provider)
    return values


def misspelt(environ: Mapping[str, str]) -> str | None:
    """A sentence about the names with our prefix that mean nothing; None when there are none."""
    known = {spec.name for spec in SETTINGS}.union(CLIENT_NAMES)
    unknown = sorted(name for name in environ if name.startswith(PREFIX) and name not in known)
    if not unknown:
        return None
    listed = ", ".join(_with_guess(name, known) for name in unknown)
    return f"No setting is called {listed}. docs/settings.md has all of them."


def _with_guess(name: str, known: Iterable[str]) -> str:
    endings = [one.removeprefix(PREFIX) for one in known]
    near = get_close_matches(name.removeprefix(PREFIX), endings, n=1, cutoff=0.7)
    return f"{name} (did you mean {PREFIX}{near[0]}?)" if near else name


def _texts(settings: Settings, name: str) -> tuple[str | None, ...]:
    value: str | tuple[str, ...] | None = getattr(settings, name)
    return value if isinstance(value, tuple) else (value,)


def _harmless(spec: SettingSpec, value: Any) -> str:
    if spec.secret:
        return _MASK if value else "-"
    if isinstance(value, str):
        return without_password(value)
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "-"
    return "-" if value is None else str(value)


def _harmless_provider(name: str, text: str) -> str:
    return _MASK if PROVIDER_NAMES[name] else without_password(text)


def without_password(url: str) -> str:
    secret = _password(url)
    shown = url.replace(f":{secret}@", f":{_MASK}@") if secret else url
    return _PASSWORD_BEHIND.sub(rf"\1{_MASK}", shown)


def _password(url: str | None) -> str | None:
    if not url or "@" not in url:
        return None
    try:
        return urlsplit(url).password
    except ValueError:
        return url.rpartition("@")[0]


def _passwords(url: str | None) -> list[str | None]:
    return [_password(url), *(found[2] for found in _PASSWORD_BEHIND.finditer(url or ""))]


# Redis reads it there too; behind the path of a socket there is no other place for it.
_PASSWORD_BEHIND = re.compile(r"([?&][a-z_]*passw(?:or)?d=)([^&#]+)", re.IGNORECASE)
