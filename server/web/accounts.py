"""A new password by a one-time link, an invitation, and the way from one workspace to another."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.core.errors import AppError, Invalid, NotFound, Upstream
from server.core.ids import read_id
from server.core.logs import get_logger
from server.models.enums import LinkPurpose
from server.web.account_pages import (
    forgot_page,
    invitation_over_page,
    join_page,
    join_signed_in_page,
    reset_page,
    sent_page,
    slow_down_page,
)
from server.web.pages import page, told, used_link_page
from server.web.sessions import MAX_TOKEN, Porter, form_of, to_page, visitor_of
from server.workspaces import accounts, invitations, sessions
from server.workspaces.throttle import TooManyTries

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AccountDoors:
    porter: Porter

    def routes(self) -> list[Route]:
        return [
            Route("/forgot", self.forgot, methods=["GET"]),
            Route("/forgot", self.send, methods=["POST"]),
            Route("/reset", self.ask_password, methods=["GET"]),
            Route("/reset", self.set_password, methods=["POST"]),
            Route("/join", self.invited, methods=["GET"]),
            Route("/join", self.join, methods=["POST"]),
            Route("/switch", self.switch, methods=["POST"]),
        ]

    async def forgot(self, request: Request) -> Response:
        return forgot_page(self.porter.reception.mailer is not None)

    async def send(self, request: Request) -> Response:
        """The same answer, and in the same time, whether there is such an account or not."""
        email = (await form_of(request)).get("email", "").strip().lower()[:254]
        reception, visitor = self.porter.reception, visitor_of(request)
        if reception.mailer is None:
            return forgot_page(False)
        try:
            await reception.throttle.enter(f"reset {email}", visitor.address, _never)
        except TooManyTries as error:
            return slow_down_page(round(error.retry_after or 60))
        response = sent_page()
        response.background = BackgroundTask(self._mail, email)
        return response

    async def _mail(self, email: str) -> None:
        try:
            await self.porter.reception.send_reset(email, self.porter.base())
        except Upstream as error:
            log.error("reset_mail_not_sent", error=error.message)

    async def ask_password(self, request: Request) -> Response:
        token = request.query_params.get("token", "")
        user = await accounts.link_owner(token, LinkPurpose.RESET) if _fits(token) else None
        return used_link_page() if user is None else reset_page(token, user.email)

    async def set_password(self, request: Request) -> Response:
        form, visitor = await form_of(request), visitor_of(request)
        token, reception = form.get("token", ""), self.porter.reception
        user = await accounts.link_owner(token, LinkPurpose.RESET) if _fits(token) else None
        if user is None:
            return used_link_page()
        try:
            session = await reception.reset(token, form.get("password", ""), visitor)
        except Invalid as error:
            return reset_page(token, user.email, _sentence(error))
        if session is None:
            return used_link_page()
        self.porter.changed(user.id)
        return await self.porter.let_in(request, session)

    async def invited(self, request: Request) -> Response:
        token = request.query_params.get("token", "")
        welcome = await invitations.look(token) if _fits(token) else None
        if welcome is None:
            return invitation_over_page()
        viewer = request.state.viewer
        if welcome.known or viewer is not None:
            return join_signed_in_page(token, welcome, viewer.email if viewer else None)
        return join_page(token, welcome)

    async def join(self, request: Request) -> Response:
        form = await form_of(request)
        token, viewer = form.get("token", ""), request.state.viewer
        welcome = await invitations.look(token) if _fits(token) else None
        if welcome is None:
            return invitation_over_page()
        if viewer is not None:
            return await self._join_as(request, token)
        if welcome.known:
            return join_signed_in_page(token, welcome, None)
        name, reception = form.get("name", ""), self.porter.reception
        try:
            session = await invitations.join_anew(
                token,
                name,
                form.get("password", ""),
                visitor_of(request),
                reception.passwords,
                reception.clock,
            )
        except Invalid as error:
            return join_page(token, welcome, _sentence(error), name)
        if session is None:
            return invitation_over_page()
        return await self.porter.let_in(request, session)

    async def _join_as(self, request: Request, token: str) -> Response:
        viewer = request.state.viewer
        try:
            await invitations.join(viewer, token)
        except NotFound:
            return invitation_over_page()
        except AppError as error:
            return page("This invitation is for somebody else", told(_sentence(error)), 403)
        self.porter.changed(viewer.user_id)
        return to_page("/")

    async def switch(self, request: Request) -> Response:
        """To the start of another workspace, in every tab of this browser."""
        viewer = request.state.viewer
        if viewer is None:
            return to_page("/signin")
        try:
            wanted = read_id("workspace", (await form_of(request)).get("workspace", ""))
            await sessions.move(viewer, wanted)
        except AppError as error:
            return page("Not found", told(_sentence(error)), 404)
        self.porter.changed(viewer.user_id)
        return to_page("/")


async def _never() -> bool:
    return False


def _fits(token: str) -> bool:
    return 0 < len(token) <= MAX_TOKEN


def _sentence(error: AppError) -> str:
    return f"{error.message} {error.hint}" if error.hint else error.message
