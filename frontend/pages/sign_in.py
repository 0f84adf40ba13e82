"""What a socket without a session shows: the session has ended, and how to come back."""

from typing import Any

from reactpy import component, html

from frontend.kit.elements import icon, title


@component
def SignInPage() -> Any:
    return html.section(
        {"className": "sign-in card"},
        title("Signed out"),
        icon("mark", "mark"),
        html.h1("You are signed out"),
        html.p("Sign in to go on. Who has no password types this where Baleybots runs,"),
        html.pre({"className": "command", "tabIndex": 0}, html.code("baleybots user link")),
        html.p("and opens the address that it prints."),
        html.a(
            {"className": "button primary wide", "href": "/signin", "data-full": "yes"}, "Sign in"
        ),
    )
