"""Builds the engine and the rooms from the settings, starts them in order and stops them in the
reverse one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from server.approvals.keeping import Approvals
from server.bus.alone import alone
from server.bus.bus import Bus
from server.connections.service import Desk
from server.core.clock import Clock, SystemClock
from server.core.crypto import SecretBox
from server.core.keyring import KeyWatch, load_keys
from server.core.logs import get_logger, hide
from server.core.net.mail import Mailer
from server.core.net.policy import NetPolicy
from server.core.settings import Settings
from server.costs.budgets import Budgets
from server.costs.door import Till
from server.costs.trials import Trials
from server.engine.caps import Caps
from server.engine.engine import Engine
from server.engine.store import Store
from server.engine.stores import make_store
from server.executions import happenings
from server.executions.limits import RunLimits
from server.executions.targets import WorkspaceBots
from server.executions.vitals import VitalSigns
from server.executions.world import StepWorlds
from server.healing.service import Healing
from server.llm.board_redis import RedisBoard
from server.llm.gateway import Gateway
from server.llm.kept_answers import forget_expired
from server.llm.routing import Router
from server.llm.trying import ConnectionTest
from server.llm.workspace_models import WorkspaceModels
from server.models.database import Database, open_database
from server.models.key_check import check_key
from server.models.tables import Workspace
from server.tools.catalogue import Catalogues, catalogue
from server.workspaces import accounts
from server.workspaces.notifications import Notifier
from server.workspaces.recognise import ACCESS_TOPIC, Recogniser
from server.workspaces.signing_in import Reception
from server.workspaces.throttle import Throttle


@dataclass(frozen=True, slots=True)
class Assembly:
    """What the doors and the workers reach the rooms through."""

    settings: Settings
    clock: Clock
    database: Database
    bus: Bus
    gateway: Gateway
    engine: Engine
    recogniser: Recogniser
    approvals: Approvals
    notifier: Notifier
    limits: RunLimits
    connections: Desk
    till: Till
    reception: Reception
    vital_signs: VitalSigns

    def access_changed(self, user_id: UUID) -> None:
        """After a sign-out, a revocation, another role or workspace: every process forgets what it
        knew of the person, and their sockets that may not stay open end."""
        self.recogniser.forget()
        self.bus.notices.publish(ACCESS_TOPIC, str(user_id))

    async def tidy(self) -> None:
        """What is to be looked at now and then, and hurts nobody when it comes a little late."""
        await self.approvals.tick(self.engine)
        await self.engine.control.close_late()
        await self.engine.places.look()
        await self.till.budgets.settle_lost()
        await self.till.budgets.tell_recent()
        await happenings.wake_unheard(self.engine)
        await happenings.forget_old(self.clock)
        await forget_expired(self.clock.now())

    async def first_link(self) -> str | None:
        """The token of the owner's first sign-in link; None after the first start."""
        return await accounts.first_start(self.clock)

    async def ready(self) -> dict[str, bool]:
        """Each part by name: may work be sent here?"""
        return {"database": await self._database_answers(), "queue": await self.bus.alive()}

    async def _database_answers(self) -> bool:
        if self.database.pulse.away:
            return False
        try:
            await Workspace.exists()
            return await self.database.writes.taken()
        except Exception:  # whatever the driver says, the answer is the same
            return False


@asynccontextmanager
async def assembled(
    settings: Settings,
    *,
    clock: Clock | None = None,
    gateway: Gateway | None = None,
    catalogues: Catalogues = catalogue,
    caps: Caps | None = None,
    drain_seconds: float = 25.0,
) -> AsyncIterator[Assembly]:
    """The schema must be there. Without a Redis this is the only process at work."""
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        database, bus, store, box = await _grounds(settings, stack)
        board = None if bus.embedded else RedisBoard(bus.redis)
        gateway = gateway or Gateway(settings, board=board)
        stack.push_async_callback(gateway.close)
        approvals = Approvals(clock, bus.notices)
        notifier = Notifier(clock, bus.notices)
        limits = RunLimits(clock)
        policy = NetPolicy.of(settings)
        models = WorkspaceModels(Router(settings), box, clock)
        till = Till(gateway, models, Budgets(clock, notifier), clock)
        test = ConnectionTest(gateway, policy, Trials(models, till.budgets, clock))
        engine = Engine(
            store,
            bus,
            gateway,
            clock,
            WorkspaceBots(),
            embedded=bus.embedded,
            caps=caps,
            limits=limits,
            deciding=approvals,
            diagnosing=Healing(),
            catalogues=catalogues,
            doors=till.door,
            world=StepWorlds(clock, notifier),
        )
        await engine.start()
        stack.push_async_callback(engine.stop, drain_seconds)
        yield Assembly(
            settings,
            clock,
            database,
            bus,
            gateway,
            engine,
            Recogniser(clock),
            approvals,
            notifier,
            limits,
            Desk(box, policy, test, clock, models.chosen, models.forget),
            till,
            Reception(Throttle(bus.redis), clock, Mailer.of(settings)),
            VitalSigns(bus.notices, clock),
        )


async def _grounds(
    settings: Settings, stack: AsyncExitStack
) -> tuple[Database, Bus, Store, SecretBox]:
    """What everything else stands on; the stack closes it in the reverse order."""
    if settings.redis_url is None:
        stack.enter_context(alone(settings.data_dir))
    database = await open_database(settings)
    stack.push_async_callback(database.close)
    hide(*settings.secret_values())
    watch = KeyWatch(settings)
    keys = load_keys(settings, warn=get_logger(__name__).warning)
    await check_key(*keys)
    bus = Bus(settings.redis_url)
    await bus.start()
    stack.push_async_callback(bus.stop)
    store = make_store(database.address, refused=database.writes.refused)
    await store.open()
    stack.push_async_callback(store.close)
    return database, bus, store, SecretBox(*keys, fresh=watch.fresh)
