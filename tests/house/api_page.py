"""The made parts of docs/api.md: the examples that are shipped, and every field of the roots. The
rest of that page is written by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator

from graphql import GraphQLArgument, GraphQLField, GraphQLObjectType, build_schema

from tests.house.files import ROOT
from tests.house.operations import Operation, operations

PAGE = ROOT / "docs/api.md"


def api_page() -> str:
    text = PAGE.read_text()
    for name, made in (("examples", _examples()), ("reference", _reference())):
        marks = f"<!-- made: {name} -->", f"<!-- end: {name} -->"
        before, _, rest = text.partition(marks[0])
        _, _, after = rest.partition(marks[1])
        text = f"{before}{marks[0]}\n{made}\n{marks[1]}{after}"
    return text


def _examples() -> str:
    return "\n".join(_example(operation) for operation in operations())


def _example(operation: Operation) -> str:
    given = ""
    if operation.variables:
        text = json.dumps(operation.variables, indent=2, ensure_ascii=False)
        given = f"\n```json\n{text}\n```\n"
    return (
        f"### {operation.title}\n\n{operation.text}\n\n"
        f"```graphql\n{operation.document}\n```\n{given}"
    )


def _reference() -> str:
    schema = build_schema((ROOT / "graphql-schema/schema.graphql").read_text())
    roots = (
        ("Queries", schema.query_type),
        ("Mutations", schema.mutation_type),
        ("Subscriptions", schema.subscription_type),
    )
    return "\n".join(part for title, root in roots if root for part in _root(title, root))


def _root(title: str, root: GraphQLObjectType) -> Iterator[str]:
    yield f"### {title}\n\n| field | gives | what it does |\n|---|---|---|"
    for name, field in sorted(root.fields.items()):
        yield f"| `{name}{_arguments(field)}` | `{field.type}` | {_words(field)} |"
    yield ""


def _arguments(field: GraphQLField) -> str:
    """The required ones with their types; the others by name."""
    if not field.args:
        return ""
    return f"({', '.join(_argument(name, found) for name, found in field.args.items())})"


def _argument(name: str, found: GraphQLArgument) -> str:
    kind = str(found.type)
    return f"{name}: {kind}" if kind.endswith("!") else name


def _words(field: GraphQLField) -> str:
    text = " ".join((field.description or "").split())
    return text.replace("|", "\\|")
