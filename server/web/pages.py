"""The few pages that must work without the web app: sign in, and what went wrong with a link."""

from __future__ import annotations

from html import escape

from starlette.responses import HTMLResponse

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta name="referrer" content="same-origin">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · Baleybots</title>
<link rel="icon" href="/static/favicon.svg" type="image/svg+xml">
<style>
:root {{ --ground: #f6f5f3; --card: #fff; --text: #16161d; --soft: #4c4b55; --line: #e6e3de;
  --accent: #4338ca; --on-accent: #fff;
  --link: #4338ca; --edge: #d3cfc8; --bad: #b42318 }}
@media (prefers-color-scheme: dark) {{ :root {{ --ground: #0d0e12; --card: #15171d;
  --text: #eceef4; --soft: #b4b8c5; --line: #262a34; --accent: #6058e6;
  --on-accent: #fff; --link: #a5a3ff; --edge: #363b48; --bad: #ff9b90 }} }}
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 24px;
  box-sizing: border-box; background: var(--ground); color: var(--text);
  font: 16px/1.55 system-ui, sans-serif }}
main {{ max-width: 30rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 14px; padding: 32px }}
h1 {{ font-size: 1.35rem; margin: 0 0 .75rem }}
p {{ margin: .75rem 0 }}
.soft {{ color: var(--soft) }}
code {{ display: inline-block; background: var(--ground); border: 1px solid var(--line);
  border-radius: 8px; padding: .15rem .5rem; font: .92rem ui-monospace, monospace }}
button, a.button {{ display: inline-block; border: 0; border-radius: 9px; padding: .6rem 1.1rem;
  background: var(--accent); color: var(--on-accent); font: inherit; font-weight: 600;
  text-decoration: none; cursor: pointer }}
main {{ width: 100%; box-sizing: border-box }}
form {{ display: grid; gap: 14px; margin: 1rem 0 }}
label {{ display: grid; gap: 5px; font-weight: 560; font-size: .92rem }}
input {{ box-sizing: border-box; width: 100%; padding: .6rem .75rem; border: 1px solid var(--edge);
  border-radius: 9px; background: var(--ground); color: var(--text); font: inherit }}
label small {{ font-weight: 400; color: var(--soft) }}
form button {{ justify-self: start }}
a {{ color: var(--link) }}
.bad {{ border: 1px solid var(--bad); border-radius: 9px; padding: .55rem .8rem;
  color: var(--bad) }}
.row {{ display: flex; gap: 14px; align-items: center; flex-wrap: wrap }}
details {{ border-top: 1px solid var(--line); margin-top: 1.25rem; padding-top: 1rem }}
summary {{ cursor: pointer; font-weight: 560 }}
input:focus-visible, summary:focus-visible,
button:focus-visible, a:focus-visible {{ outline: 3px solid var(--accent); outline-offset: 2px }}
</style>
</head>
<body><main><img src="/static/favicon.svg" alt="" width="44" height="44">
<h1>{title}</h1>{content}</main></body>
</html>
"""

_HOW = (
    "<p>In a terminal on the machine where Baleybots runs, type</p>"
    "<p><code>baleybots user link</code></p>"
    "<p>and open the address that it prints. A link works once and for 15 minutes. "
    "After that this browser stays signed in.</p>"
)


def page(title: str, content: str, status: int = 200) -> HTMLResponse:
    headers = {"cache-control": "no-store"}
    return HTMLResponse(_PAGE.format(title=escape(title), content=content), status, headers)


def used_link_page() -> HTMLResponse:
    told = "<p>This link was used already, or its time is over.</p>"
    return page("This link no longer works", told + _HOW, 410)


def confirm_page(token: str) -> HTMLResponse:
    """For a browser that only looks ahead, or was led here by another site: nothing is used up
    until a person presses the button."""
    form = (
        '<form method="post" action="/signin">'
        f'<input type="hidden" name="token" value="{quoted(token)}">'
        '<p><button type="submit">Sign in</button></p></form>'
    )
    return page("Sign in to Baleybots", form)


def told(text: str, *, bad: bool = False) -> str:
    kind = ' class="bad" role="alert"' if bad else ""
    return f"<p{kind}>{escape(text)}</p>" if text else ""


def quoted(text: str) -> str:
    return escape(text, quote=True)
