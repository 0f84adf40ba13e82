"""Tokens that are shown once and kept as a hash."""

from __future__ import annotations

import hashlib
import secrets

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"


def new_secret(length: int = 32) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def hash_of(token: str) -> str:
    """Random tokens need no slow hash: there is nothing to guess from."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
