"""The pages of a list behind its first one, read while more is wanted."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from reactpy import use_async_effect, use_state

from frontend.client import ClientError
from frontend.kit.query import use_client


@dataclass(frozen=True)
class Rest:
    """`more`: there is still something behind these."""

    nodes: list[Any] = field(default_factory=list[Any])
    more: bool = False
    error: str | None = None


def whole(first: dict[str, Any], rest: Rest) -> list[Any]:
    """Each once, also while only one of both has been read again."""
    return list({node["id"]: node for node in [*first["nodes"], *rest.nodes]}.values())


def cursor_behind(info: dict[str, Any]) -> str | None:
    return info["endCursor"] if info["hasNextPage"] else None


def use_rest(
    name: str, first: dict[str, Any] | None, pages: int
) -> tuple[Rest, Callable[[], None]]:
    """So many pages behind the `first` one, each read by the operation `name`; and what reads them
    again. The operation asks for one list, after `$after`."""
    client = use_client()
    turn, set_turn = use_state(0)
    rest, set_rest = use_state(Rest())
    after = cursor_behind(first["pageInfo"]) if first else None

    async def load() -> None:
        nodes: list[Any] = []
        cursor = after
        try:
            for _ in range(pages):
                if cursor is None:
                    break
                (page,) = (await client.query(name, {"after": cursor})).values()
                nodes += page["nodes"]
                cursor = cursor_behind(page["pageInfo"])
        except ClientError as error:
            set_rest(Rest(nodes, cursor is not None, str(error)))
        else:
            set_rest(Rest(nodes, cursor is not None))

    use_async_effect(load, dependencies=[name, after, pages, turn])
    return rest, lambda: set_turn(lambda n: n + 1)
