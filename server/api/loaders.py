"""What many rows of one answer need from another table, in one statement for all of them.

Made per request; a subscription makes new ones for each message, so that nothing gets old."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    pass

Made = TypeVar("Made")
