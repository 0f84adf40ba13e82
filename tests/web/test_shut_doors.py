"""What comes to the web doors with bad intent; the numbers are those of the list of hostile inputs
(S58 to S61, S72 to S74)."""

from __future__ import annotations

import io
import json
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import structlog

from server.cli.serving import Serving
from server.core.logs import setup_logs
from server.models.enums import Role
from server.models.tables import Bot, BotVersion, Execution, Session
from server.workspaces import accounts
from tests.api.samples import EVERYTHING, MISSING, denied
from tests.support.front import HOST, PURE, Api, Front, open_front
from tests.support.logs import plain_logs

FAST = 0.5  # seconds: 100 ms on a quiet machine, and this one may be busy
FORM = {"content-type": "application/x-www-form-urlencoded", "origin": HOST}


@pytest_asyncio.fixture(scope="module")
async def front(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Front]:
    async with open_front(tmp_path_factory.mktemp("data")) as front:
        yield front


@pytest_asyncio.fixture(scope="module")
async def api(front: Front) -> Api:
    return await front.caller()


def bearer(api: Api) -> dict[str, str]:
    return {"authorization": f"Bearer {api.token}"}


# --- S58: a definition in the request --------------------------------------------------------


async def test_a_program_in_the_request_is_read_and_never_run(front: Front) -> None:  # S58
    """Every field that takes a program, as the schema says. Logged out it is not even read; a
    viewer may have it checked, which starts nothing and keeps nothing."""
    viewer, before = await front.caller(Role.VIEWER), await counts()
    given = [asked for asked in EVERYTHING if any(s.type == "BalSource" for s in asked.slots())]
    assert {"compareBal", "createBot", "saveBotDraft"} <= {asked.name for asked in given}
    for asked in given:
        values = asked.values(MISSING)
        body = {"query": asked.document(values), "variables": values}
        assert (await front.http.post("/graphql", json=body)).status_code == 401
        answer = await front.http.post("/graphql", json=body, headers=bearer(viewer))
        assert denied(answer.json()) == (asked.root == "Mutation"), asked.name
    assert await counts() == before


async def counts() -> list[int]:
    return [await table.all().count() for table in (Execution, Bot, BotVersion)]


async def test_a_viewer_starts_nothing(front: Front, api: Api) -> None:  # S58
    bot = await api.bot(PURE, "Not for viewers")
    viewer = await front.caller(Role.VIEWER)
    start = "mutation M($i: StartExecutionInput!) { startExecution(input: $i) { errors { code } } }"
    answer = await viewer.answer(start, i={"botId": bot["id"], "input": 1})
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


# --- S59: a body that looks like an upload ---------------------------------------------------

UPLOAD = {"files": {"x": {"filepath": "/etc/passwd", "path": "/etc/passwd", "size": 1}}}


async def test_what_looks_like_an_upload_is_plain_data(api: Api) -> None:  # S59
    bot = await api.bot(PURE, "Uploads")
    started = await api.start(bot["id"], input=UPLOAD)
    found = await api.data(
        "query Q($id: ID!) { execution(id: $id) { input output } }", id=started["id"]
    )
    assert found["execution"]["input"] == UPLOAD
    assert "root:" not in json.dumps(found)
    body = {"query": "{ viewer { role } }", **UPLOAD, "map": {"0": ["variables.file"]}}
    answer = await api.http.post("/graphql", json=body, headers=bearer(api))
    assert answer.json()["data"] == {"viewer": {"role": "OWNER"}}


async def test_a_bundle_is_bytes_and_never_a_path(api: Api) -> None:  # S59
    kinds = {"application/json": 415, "multipart/form-data; boundary=x": 415}
    kinds["application/zip"] = 400
    for kind, status in kinds.items():
        headers = bearer(api) | {"content-type": kind}
        answer = await api.http.post("/bundles", content=json.dumps(UPLOAD), headers=headers)
        assert answer.status_code == status, (kind, answer.text)
        assert "root:" not in answer.text


# --- S60: paths -------------------------------------------------------------------------------

OUTSIDE = [
    "../../../etc/passwd",
    "..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "..\\..\\..\\etc\\passwd",
    "..%5c..%5cetc%5cpasswd",
    "/etc/passwd",
    "%2Fetc%2Fpasswd",
    "app.css%00.png",
    "../mount.py",
    "../static-private/x",
    "build/../../mount.py",
    "CON",
    "x" * 5_000,
]


@pytest.mark.parametrize("path", OUTSIDE, ids=range(len(OUTSIDE)))
@pytest.mark.parametrize("door", ["/static/", "/blobs/"])
async def test_no_path_leads_out(front: Front, api: Api, door: str, path: str) -> None:  # S60
    """Asked as it stands: a client would tidy it up on the way. Deeper addresses than we have are
    the page's own, which says that there is nothing."""
    status, text = await ask_raw(front, f"{door}{path}", bearer(api))
    assert status in (400, 404) or (door == "/blobs/" and 'id="app"' in text), text[:200]
    assert "root:" not in text
    assert "import" not in text


async def test_a_link_in_the_folder_of_files_leads_nowhere(tmp_path: Path) -> None:  # S60
    from frontend.mount import BuiltFiles

    (tmp_path / "secret.txt").write_text("root:")
    (folder := tmp_path / "static").mkdir()
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    transport = httpx.ASGITransport(BuiltFiles(directory=folder))
    async with httpx.AsyncClient(transport=transport, base_url=HOST) as client:
        with pytest.raises(Exception, match="404"):
            await client.get("/link.txt")


# --- S61: ranges and forms --------------------------------------------------------------------


async def test_ten_thousand_ranges_cost_nothing(front: Front) -> None:  # S61
    (file,) = [path for path in static_files() if path.name == "favicon.svg"]
    ranges = ",".join(f"{n}-{n + 1}" for n in range(0, 20_000, 2))
    began = time.process_time()
    answer = await front.http.get(f"/static/{file.name}", headers={"range": f"bytes={ranges}"})
    assert time.process_time() - began < FAST
    assert answer.status_code in (200, 400, 416)
    assert len(answer.content) < 10 * file.stat().st_size + 2_000


async def test_a_form_of_very_many_fields_is_refused(front: Front) -> None:  # S61
    small = "&".join(f"a{n}" for n in range(1_500))
    for body, status in (("&".join("a=b" for _ in range(100_000)), 413), (small, 410)):
        began = time.process_time()
        answer = await front.http.post("/signin", content=body, headers=FORM)
        assert time.process_time() - began < FAST
        assert answer.status_code == status
        assert "set-cookie" not in answer.headers


async def test_a_form_of_very_many_parts_is_refused(front: Front) -> None:  # S61
    part = '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n'
    headers = FORM | {"content-type": "multipart/form-data; boundary=x"}
    for count in (50, 10_000):
        began = time.process_time()
        answer = await front.http.post("/signin", content=part * count + "--x--", headers=headers)
        assert time.process_time() - began < FAST
        assert answer.status_code in (410, 413), "read as if it were empty"


# --- S72: what anybody may see ----------------------------------------------------------------

PUBLIC = {"/healthz": 200, "/readyz": 200, "/signin": 200, "/forgot": 200}
SHUT = ["/metrics", "/graphql", "/explore", "/docs", "/redoc", "/openapi.json", "/graphiql"]
SHUT += ["/debug", "/exports/audit.csv", "/bundles/bots.zip", "/blobs/blob_x", "/settings", "/"]


async def test_only_a_short_list_is_public(front: Front) -> None:  # S72
    for path, status in PUBLIC.items():
        answer = await front.http.get(path)
        assert answer.status_code == status, path
        assert "server" not in answer.headers
    health = (await front.http.get("/healthz")).text
    assert "sqlite" not in health
    assert "/" not in health.replace("application/json", ""), "no path, no version, no address"
    for path in SHUT:
        answer = await front.http.get(path)
        assert answer.status_code in (303, 401, 403, 404, 405), path
        assert "x-powered-by" not in answer.headers


# --- S73: forged proxies and hosts ------------------------------------------------------------


async def test_who_asks_is_not_what_they_write(front: Front) -> None:  # S73
    """A made-up X-Forwarded-For is neither believed for limits nor written into the audit log."""
    codes: list[int] = []
    for number in range(40):
        headers = FORM | {"x-forwarded-for": f"203.0.113.{number}", "forwarded": "for=1.2.3.4"}
        body = "email=nobody%40example.org&password=wrong+password"
        codes.append((await front.http.post("/signin", content=body, headers=headers)).status_code)
        if codes[-1] == 429:
            break
    assert codes[-1] == 429, "forty tries from one address, whatever they say"


@pytest.mark.parametrize(
    ("trusted", "forwarded", "address", "secure"),
    [
        ((), "203.0.113.9", "198.51.100.7", False),
        (("192.0.2.1",), "203.0.113.9", "198.51.100.7", False),
        (("198.51.100.0/24",), "203.0.113.9", "203.0.113.9", True),
        (("198.51.100.0/24",), "10.6.6.6, 203.0.113.9", "203.0.113.9", True),
    ],
    ids=["no proxy", "another proxy", "our proxy", "our proxy, and what came to it"],
)
async def test_only_a_trusted_proxy_says_who_asks_and_how(  # S73
    front: Front, trusted: tuple[str, ...], forwarded: str, address: str, secure: bool
) -> None:
    """Through the server as it is set up to serve, which decides this before any code of ours."""
    settings = replace(front.app.settings, trusted_proxies=trusted)
    with socket.socket() as unused:
        config = Serving(settings, unused, False, lambda _: None).server(front.app).config
    config.load()
    served: Any = config.loaded_app
    transport = httpx.ASGITransport(served, client=("198.51.100.7", 1))
    headers = {"x-forwarded-for": forwarded, "x-forwarded-proto": "https"}
    async with httpx.AsyncClient(transport=transport, base_url=HOST, headers=headers) as browser:
        answer = await browser.get("/signin", params={"token": await accounts.make_link()})
    assert ("; Secure" in answer.headers["set-cookie"]) is secure
    row = await Session.all().order_by("-id").first()
    assert row is not None
    assert row.address == address


async def test_a_forged_host_gets_into_no_link(  # S73
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    forged = {"host": "evil.test", "x-forwarded-host": "evil.test", "x-forwarded-proto": "https"}
    for path in ("/forgot", "/signin", "/executions"):
        answer = await front.http.get(path, headers=forged)
        assert "evil.test" not in answer.text
        assert "evil.test" not in answer.headers.get("location", "")


# --- S74: the log -----------------------------------------------------------------------------

ODD = 'x\r\n{"event": "forged"}\n\x1b[31mred\x1b[0m\u2028"level": "error"'


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_name_writes_no_second_line_into_the_log(form: Any) -> None:  # S74
    stream = io.StringIO()
    setup_logs("debug", form, stream=stream)
    try:
        structlog.get_logger("api").warning("bot_renamed", name=ODD, path=f"/bots/{ODD}")
        written = stream.getvalue()
    finally:
        plain_logs()
    assert written.count("\n") == 1
    assert "\r" not in written
    assert "\x1b[31mred" not in written
    if form == "json":
        assert json.loads(written)["name"] == ODD


# --- below ------------------------------------------------------------------------------------


def static_files() -> list[Path]:
    from frontend.kit.assets import STATIC

    return [path for path in Path(STATIC).rglob("*") if path.is_file()]


async def ask_raw(front: Front, path: str, headers: dict[str, str]) -> tuple[int, str]:
    from urllib.parse import unquote

    said: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        said.append(message)

    raw = [(b"host", b"bots.test"), *((k.encode(), v.encode()) for k, v in headers.items())]
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": raw,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "state": {},
    }
    await front.app(scope, receive, send)
    body = b"".join(one.get("body", b"") for one in said)
    return said[0]["status"], body.decode(errors="replace")
