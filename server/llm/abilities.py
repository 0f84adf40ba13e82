"""What a model can do, by the name that a program writes: for remarks while somebody types, without
asking anybody."""

from __future__ import annotations

from functools import lru_cache

from server.bal.check_context import Ability
from server.connections.providers import BY_NAME, PROVIDERS
from server.llm.catalogue import ModelFacts, catalogue


@lru_cache(maxsize=1024)
def ability_of(name: str) -> Ability | None:
    """None for a model of which nothing is known."""
    facts = _facts(name)
    return None if facts is None else Ability(facts.tools, facts.context)


def _facts(name: str) -> ModelFacts | None:
    prefix, colon, rest = name.partition(":")
    if colon and rest and (provider := BY_NAME.get(prefix.lower())):
        return catalogue().find(provider, rest)
    found = (catalogue().find(provider, name) for provider in PROVIDERS)
    return next((facts for facts in found if facts is not None), None)
