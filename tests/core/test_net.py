"""The policy for outgoing connections, over the list of addresses beside this file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from server.core.errors import AddressRefused
from server.core.net.policy import NetPolicy
from server.core.net.urls import read_url
from server.core.settings import load_settings
from tests.policy import Row, answers_of, judge_net, read_rows

LIST = Path(__file__).parent / "fixtures" / "net.tsv"
ROWS = list(read_rows(LIST.read_bytes().decode()))
ENVIRON = {
    "BALEYBOTS_ALLOWED_PORTS": "8443",
    "BALEYBOTS_ALLOWED_PRIVATE_HOSTS": (
        "ollama.lan:11434,10.20.0.0/16:80,any.lan:*,fd77::/16:8080"
    ),
}
SETTINGS = load_settings(ENVIRON)
PUBLIC = "93.184.215.14"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: ascii(row["url"])[1:60])
async def test_each_address_of_the_list(row: Row) -> None:
    answer = await judge_net(row, SETTINGS)
    assert answer["verdict"] == row["verdict"]
    assert answer["reason"]


def test_the_list_is_long() -> None:
    assert len(ROWS) > 200


async def asked(host: str) -> list[str]:
    raise AssertionError(f"{host} was looked up")


@pytest.mark.parametrize("url", ["http://10.0.0.1/", "http://localhost/", "http://metadata.goog/"])
async def test_what_is_plainly_inside_is_refused_without_a_lookup(url: str) -> None:
    with pytest.raises(AddressRefused):
        await NetPolicy(resolve=asked).check_url(url)


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("http://10.0.0.1/", "BALEYBOTS_ALLOWED_PRIVATE_HOSTS=10.0.0.1:80"),
        ("https://localhost/", "BALEYBOTS_ALLOWED_PRIVATE_HOSTS=localhost:443"),
        ("http://[fd20:aa::254]/", "BALEYBOTS_ALLOWED_PRIVATE_HOSTS=[fd20:aa::254]:80"),
        ("http://inner.test/", "BALEYBOTS_ALLOWED_PRIVATE_HOSTS=inner.test:80"),
        ("http://example.org:6379/", "BALEYBOTS_ALLOWED_PORTS=6379"),
        ("http://localhost:11434/v1", "BALEYBOTS_ALLOWED_PRIVATE_HOSTS=localhost:11434"),
        ("http://10.0.0.5:8000/", "BALEYBOTS_ALLOWED_PRIVATE_HOSTS=10.0.0.5:8000"),
        ("http://nas.test:5000/", "BALEYBOTS_ALLOWED_PRIVATE_HOSTS=nas.test:5000"),
    ],
)
async def test_a_refusal_names_a_line_that_helps(url: str, line: str) -> None:
    resolve = answers_of(
        f"inner.test=10.0.0.9;nas.test=10.0.0.8;localhost=127.0.0.1;example.org={PUBLIC}"
    )
    with pytest.raises(AddressRefused) as caught:
        await NetPolicy(resolve=resolve).check_url(url)
    assert f"{line} " in str(caught.value.hint)
    name, _, value = line.partition("=")
    settings = load_settings({name: value})
    policy = NetPolicy(settings.allowed_private_hosts, settings.allowed_ports, resolve=resolve)
    assert (await policy.check_url(url))[1]


async def test_a_name_of_the_own_network_is_told_of_no_line_that_does_not_help() -> None:
    with pytest.raises(AddressRefused) as caught:
        NetPolicy(["10.0.0.0/8:80"]).read("http://nas.local:5000/")
    assert "BALEYBOTS_ALLOWED_PRIVATE_HOSTS=nas.local:5000 " in str(caught.value.hint)
    assert "PORTS" not in str(caught.value.hint)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://0xa9fea9fe/",
        "http://169.254.170.2:8080/v2/credentials",
        "http://100.100.100.200/",
        "http://[fd00:ec2::254]/",
        "http://[fd20:ce::254]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://metadata.google.internal/",
        "http://metadata.goog:8080/",
        "http://instance-data/",
        "http://harmless.test/",
    ],
)
async def test_nobody_is_told_to_open_where_a_cloud_keeps_its_keys(url: str) -> None:
    leads = "metadata.google.internal=169.254.169.254;metadata.goog=169.254.169.254"
    resolve = answers_of(f"{leads};instance-data=169.254.169.254;harmless.test=169.254.169.254")
    for listed in ((), ("10.0.0.0/8:80",)):
        with pytest.raises(AddressRefused) as caught:
            await NetPolicy(listed, resolve=resolve).check_url(url)
        hint = str(caught.value.hint)
        assert "leave it out of BALEYBOTS_ALLOWED_PRIVATE_HOSTS" in hint
        assert "add" not in hint


@pytest.mark.parametrize("port", [5432, 3306, 587, 443])
async def test_a_database_or_mail_server_may_use_any_port(port: int) -> None:
    policy = NetPolicy(resolve=answers_of(f"db.example.org={PUBLIC}"))
    assert [str(one) for one in await policy.check_host("db.example.org", port)] == [PUBLIC]


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "0x7f.1", "::1", "[::1]", "::ffff:10.0.0.1", "inner.test"),
        *("/var/run/postgresql", "a,b", "db host", "u@db", "db:5432", "", "@/var/run", "db%00"),
    ],
)
async def test_a_database_inside_or_by_a_trick_is_refused(host: str) -> None:
    with pytest.raises(AddressRefused):
        await NetPolicy(resolve=answers_of("inner.test=10.0.0.9")).check_host(host, 5432)


async def test_the_name_is_looked_up_once_and_the_answers_are_what_to_connect_to() -> None:
    answers = iter([[PUBLIC], ["127.0.0.1"]])

    async def resolve(host: str) -> list[str]:
        return next(answers)

    _, found = await NetPolicy(resolve=resolve).check_url("http://rebinding.test/")
    assert [str(one) for one in found] == [PUBLIC]


def test_a_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(AddressRefused) as caught:
        read_url("https://me:hunter2@example.org/")
    assert "hunter2" not in caught.value.message


def test_the_list_runs_from_the_command_line(tmp_path: Path) -> None:
    """JSON lines too; the settings come from the environment."""
    given = tmp_path / "list.jsonl"
    given.write_text('{"url": "http://10.0.0.1/"}\n{"url": "https://9.9.9.9:8443/", "more": 1}\n')
    done = subprocess.run(
        [sys.executable, "-m", "tests.policy", "net", str(given)],
        env={"BALEYBOTS_ALLOWED_PORTS": "8443"},
        capture_output=True,
        text=True,
        check=True,
    )
    verdicts = [line.split('"')[3] for line in done.stdout.splitlines()]
    assert verdicts == ["block", "allow"]
