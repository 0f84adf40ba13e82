"""Whose key a call uses, when it is not one of the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Access:
    """A workspace's own way to a provider. `connection` is its id, `label` what its owner calls it;
    its address obeys the policy for outgoing connections. `concurrency` calls at once and
    `per_minute` are let through; None: any number."""

    connection: str
    label: str
    provider: str
    api_key: str | None = field(default=None, repr=False)
    api_base: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    concurrency: int | None = None
    per_minute: int | None = None
