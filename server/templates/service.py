"""Shipped examples: a BAL text each, with its title, its sentence and a sample input in the
comments on top."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from server.bots import service as bots
from server.bots.programs import read_face
from server.core.errors import NotFound
from server.models.tables import Bot
from server.workspaces.access import Viewer

SAMPLE = "# sample:"

# The order in which they are offered.
NAMES = (
    "hello",
    "article_digest",
    "support_triage",
    "review_loop",
    "data_extraction",
    "translate_and_compare",
    "reviews_in_bulk",
)


@dataclass(frozen=True, slots=True)
class Template:
    id: str
    name: str
    description: str
    icon: str
    source: str
    sample_input: Any


@functools.cache
def list_templates() -> tuple[Template, ...]:
    return tuple(_read(name) for name in NAMES)


def get_template(template_id: str) -> Template:
    found = next((one for one in list_templates() if one.id == template_id), None)
    if found is None:
        raise NotFound(f"There is no template {template_id}.")
    return found


async def create_bot(viewer: Viewer, template_id: str) -> Bot:
    template = get_template(template_id)
    return await bots.create_named_like(viewer, template.source, template.name)


def _read(name: str) -> Template:
    text = (files("server.templates") / "library" / f"{name}.bal").read_text(encoding="utf-8")
    title, description, sample, *program = text.splitlines()
    source = "\n".join(program).strip() + "\n"
    return Template(
        id=name,
        name=title.removeprefix("#").strip(),
        description=description.removeprefix("#").strip(),
        icon=read_face(source).icon,
        source=source,
        sample_input=json.loads(sample.removeprefix(SAMPLE)),
    )
