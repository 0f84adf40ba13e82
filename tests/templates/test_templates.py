"""Every shipped example is checked, formatted, and run on the demo model."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.bal.checker import check
from server.core.errors import NotFound
from server.templates import service
from server.templates.service import Template
from tests.support.rooms import open_home

TEMPLATES = service.list_templates()

EXPECTED: dict[str, set[str]] = {
    "article_digest": {"title", "text"},
    "support_triage": {"topic", "urgency", "summary", "reply"},
    "review_loop": {"text", "score"},
    "data_extraction": {"customer", "company", "address", "due", "phone", "items", "lines"},
    "translate_and_compare": {"better", "why", "close", "free"},
    "reviews_in_bulk": {"count", "reviews"},
    "hello": {"summary"},
}


def test_there_is_a_choice() -> None:
    assert len(TEMPLATES) >= 6
    assert len({template.name for template in TEMPLATES}) == len(TEMPLATES)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.id)
def test_it_earns_no_mistake_and_no_warning(template: Template) -> None:
    assert [found.message for found in check(template.source).diagnostics] == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.id)
def test_a_person_can_tell_what_it_is_for(template: Template) -> None:
    assert template.name
    assert template.description.endswith(".")
    assert template.icon
    assert template.sample_input


@pytest.mark.slow
@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.id)
async def test_it_runs_well_on_the_demo_model(template: Template, tmp_path: Path) -> None:
    async with open_home(tmp_path) as home:
        bot = await service.create_bot(home.owner, template.id)
        execution = await home.ended(await home.start(bot, template.sample_input))
    assert execution.status == "completed", execution.error
    assert set(execution.output) == EXPECTED[template.id]
    assert all(value is not None for value in execution.output.values())


async def test_a_second_bot_of_one_template_gets_a_number(tmp_path: Path) -> None:
    async with open_home(tmp_path, worker=False) as home:
        first = await service.create_bot(home.owner, "hello")
        second = await service.create_bot(home.owner, "hello")
    assert (first.name, second.name) == ("Hello, bot", "Hello, bot 2")


def test_an_unknown_template_is_not_found() -> None:
    with pytest.raises(NotFound):
        service.get_template("nothing")
