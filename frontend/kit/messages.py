"""Short messages at the edge of the page. Only their own component is drawn again for one."""

from collections.abc import Callable
from typing import Any, Literal, cast

from reactpy import component, create_context, use_context, use_effect, use_state
from reactpy.types import Context

from frontend.kit.js import Toasts

Kind = Literal["success", "error", "info"]


class Messages:
    def __init__(self) -> None:
        self._count = 0
        self._show: Callable[[dict[str, Any]], None] | None = None

    def listen(self, show: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
        self._show = show

        def stop() -> None:
            self._show = None

        return stop

    def say(self, text: str, kind: Kind = "success") -> None:
        self._count += 1
        if self._show is not None:
            self._show({"n": self._count, "text": text, "kind": kind})

    def error(self, text: str) -> None:
        self.say(text, "error")


MessagesContext: Context[Any] = create_context(None)


def use_messages() -> Messages:
    messages = use_context(MessagesContext)
    return messages if isinstance(messages, Messages) else Messages()


def use_new_messages() -> Messages:
    """One box of messages for the life of the socket; made by the root component."""
    messages, _ = use_state(Messages)
    return messages


@component
def MessageHost() -> Any:
    messages = use_messages()
    last, set_last = use_state(cast(dict[str, Any] | None, None))
    use_effect(lambda: messages.listen(set_last), dependencies=[])
    return Toasts({"last": last})
