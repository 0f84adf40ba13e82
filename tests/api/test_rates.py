"""How much one may ask for in a minute, and what is said when that is spent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from redis.exceptions import ConnectionError as RedisAway

from server.api.executor import Executor
from server.api.rates import WINDOW, Rates
from server.api.schema import schema
from server.bus.redis import open_redis
from server.core.settings import Settings, load_settings
from server.models.enums import Role
from server.workspaces.access import Viewer, scopes_of
from tests.support.front import Api, Front, open_front

PERSON, PLACE = uuid4(), uuid4()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def viewer(token: UUID | None = None, person: UUID = PERSON, place: UUID = PLACE) -> Viewer:
    return Viewer(
        user_id=person,
        workspace_id=place,
        role=Role.OWNER,
        name="Ann",
        email="ann@example.org",
        scopes=scopes_of(Role.OWNER),
        token_id=token,
    )


def settings(folder: Path, token: int = 0, user: int = 0, workspace: int = 0) -> Settings:
    return load_settings(
        {
            "BALEYBOTS_RATE_LIMIT_TOKEN": str(token),
            "BALEYBOTS_RATE_LIMIT_USER": str(user),
            "BALEYBOTS_RATE_LIMIT_WORKSPACE": str(workspace),
        },
        data_dir=folder,
    )


def test_points_come_back_evenly(tmp_path: Path) -> None:
    clock = Clock()
    rates = Rates(settings(tmp_path, user=60), now=clock)
    assert not rates.charge(viewer(), 50).refused
    refused = rates.charge(viewer(), 20)
    assert (refused.refused, refused.wait) == (True, 10)
    clock.now = 10
    assert not rates.charge(viewer(), 20).refused
    clock.now = 10 + WINDOW
    assert rates.buckets_of(viewer())[0].left == 60


def test_what_costs_more_than_a_minute_holds_needs_all_of_it(tmp_path: Path) -> None:
    clock = Clock()
    rates = Rates(settings(tmp_path, user=60), now=clock)
    assert not rates.charge(viewer(), 100).refused
    assert rates.charge(viewer(), 1).wait == 41
    clock.now = 41
    assert not rates.charge(viewer(), 1).refused


def test_a_refusal_takes_nothing_from_the_other_buckets(tmp_path: Path) -> None:
    rates = Rates(settings(tmp_path, token=10, workspace=100), now=Clock())
    token = uuid4()
    assert rates.charge(viewer(token), 50).refused is False
    assert rates.charge(viewer(token), 1).refused
    assert [one.left for one in rates.buckets_of(viewer(token))] == [-40, 50]


def test_tokens_of_one_person_and_people_of_one_workspace_share(tmp_path: Path) -> None:
    rates = Rates(settings(tmp_path, token=10, user=15, workspace=25), now=Clock())
    assert not rates.charge(viewer(uuid4()), 10).refused
    second = rates.charge(viewer(uuid4()), 10)
    assert second.refusal.startswith("This person has asked for more than 15 points")
    other = rates.charge(viewer(uuid4(), person=uuid4()), 10)
    assert not other.refused
    third = rates.charge(viewer(uuid4(), person=uuid4()), 10)
    assert third.refusal.startswith("This workspace")
    assert not rates.charge(viewer(uuid4(), uuid4(), uuid4()), 10).refused


def test_what_was_asked_for_and_did_not_come_is_given_back(tmp_path: Path) -> None:
    rates = Rates(settings(tmp_path, user=100), now=Clock())
    bill = rates.charge(viewer(), 90)
    bill.settle(10)
    assert rates.buckets_of(viewer())[0].left == 90


def test_without_a_limit_nothing_is_counted(tmp_path: Path) -> None:
    rates = Rates(settings(tmp_path), now=Clock())
    bill = rates.charge(viewer(), 10**9)
    assert not bill.refused
    assert bill.headers() == {}
    assert bill.told()["remaining"] is None


def test_whoever_rests_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.api.rates.MANY", 10)
    clock = Clock()
    rates = Rates(settings(tmp_path, user=60), now=clock)
    for _ in range(10):
        rates.charge(viewer(person=uuid4()), 60)
    clock.now = WINDOW
    rates.charge(viewer(), 60)
    assert len(rates._buckets) == 1


# --- over HTTP ------------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module")
async def tight(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Front]:
    limits = {"BALEYBOTS_RATE_LIMIT_TOKEN": "40", "BALEYBOTS_RATE_LIMIT_USER": "1000"}
    async with open_front(tmp_path_factory.mktemp("tight"), limits) as front:
        yield front


async def test_each_answer_says_what_it_cost_and_what_is_left(tight: Front) -> None:
    api = await tight.caller()
    answer = await api.post("{ bots(first: 2) { nodes { id published { id } } } }", {})
    cost = answer.json()["extensions"]["cost"]
    assert set(cost) == {"requested", "actual", "remaining", "resetAt"}
    assert (cost["requested"], cost["actual"], cost["remaining"]) == (5, 1, 39)
    assert answer.headers["ratelimit-limit"] == "40"
    assert answer.headers["ratelimit-remaining"] == "39"
    assert answer.headers["ratelimit-policy"] == '"token";q=40;w=60'


async def test_who_has_spent_all_waits(tight: Front) -> None:  # S17
    api, other = await tight.caller(), await tight.caller()
    refused = None
    for _ in range(10):
        refused = await api.post("{ a: health { ready } b: health { ready } viewer { role } }", {})
        if refused.status_code != 200:
            break
    assert refused is not None
    assert refused.status_code == 429
    (error,) = refused.json()["errors"]
    assert error["extensions"]["code"] == "RATE_LIMITED"
    assert error["extensions"]["retryAfter"] > 0
    assert "This token has asked for more than 40 points in a minute" in error["message"]
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["ratelimit-remaining"] in ("0", "1", "2", "3", "4")
    assert (await other.post("{ viewer { role } }", {})).status_code == 200


async def test_a_refused_document_costs_a_point_too(tight: Front) -> None:
    api = await tight.caller()
    for _ in range(40):
        assert (await api.post("{", {})).status_code == 200
    assert (await api.post("{", {})).status_code == 429


async def test_the_viewer_sees_what_is_left(tight: Front) -> None:
    api = await tight.caller()
    document = "{ viewer { rateLimit { whose limit remaining windowSeconds resetAt } } }"
    found = (await api.data(document))["viewer"]["rateLimit"]
    assert (found["whose"], found["limit"], found["windowSeconds"]) == ("token", 40, 60)
    assert 0 < found["remaining"] < 40


async def test_a_price_is_told_without_paying_it(tight: Front) -> None:
    api = await tight.caller()
    ask = "query($q: String!, $v: JSON) { queryCost(query: $q, variables: $v) { requested limit "
    ask += "depth aliases allowed reasons rateLimit { remaining } } }"
    listed = "query($n: Int) { executions(first: $n) { nodes { bot { id } usage { cost } } } }"
    found = (await api.data(ask, q=listed, v={"n": 50}))["queryCost"]
    assert (found["requested"], found["depth"], found["allowed"]) == (151, 3, True)
    deep = "query($n: Int) { bots(first: $n) { nodes { executions(first: $n) { nodes { id } } } } }"
    found = (await api.data(ask, q=deep, v={"n": 100}))["queryCost"]
    assert found["allowed"] is False
    assert found["reasons"][0].startswith("This request would cost 10")
    broken = (await api.data(ask, q="{ nothing }"))["queryCost"]
    assert broken["allowed"] is False
    assert "nothing" in broken["reasons"][0]


async def test_pages_of_the_web_app_pay_as_everybody(tight: Front, tmp_path: Path) -> None:
    rates = Rates(settings(tmp_path, user=5))
    execute = Executor(schema, tight.rooms, rates).execute
    answers = [await execute("{ health { ready } }", {}, viewer()) for _ in range(4)]
    codes = [one["errors"][0]["extensions"]["code"] for one in answers if "errors" in one]
    assert codes[-1:] == ["RATE_LIMITED"]


async def test_what_takes_too_long_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def endless(*_: Any, **__: Any) -> None:
        await asyncio.Event().wait()

    async with open_front(tmp_path, {"BALEYBOTS_REQUEST_SECONDS": "1"}) as front:
        api: Api = await front.caller()
        monkeypatch.setattr("server.api.executions.service.list_executions", endless)
        answer = await api.answer("{ executions { totalCount } }")
        (error,) = answer["errors"]
        assert error["extensions"]["code"] == "LIMIT_REACHED"
        assert "longer than 1 seconds" in error["message"]


# --- several processes ----------------------------------------------------------------------


@pytest.mark.services
async def test_processes_share_what_is_spent(tmp_path: Path, redis_url: str) -> None:
    redis = open_redis(redis_url)
    given = settings(tmp_path, user=100)
    first, second = Rates(given, redis), Rates(given, redis)
    first.charge(viewer(), 60)
    second.charge(viewer(), 30)
    await first.share()
    await second.share()
    assert second.charge(viewer(), 20).refused
    assert second.buckets_of(viewer())[0].left == pytest.approx(10, abs=2)
    first.charge(viewer(), 1)
    await first.share()
    assert first.charge(viewer(), 20).refused
    await redis.aclose(close_connection_pool=True)


async def test_without_redis_each_process_counts_alone(tmp_path: Path) -> None:
    class Away:
        def pipeline(self, **_: Any) -> Any:
            raise RedisAway("gone")

    rates = Rates(settings(tmp_path, user=100), Away())
    assert not rates.charge(viewer(), 60).refused
    with pytest.raises(RedisAway):
        await rates.share()
    assert rates.charge(viewer(), 60).refused
