"""The incidents after the first ones of the page: read when somebody wants them, and read again
with the page."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from reactpy import use_async_effect, use_state

from frontend.client import ClientError
from frontend.kit.messages import use_messages
from frontend.kit.query import Answer, use_client

AT_ONCE = 100


@dataclass(frozen=True)
class Older:
    """`more`: reads the next ones; none when all are there."""

    nodes: list[dict[str, Any]]
    more: Callable[[Any], None] | None


def use_older(answer: Answer, where: dict[str, Any]) -> Older:
    """What was asked for holds for one filter: another one begins at its first page."""
    client, messages = use_client(), use_messages()
    here = json.dumps(where, sort_keys=True)
    asked, set_asked = use_state(cast(tuple[str, int], (here, 0)))
    read, set_read = use_state(cast(tuple[str, list[dict[str, Any]]], (here, [])))
    wanted = asked[1] if asked[0] == here else 0
    first = (answer.data or {}).get("incidents")

    async def load() -> None:
        last, pages = first, list[dict[str, Any]]()
        try:
            while last and len(pages) < wanted and last["pageInfo"]["hasNextPage"]:
                after = last["pageInfo"]["endCursor"]
                values = {"first": AT_ONCE, "after": after, "filter": where}
                last = (await client.query("older_incidents", values))["incidents"]
                pages.append(last)
        except ClientError as error:
            messages.error(str(error))
            set_asked((here, len(pages)))
        set_read((here, pages))

    use_async_effect(load, dependencies=[first, here, wanted])
    pages = read[1] if read[0] == here and wanted else []
    end = (pages[-1] if pages else first) or {"pageInfo": {"hasNextPage": False}}
    loading = len(pages) < wanted and end["pageInfo"]["hasNextPage"]

    def more(_event: Any) -> None:
        if not loading:
            set_asked((here, wanted + 1))

    nodes = [node for page in pages for node in page["nodes"]]
    return Older(nodes, more if end["pageInfo"]["hasNextPage"] else None)
