"""In which order what may help against a failure is tried. The engine decides (server/llm/verdict,
server/engine/walk); this says it per class of failures."""

from __future__ import annotations

from typing import Final

from server.healing.diagnosis import diagnosis
from server.llm.errors import RETRYABLE, ModelErrorKind
from server.models.enums import FailureClass

# What the program's `on_error` says, or the person whom it asks: skip, continue, or once more.
ON_ERROR: Final = "on_error"
# An output block that a provider refuses is asked for once more in a simpler way.
_ONCE_MORE: Final = (*RETRYABLE, ModelErrorKind.BAD_REQUEST, "unavailable", "upstream_failed")


def _classes(*kinds: str) -> frozenset[FailureClass]:
    return frozenset(diagnosis(kind).failure_class for kind in kinds)


REPEATED: Final = _classes(*_ONCE_MORE)
OF_MODELS: Final = _classes(*ModelErrorKind)


def strategies(failure_class: FailureClass) -> tuple[str, ...]:
    """The first is tried first; what has none of them left comes to the next."""
    first = ("retry",) if failure_class in REPEATED else ()
    second = ("fallback",) if failure_class in OF_MODELS else ()
    return (*first, *second, ON_ERROR, "try", "none")


def priority(failure_class: FailureClass, action: str) -> int:
    """The place of an action, from 1. A retry that the engine never makes by itself was a
    person's."""
    order = strategies(failure_class)
    return order.index(action if action in order else ON_ERROR) + 1
