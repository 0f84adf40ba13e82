"""Servers that a test may kill and bring back: same port, same data."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support import services

Spawn = Callable[[], "subprocess.Popen[bytes]"]


@dataclass
class Restartable:
    """A running server and how to start it again."""

    title: str
    port: int
    folder: Path
    spawn: Spawn
    answers: Callable[[int], bool]
    crash: signal.Signals = signal.SIGKILL
    farewell: signal.Signals = signal.SIGTERM
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = self.spawn()
        services._await_start(self.process, self.port, self.title, self.folder, self.answers)

    def stop(self, how: signal.Signals | None = None) -> None:
        """As in a crash, unless told how."""
        assert self.process is not None
        self.process.send_signal(self.crash if how is None else how)
        self.process.wait(30)

    def restart(self) -> None:
        self.stop()
        self.start()


@contextlib.contextmanager
def postgres() -> Iterator[Restartable]:
    with services._workdir() as folder:
        programs = services._postgres_programs(folder)
        user = services._unprivileged_user()
        data = folder / "data"
        port = services.free_port()
        made = [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-N"]
        services._run(made, folder, user)
        command = [programs / "postgres", "-D", data, "-p", port, "-h", "127.0.0.1", "-k", folder]
        with _kept_running(
            Restartable(
                "PostgreSQL",
                port,
                folder,
                lambda: services._spawn([*command, "-c", "max_connections=200"], folder, user),
                services._postgres_answers,
                crash=signal.SIGQUIT,  # its own `-m immediate`: recovery at the next start
                farewell=signal.SIGINT,
            )
        ) as server:
            yield server


@contextlib.contextmanager
def mariadb() -> Iterator[Restartable]:
    daemon = services._program("mariadbd", "mysqld")
    install = services._program("mariadb-install-db", "mysql_install_db")
    if daemon is None or install is None:
        raise services.ServiceMissing("MariaDB", "mariadb-server")
    with services._workdir() as folder:
        user = services._unprivileged_user()
        data, port = folder / "data", services.free_port()
        root = ["--auth-root-authentication-method=normal", "--skip-test-db"]
        made = [install, "--no-defaults", f"--datadir={data}", *root]
        services._run(made, folder, user)
        command = [daemon, "--no-defaults", f"--datadir={data}", f"--port={port}"]
        command += ["--bind-address=127.0.0.1", f"--socket={folder / 's.sock'}"]
        command += [f"--pid-file={folder / 'pid'}", "--innodb-buffer-pool-size=64M"]
        with _kept_running(
            Restartable(
                "MariaDB",
                port,
                folder,
                lambda: services._spawn([*command, "--max-connections=300"], folder, user),
                services._port_answers,
            )
        ) as server:
            yield server


@contextlib.contextmanager
def redis(*options: object) -> Iterator[Restartable]:
    """Keeps nothing on disk: after a restart it is empty."""
    program = services._program("redis-server", "valkey-server")
    if program is None:
        raise services.ServiceMissing("Redis", "redis-server")
    with services._workdir() as folder:
        port = services.free_port()
        command = [program, "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", folder]
        with _kept_running(
            Restartable(
                "Redis",
                port,
                folder,
                lambda: services._spawn([*command, *options], folder, None),
                services._port_answers,
            )
        ) as server:
            yield server


@contextlib.contextmanager
def _kept_running(server: Restartable) -> Iterator[Restartable]:
    server.start()
    try:
        yield server
    finally:
        assert server.process is not None
        if server.process.poll() is None:
            server.stop(server.farewell)
