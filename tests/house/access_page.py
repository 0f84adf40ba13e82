"""docs/access.md: who may do what, from the one table of rights and the schema."""

from __future__ import annotations

from collections.abc import Iterator

HEAD = """\
# Who may do what

Made from the table that the checks use: `server/workspaces/permissions.py`.

## Roles

A member of a workspace has one role. From the one who may most to the one who may least, each may
all that those below may.

| role | |
|---|---|
"""

SCOPES_HEAD = """
## Rights

A right is called a scope. A role has the scopes of its column; an API token has those of its role,
or fewer of them, or for some bots only. A scope is enough for what it names: a token that may start
one bot can do that and see nothing else.

"""

SCOPES_TAIL = """
A token for some bots has at most {}, since all else concerns the workspace as a whole; and it makes
no new bots.
"""

THINGS_HEAD = """
## What the web app offers

`viewerCan` of each thing answers from here; what its state forbids comes on top.

| thing | action | scope |
|---|---|---|
"""

FIELDS_HEAD = """
## What each field needs

A name with a dot is a part of a thing that a lesser right may answer with: a token that may only
start executions gets the one that it started, without what was said before it.

"""


def access_page() -> str:
    from server.workspaces.permissions import ACTIONS, RANKED, RIGHTS, ROLE_WORDS

    roles = "".join(f"| {role.value} | {ROLE_WORDS[role]} |\n" for role in RANKED)
    names = " | ".join(role.value for role in RANKED)
    marks = "|---" * (len(RANKED) + 2) + "|\n"
    table = f"| scope | lets one | {names} |\n{marks}"
    for right in RIGHTS:
        cells = " | ".join("yes" if right.belongs_to(role) else "" for role in RANKED)
        table += f"| `{right.scope}` | {right.words} | {cells} |\n"
    things = "".join(
        f"| {thing} | {action.replace('_', ' ')} | `{scope}` |\n"
        for thing, actions in ACTIONS.items()
        for action, scope in actions.items()
    )
    fields = "".join(_fields())
    narrow = SCOPES_TAIL.format(", ".join(f"`{r.scope}`" for r in RIGHTS if r.of_bots))
    return HEAD + roles + SCOPES_HEAD + table + narrow + THINGS_HEAD + things + FIELDS_HEAD + fields


def _fields() -> Iterator[str]:
    from server.api.access import ANYONE_SIGNED_IN, IN_PERSON, MANAGER_OR_IN_PERSON, ONESELF
    from tests.api.samples import everything, inner_fields

    by_scope: dict[str, list[str]] = {}
    for asked in everything():
        by_scope.setdefault(asked.declared, []).append(asked.name)
    words = {
        ANYONE_SIGNED_IN: "everybody who is signed in",
        ONESELF: "people, and tokens that are not narrowed",
        IN_PERSON: "people who are signed in, and no token",
        MANAGER_OR_IN_PERSON: "people who are signed in, and tokens with `members:write`",
    }
    for scope, name in inner_fields():
        by_scope.setdefault(scope, []).append(name)
    for scope in sorted(by_scope):
        told = words.get(scope) or f"`{scope}`"
        yield f"- **{told}**: {', '.join(f'`{name}`' for name in sorted(by_scope[scope]))}\n"
