"""Facts about known models, from the price file that the LLM library ships.

The file is read on its own, without importing the library (which takes seconds and 170 MB), the
first time that a price or a name is needed: about 40 ms, and 2 MB for what is kept.
"""

from __future__ import annotations

import difflib
import functools
import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from server.connections.providers import Provider

_PRICE_FILE = "model_prices_and_context_window_backup.json"
_MOST_FOUND = 512
_TALKING = frozenset({"chat", "responses", "completion"})
_RATE = re.compile(
    r"(input_cost_per_token|output_cost_per_token|cache_read_input_token_cost"
    r"|cache_creation_input_token_cost|output_cost_per_reasoning_token)(?:_above_(\d+)(k?)_tokens)?"
)


@dataclass(frozen=True, slots=True)
class Rates:
    """Nano-dollars per token, as exact decimals; None: the file does not say."""

    input: Decimal
    output: Decimal
    cached: Decimal | None = None
    reasoning: Decimal | None = None
    cache_write: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """`tiers`: rates that hold for the whole call once its input passes so many tokens. `output`:
    how many tokens it can write at most."""

    name: str
    provider: str
    mode: str
    rates: Rates | None
    tiers: tuple[tuple[int, Rates], ...]
    schema: bool
    tools: bool
    reasoning: bool
    context: int | None
    deprecated: str | None
    output: int | None = None
    vision: bool = False

    @property
    def only_searches(self) -> bool:
        """OpenAI refuses these without a search of its own beside, which a bot cannot name."""
        return self.provider in ("openai", "azure") and "deep-research" in self.name


class Catalogue:
    def __init__(self, entries: Mapping[str, tuple[Any, ...]]) -> None:
        self._entries = entries
        self._names: dict[str, list[str]] = {}
        self._found: dict[tuple[str, str], ModelFacts | None] = {}
        for name, entry in entries.items():
            self._names.setdefault(entry[0], []).append(name)

    def find(self, provider: Provider, model: str) -> ModelFacts | None:
        """A model that is not listed under its dated name may be listed under the plain one."""
        key = provider.name, model
        if key in self._found:
            return self._found[key]
        if len(self._found) >= _MOST_FOUND:
            self._found.clear()
        return self._found.setdefault(key, self._looked_up(provider, model))

    def _looked_up(self, provider: Provider, model: str) -> ModelFacts | None:
        for name in (f"{provider.litellm}/{model}", f"{provider.name}/{model}", model):
            entry = self._entries.get(name)
            if entry is not None and _same_house(provider, entry[0]):
                return _facts(name, entry)
        return None

    def names(self, provider: Provider) -> list[str]:
        """The models of a provider, as they are named in a bot, without the prefix."""
        listed: dict[str, None] = {}
        for house in {provider.litellm, provider.name}:
            for name in self._names.get(house, ()):
                listed[name.removeprefix(f"{house}/").removeprefix(f"{provider.name}/")] = None
        return sorted(name for name in listed if not name.startswith("ft:"))

    def nearest(self, provider: Provider, model: str, count: int = 3) -> list[str]:
        lowered = {name.lower(): name for name in self.names(provider)}
        close = difflib.get_close_matches(model.lower(), lowered, n=count, cutoff=0.55)
        return [lowered[name] for name in close]


def _same_house(provider: Provider, house: str) -> bool:
    return house in (provider.litellm, provider.name)


@functools.cache
def catalogue() -> Catalogue:
    return Catalogue(read_entries(_price_file().read_bytes()))


def _price_file() -> Path:
    spec = importlib.util.find_spec("litellm")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("the price file of the LLM library is not installed")
    return Path(spec.submodule_search_locations[0]) / _PRICE_FILE


def read_entries(data: bytes) -> dict[str, tuple[Any, ...]]:
    """Only what we ask for stays in memory, as plain tuples."""
    found: dict[str, tuple[Any, ...]] = {}
    for name, item in orjson.loads(data).items():
        if item.get("mode") not in _TALKING or not isinstance(item.get("litellm_provider"), str):
            continue
        found[name] = (
            item["litellm_provider"],
            item["mode"],
            tuple((k, v) for k, v in item.items() if _RATE.fullmatch(k) and v is not None),
            bool(item.get("supports_response_schema")),
            bool(item.get("supports_function_calling")),
            bool(item.get("supports_reasoning")),
            item.get("max_input_tokens") or item.get("max_tokens"),
            item.get("deprecation_date"),
            item.get("max_output_tokens") or item.get("max_tokens"),
            bool(item.get("supports_vision")),
        )
    return found


@functools.lru_cache(maxsize=256)
def _facts(name: str, entry: tuple[Any, ...]) -> ModelFacts:
    house, mode, prices, schema, tools, reasoning, context, deprecated, output, sees = entry
    rates, tiers = _rates(prices)
    size = context if isinstance(context, int) else None
    most = output if isinstance(output, int) else None
    return ModelFacts(
        name, house, mode, rates, tiers, schema, tools, reasoning, size, deprecated, most, sees
    )


def _rates(
    prices: tuple[tuple[str, float], ...],
) -> tuple[Rates | None, tuple[tuple[int, Rates], ...]]:
    table: dict[int, dict[str, Decimal]] = {}
    for key, dollars in prices:
        match = _RATE.fullmatch(key)
        assert match is not None
        kind, threshold, thousands = match.groups()
        level = int(threshold or 0) * (1000 if thousands else 1)
        # repr of a float is the shortest text that means it: the number written in the file.
        table.setdefault(level, {})[kind] = Decimal(repr(dollars)) * 1_000_000_000
    base = table.get(0, {})
    if "input_cost_per_token" not in base or "output_cost_per_token" not in base:
        return None, ()
    tiers = tuple((level, _level({**base, **table[level]})) for level in sorted(table) if level)
    return _level(base), tiers


def _level(row: dict[str, Decimal]) -> Rates:
    return Rates(
        input=row["input_cost_per_token"],
        output=row["output_cost_per_token"],
        cached=row.get("cache_read_input_token_cost"),
        reasoning=row.get("output_cost_per_reasoning_token"),
        cache_write=row.get("cache_creation_input_token_cost"),
    )
