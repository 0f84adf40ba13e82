"""What somebody filled in, checked against the form of its kind."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from server.connections.base import FieldSpec, Kind, Values
from server.connections.registry import BASE_URL
from server.core.errors import AddressRefused, Invalid
from server.core.net.policy import NetPolicy

LONGEST = 4000
SHOWN_CHARACTERS = 4
MOST = 1_000_000
USUAL_PORTS = {"http": 80, "https": 443}


def checked_settings(kind: Kind, given: Values, policy: NetPolicy) -> dict[str, Any]:
    """Settings in full; what is empty is left out. Fields that the form has not are refused: a
    secret put there by mistake would be stored in the clear."""
    known = {one.name: one for one in kind.settings}
    _refuse_unknown(kind, given, known, "settings")
    found = {name: _setting(known[name], value, policy) for name, value in given.items()}
    kept = {name: value for name, value in found.items() if value not in (None, "")}
    for spec in kind.settings:
        if spec.required and spec.name not in kept:
            raise Invalid(f"{spec.label} is needed.", path=["settings", spec.name])
    return kept


def checked_secrets(kind: Kind, given: Values, stored: Values) -> dict[str, str]:
    """The stored ones with the given ones on top. An empty text takes one away."""
    known = {one.name: one for one in kind.secrets}
    _refuse_unknown(kind, given, known, "secrets")
    found = {**stored, **{name: _secret(known[name], value) for name, value in given.items()}}
    kept = {name: value for name, value in found.items() if value}
    for spec in kind.secrets:
        if spec.required and spec.name not in kept:
            raise Invalid(f"{spec.label} is needed.", path=["secrets", spec.name])
    return kept


def shown(secrets: Values) -> dict[str, str]:
    """The last characters, and of a short one nothing."""
    return {
        name: f"…{value[-SHOWN_CHARACTERS:]}" if len(value) >= 12 else "…"
        for name, value in secrets.items()
    }


def _house(settings: Values) -> tuple[str, str, int | None]:
    """Another port of a machine is another program, perhaps somebody else's."""
    parts = urlsplit(str(settings.get(BASE_URL) or "").lower())
    return parts.scheme, parts.hostname or "", parts.port or USUAL_PORTS.get(parts.scheme)


def refuse_moved_key(before: Values, after: Values, given: Values, stored: Values) -> None:
    """A key was given for one host and port. Whoever changes them gives the key again, so that
    nobody who may edit but not read can have it sent to a program of their own."""
    if not stored or _house(before) == _house(after):
        return
    missing = [name for name in stored if name not in given]
    if missing:
        raise Invalid(
            "The address leads elsewhere, and a key stays with the host and port it was given for.",
            hint="Enter the key again with the new address.",
            path=["secrets", missing[0]],
        )


def _refuse_unknown(kind: Kind, given: Values, known: dict[str, FieldSpec], place: str) -> None:
    for name in given:
        if name not in known:
            raise Invalid(
                f"A connection to {kind.label} has no {place} field {name[:40]!r}.",
                hint=f"It has {', '.join(known) or 'none'}.",
                path=[place, name[:40]],
            )


def _setting(spec: FieldSpec, value: Any, policy: NetPolicy) -> Any:
    path = ["settings", spec.name]
    if value is None or value == "":
        return None
    if spec.type == "number":
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST:
            raise Invalid(f"{spec.label} is a whole number from 1 to {MOST}.", path=path)
        return value
    if not isinstance(value, str) or len(value) > LONGEST or not value.isprintable():
        raise Invalid(f"{spec.label} is one line of text.", path=path)
    return _address(value.strip(), policy, path) if spec.type == "url" else value.strip()


def _address(value: str, policy: NetPolicy, path: list[str]) -> str:
    """Refused while it is typed where the policy can tell so; the rest when it is called."""
    url = value if "://" in value else f"https://{value}"
    parts = urlsplit(url)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise Invalid("An address has no user, question mark or hash in it.", path=path)
    try:
        policy.read(url)
    except AddressRefused as refused:
        raise AddressRefused(refused.message, hint=refused.hint, path=path) from None
    return url.rstrip("/")


def _secret(spec: FieldSpec, value: Any) -> str:
    path = ["secrets", spec.name]
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > LONGEST:
        raise Invalid(f"{spec.label} is text of at most {LONGEST} characters.", path=path)
    text = value.strip()
    if text and not (text.isascii() and text.isprintable()):
        raise Invalid(f"{spec.label} holds characters that no key has; copy it again.", path=path)
    return text
