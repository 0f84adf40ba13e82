"""A workspace's own prices of models, in place of those of the shipped table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from tortoise.transactions import in_transaction

from server.connections.providers import BY_NAME
from server.core.errors import Invalid
from server.core.money import from_decimal
from server.models.tables import ModelPrice
from server.workspaces import audit
from server.workspaces.access import Viewer, mine, one_of_mine, require
from server.workspaces.listing import Page, PageAsk, read_page

MOST_DOLLARS = Decimal(1_000_000)
Changed = Callable[[UUID], None]


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens. What is not given costs like input and output."""

    input: Decimal
    output: Decimal
    cached: Decimal | None = None
    reasoning: Decimal | None = None
    cache_write: Decimal | None = None


async def set_price(viewer: Viewer, changed: Changed, model: str, price: Price) -> ModelPrice:
    require(viewer, "costs:write")
    name = _checked_model(model)
    values = {
        "input_nano": _nano(price.input, "inputPrice"),
        "output_nano": _nano(price.output, "outputPrice"),
        "cached_nano": _optional(price.cached, "cachedPrice"),
        "reasoning_nano": _optional(price.reasoning, "reasoningPrice"),
        "cache_write_nano": _optional(price.cache_write, "cacheWritePrice"),
    }
    async with in_transaction():
        row = await mine(viewer, ModelPrice).get_or_none(model=name)
        before = None if row is None else _facts(row)
        if row is None:
            row = ModelPrice(workspace_id=viewer.workspace_id, model=name)
        row.update_from_dict(values)
        await row.save(force_create=before is None)
        await _audit(viewer, "price.set", row, before, _facts(row))
    changed(viewer.workspace_id)
    return row


async def delete_price(viewer: Viewer, changed: Changed, price_id: UUID) -> ModelPrice:
    """The shipped price counts again. What was paid for keeps the price it was counted with."""
    require(viewer, "costs:write")
    row = await one_of_mine(viewer, ModelPrice, price_id, "price")
    async with in_transaction():
        await ModelPrice.filter(id=row.id).delete()
        await _audit(viewer, "price.deleted", row, _facts(row), None)
    changed(viewer.workspace_id)
    return row


async def get(viewer: Viewer, price_id: UUID) -> ModelPrice:
    require(viewer, "costs:read")
    return await one_of_mine(viewer, ModelPrice, price_id, "price")


async def list_prices(viewer: Viewer, ask: PageAsk | None = None) -> Page[ModelPrice]:
    require(viewer, "costs:read")
    return await read_page(mine(viewer, ModelPrice), ask or PageAsk(), "model", descending=False)


def _checked_model(model: str) -> str:
    name = model.strip().lower()
    prefix, colon, rest = name.partition(":")
    if not colon or not rest or prefix not in BY_NAME or len(name) > 200 or not name.isprintable():
        raise Invalid(
            "Name the model with its provider, such as openai:gpt-4o-mini.", path=["model"]
        )
    return f"{BY_NAME[prefix].name}:{rest}"


def _nano(dollars: Decimal, field: str) -> int:
    if not Decimal(0) <= dollars <= MOST_DOLLARS:
        raise Invalid(f"A price is from 0 to {MOST_DOLLARS} US dollars.", path=[field])
    return from_decimal(dollars)


def _optional(dollars: Decimal | None, field: str) -> int | None:
    return None if dollars is None else _nano(dollars, field)


def _facts(row: ModelPrice) -> dict[str, Any]:
    return {
        "input": row.input_nano,
        "output": row.output_nano,
        "cached": row.cached_nano,
        "reasoning": row.reasoning_nano,
        "cache_write": row.cache_write_nano,
    }


async def _audit(
    viewer: Viewer,
    action: str,
    row: ModelPrice,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
) -> None:
    subject = audit.Subject("price", row.id, row.model)
    await audit.record(viewer, action, subject, audit.Change(before, after))
