"""A new bot: from an empty page with a name, or from a template."""

from typing import Any

from reactpy import component, html, use_ref, use_state

from frontend.components.blocks import page_head, skeleton
from frontend.components.gallery import gallery
from frontend.kit.elements import icon
from frontend.kit.handlers import use_guard
from frontend.kit.js import TextField
from frontend.kit.place import use_nav
from frontend.kit.query import use_client, use_query
from frontend.pages.start import create_named, use_template_runner

STARTER = """# Every bot is a text. Change the goal, then press Run.
reader {
  "goal": "Sum up the message in a sentence or two, and say how it sounds."
  "output": { "summary": "string", "mood": "enum('happy', 'neutral', 'angry')" }
}

run("The lamp came today and it is wonderful. Thank you for the quick help on Monday.")
"""


@component
def NewBotPage() -> Any:
    client, nav, guard = use_client(), use_nav(), use_guard()
    answer = use_query("templates")
    busy, run = use_template_runner()
    name = use_ref("")
    creating, set_creating = use_state(False)

    async def named(found: dict[str, Any]) -> None:
        name.current = found["value"].strip()

    async def create() -> None:
        set_creating(True)
        try:
            bot = await create_named(client, name.current or "New bot", STARTER)
        finally:
            set_creating(False)
        nav.go(f"/bots/{bot['id']}")

    async def submitted(found: dict[str, Any]) -> None:
        name.current = found["value"].strip()
        await create()

    templates: Any = (
        gallery(answer.data["templates"], run, busy) if answer.data else skeleton("tall-card", 3)
    )
    return html.div(
        page_head("New bot", "A bot is a text that says who does what, in which order."),
        html.section(
            {"className": "card new-bot"},
            TextField(
                {
                    "label": "Name",
                    "placeholder": "New bot",
                    "autoFocus": True,
                    "onChange": guard.js(named),
                    "onSubmit": guard.js(submitted),
                }
            ),
            html.button(
                {
                    "className": "button primary",
                    "type": "button",
                    "onClick": guard.click(create),
                    "disabled": creating,
                },
                icon("plus"),
                "Create",
            ),
        ),
        html.p(
            {"className": "or-import"},
            "Or ",
            html.a({"href": "/bots/import"}, "import bots from a bundle"),
            ".",
        ),
        html.h2({"className": "section-head"}, "Or start from one that works"),
        templates,
    )
