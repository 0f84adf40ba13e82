"""The pages of people without a session: sign in, a new password, an invitation."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import Response

from server.web.pages import page, quoted, told
from server.workspaces.invitations import Welcome
from server.workspaces.passwords import LONGEST, SHORTEST

_LINK = (
    "<p>In a terminal on the machine where Baleybots runs, type</p>"
    "<p><code>baleybots user link</code></p>"
    "<p>and open the address that it prints. A link works once and for 15 minutes.</p>"
)
_LENGTH = f"At least {SHORTEST} characters; several words with no connection are good."


def signin_page(
    email: str = "",
    problem: str = "",
    after: str = "/",
    *,
    passwords: bool = True,
    status: int = 200,
) -> Response:
    """Where nobody has a password yet, the one-time link comes first."""
    where = "/signin" + ("" if after == "/" else "?" + urlencode({"next": after}))
    form = (
        f'<form method="post" action="{quoted(where)}">'
        f"{told(problem, bad=True)}"
        '<label>E-mail<input name="email" type="email" autocomplete="username" required '
        f'value="{quoted(email)}"{"" if email else " autofocus"}></label>'
        '<label>Password<input name="password" type="password" required '
        f'autocomplete="current-password"{" autofocus" if email else ""}></label>'
        '<div class="row"><button type="submit">Sign in</button>'
        '<a href="/forgot">Forgot the password?</a></div></form>'
    )
    if passwords:
        more = f"<details><summary>Sign in with a one-time link</summary>{_LINK}</details>"
        return page("Sign in", form + more, status)
    more = f"<details><summary>Sign in with a password</summary>{form}</details>"
    hint = '<p class="soft">After that this browser stays signed in.</p>'
    return page("Sign in", _LINK + hint + more, status)


def slow_down_page(seconds: int) -> Response:
    minutes = max(1, round(seconds / 60))
    text = (
        f"<p>There were too many tries to sign in. Wait {minutes} "
        f"{'minute' if minutes == 1 else 'minutes'} and try again, or use a one-time link:</p>"
    )
    response = page("Too many tries", text + _LINK, 429)
    response.headers["retry-after"] = str(seconds)
    return response


def forgot_page(mail: bool) -> Response:
    if not mail:
        how = (
            "<p>This server sends no mail. Whoever runs it can make a link for a new password; in "
            "a terminal on its machine:</p><p><code>baleybots user reset-link you@example.org"
            "</code></p>"
        )
        return page("A new password", how + '<p><a href="/signin">Back to sign in</a></p>')
    form = (
        "<p>We send a link to your address. It works once, for one hour.</p>"
        '<form method="post" action="/forgot"><label>E-mail<input name="email" type="email" '
        'autocomplete="username" required autofocus></label>'
        '<div class="row"><button type="submit">Send the link</button>'
        '<a href="/signin">Back to sign in</a></div></form>'
    )
    return page("A new password", form)


def sent_page() -> Response:
    text = "If there is an account with this address, a link is on its way. It works for one hour."
    return page("Look into your mail", told(text) + '<p><a href="/signin">Back to sign in</a></p>')


def reset_page(token: str, email: str, problem: str = "") -> Response:
    form = (
        f'<p class="soft">For {quoted(email)}. All your other sessions end.</p>'
        f'<form method="post" action="/reset">{told(problem, bad=True)}'
        f'<input type="hidden" name="token" value="{quoted(token)}">'
        f'<input type="hidden" name="email" autocomplete="username" value="{quoted(email)}">'
        f"{_new_password('New password')}"
        '<button type="submit">Set the password</button></form>'
    )
    return page("Set a new password", form, 400 if problem else 200)


def join_page(token: str, welcome: Welcome, problem: str = "", name: str = "") -> Response:
    """For somebody without an account."""
    form = (
        f"{_asked_in(welcome)}"
        f'<form method="post" action="/join">{told(problem, bad=True)}'
        f'<input type="hidden" name="token" value="{quoted(token)}">'
        f'<label>E-mail<input type="email" autocomplete="username" readonly '
        f'value="{quoted(welcome.email)}"></label>'
        '<label>Your name<input name="name" autocomplete="name" maxlength="200" required autofocus '
        f'value="{quoted(name)}"></label>'
        f"{_new_password('Password')}"
        '<button type="submit">Join</button></form>'
    )
    return page(f"Join {welcome.workspace}", form, 400 if problem else 200)


def join_signed_in_page(token: str, welcome: Welcome, email: str | None) -> Response:
    """For somebody with an account: as themselves, as somebody else, or not signed in."""
    if email == welcome.email:
        act = (
            '<form method="post" action="/join">'
            f'<input type="hidden" name="token" value="{quoted(token)}">'
            '<button type="submit">Join</button></form>'
        )
    elif email is None:
        to = quoted("/signin?" + urlencode({"next": f"/join?token={token}"}))
        act = (
            f"<p>Sign in as {quoted(welcome.email)} first.</p>"
            f'<p><a class="button" href="{to}">Sign in</a></p>'
        )
    else:
        act = (
            f'<p class="bad">This invitation is for {quoted(welcome.email)}, and you are signed in '
            f"as {quoted(email)}. Sign out and open the link again.</p>"
            '<form method="post" action="/signout"><button type="submit">Sign out</button></form>'
        )
    return page(f"Join {welcome.workspace}", _asked_in(welcome) + act)


def invitation_over_page() -> Response:
    text = "This invitation was used or withdrawn, or its seven days are over. Ask for a new one."
    return page("This invitation no longer works", told(text), 410)


def _asked_in(welcome: Welcome) -> str:
    return (
        f"<p>{quoted(welcome.by)} asks you into the workspace "
        f"<strong>{quoted(welcome.workspace)}</strong> as {welcome.role.value}.</p>"
    )


def _new_password(label: str) -> str:
    return (
        f'<label>{label}<input name="password" type="password" autocomplete="new-password" '
        f'minlength="{SHORTEST}" maxlength="{LONGEST}" required><small>{_LENGTH}</small></label>'
    )
