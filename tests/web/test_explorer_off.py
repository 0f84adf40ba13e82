"""The explorer can be switched off. A file of its own: it opens homes beside those of others."""

from __future__ import annotations

from pathlib import Path

import pytest

from frontend.app import PAGES, open_pages
from frontend.shell import open_places
from tests.support.front import HOST, open_front

CLOSED = frozenset({"/explorer"})


@pytest.mark.parametrize(
    ("setting", "page", "codes"), [("on", 200, []), ("off", 404, ["FORBIDDEN"])]
)
async def test_the_explorer_is_there_until_it_is_switched_off(  # S22, S72
    tmp_path: Path, setting: str, page: int, codes: list[str]
) -> None:
    schema = {"query": "{ __schema { queryType { name } } }"}
    async with open_front(tmp_path, {"BALEYBOTS_EXPLORER": setting}) as front:
        async with front.browser() as browser:
            for path, status in (("/explorer", page), ("/explorer/", page), ("/costs", 200)):
                assert (await browser.get(path)).status_code == status, path
            answer = await browser.post("/graphql", json=schema, headers={"origin": HOST})
    assert [one["extensions"]["code"] for one in answer.json().get("errors", ())] == codes


def test_a_page_that_is_off_is_offered_nowhere() -> None:
    assert len(open_pages(CLOSED)) == len(PAGES) - 1
    assert "/explorer" not in [place[0] for place in open_places(CLOSED)]
