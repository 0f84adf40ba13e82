"""Small elements that every page uses."""

from reactpy import Vdom, html
from reactpy.types import VdomDict

from frontend.kit.assets import url

_use = Vdom("use")
_ago = Vdom("bb-ago")
_elapsed = Vdom("bb-elapsed")
_left = Vdom("bb-left")
_title = Vdom("bb-title")


def icon(name: str, class_name: str = "") -> VdomDict:
    return html.svg(
        {"className": f"icon {class_name}".strip(), "aria-hidden": "true", "focusable": "false"},
        _use({"href": f"{url('icons.svg')}#{name}"}),
    )


def ago(moment: str | None) -> VdomDict | str:
    """A moment as "3 min ago", in the clock and time zone of the browser."""
    return _ago({"value": moment}) if moment else ""


def elapsed(since: str | None) -> VdomDict | str:
    return _elapsed({"since": since}) if since else ""


def left(until: str) -> VdomDict:
    """The time until a moment, as "1 h 6 min"."""
    return _left({"until": until})


def worded(text: str) -> VdomDict:
    """A sentence of the server: what stands in backticks is shown as code."""
    parts = text.split("`")
    return html.span(*[html.code(part) if n % 2 else part for n, part in enumerate(parts)])


def title(text: str) -> VdomDict:
    return _title({"value": text, "hidden": True})
