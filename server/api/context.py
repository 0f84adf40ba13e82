"""What every resolver may reach: who asks, the rooms below, and the id of the request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import strawberry

from server.api.loaders import Loaders
from server.api.rates import Bill, Rates
from server.assembly import Assembly
from server.core.errors import Unauthenticated
from server.costs.service import Office
from server.workspaces.access import Viewer


@dataclass(slots=True)
class Context:
    """One per request, or one per socket. `connection_params` is what a socket sent at its start;
    a token in it makes `viewer`, and `admit` says so to whoever watches over sockets."""

    viewer: Viewer | None
    rooms: Assembly
    request_id: str
    credential: str | None = None
    address: str = ""
    admit: Callable[[str, UUID], bool] | None = None
    connection_params: dict[str, Any] | None = None
    fields: frozenset[str] = frozenset()
    plans: dict[Any, Any] | None = None
    rates: Rates | None = None
    bill: Bill | None = None
    streaming: bool = False
    _loaders: Loaders | None = field(default=None, repr=False)

    @property
    def asker(self) -> Viewer:
        """The viewer behind a field that declared an access: there is one."""
        if self.viewer is None:
            raise Unauthenticated
        return self.viewer

    @property
    def loaders(self) -> Loaders:
        if self._loaders is None:
            self._loaders = Loaders(self.asker, lambda: self.office)
        return self._loaders

    @property
    def office(self) -> Office:
        return Office(self.rooms.till.budgets, self.rooms.clock, self.rooms.engine.kin.wake)

    @property
    def introspection(self) -> bool:
        return self.rooms.settings.explorer

    @property
    def seconds(self) -> float | None:
        """How long a query or a mutation may take."""
        return self.rooms.settings.request_seconds or None

    def charge(self, points: int) -> Bill:
        """Takes the price of an operation from whoever asks for it; kept for the headers."""
        if self.rates is None or self.viewer is None:
            self.bill = Bill(points)
        else:
            self.bill = self.rates.charge(self.viewer, points)
        return self.bill

    def begin(self, fields: frozenset[str], plans: dict[Any, Any] | None) -> None:
        """At the start of an operation: a socket serves many, and each reads afresh. `fields` are
        all that its document names, `plans` is what is kept with it by `projecting`."""
        self._loaders = None
        self.fields = fields
        self.plans = plans


Info = strawberry.Info[Context, None]
