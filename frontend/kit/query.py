"""Reading for a page: what was read last stays on the screen while it is read again."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from reactpy import use_async_effect, use_scope, use_state

from frontend.client import Client, ClientError


@dataclass(frozen=True)
class Answer:
    data: dict[str, Any] | None = None
    error: str | None = None
    reload: Callable[[], None] = lambda: None

    @property
    def loading(self) -> bool:
        return self.data is None and self.error is None


def state_of(scope: Any) -> dict[str, Any]:
    """What the server put beside the connection: who is asking and how to execute."""
    return scope.get("state") or {}


def closed_in(scope: Any) -> frozenset[str]:
    """The addresses of pages that the operator has switched off."""
    return state_of(scope).get("closed", frozenset())


def use_client() -> Client:
    state = state_of(use_scope())
    return Client(state["execute"], state.get("viewer"))


def use_query(name: str, variables: dict[str, Any] | None = None, wanted: bool = True) -> Answer:
    client = use_client()
    answer, set_answer = use_state(Answer())
    turn, set_turn = use_state(0)
    key = json.dumps(variables or {}, sort_keys=True)

    async def load() -> None:
        if not wanted:
            return
        try:
            data = await client.query(name, json.loads(key))
        except ClientError as error:
            set_answer(Answer(error=str(error)))
        else:
            set_answer(Answer(data=data))

    use_async_effect(load, dependencies=[name, key, turn, wanted])
    return replace(answer, reload=lambda: set_turn(lambda n: n + 1))
