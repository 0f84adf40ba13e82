"""`up`, `serve` and `worker`: the processes."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

import click

from server.cli.group import example
from server.cli.local import data_option, settings_for
from server.cli.output import say
from server.core.address import remember_address
from server.core.errors import StartError

if TYPE_CHECKING:
    from server.core.settings import Settings

host_option = click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen on."
)
port_option = click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port; 0 takes a free one.",
)


@click.command(epilog=example("baleybots up\nbaleybots up --port 9000 --data-dir ~/bots --open"))
@host_option
@port_option
@data_option
@click.option("--open", "open_browser", is_flag=True, help="Open the browser when it is ready.")
def up(host: str, port: int, data_dir: str | None, open_browser: bool) -> None:
    """Start everything in one process: API, web app, worker, database and queue.

    Prints `Ready: URL`, and on the first start a one-time link to sign in. Ctrl-C stops it.
    """
    _serve(_settings(data_dir), host, port, worker=True, open_browser=open_browser)


@click.command(
    epilog=example("BALEYBOTS_REDIS_URL=redis://localhost baleybots serve --host 0.0.0.0")
)
@host_option
@port_option
@data_option
def serve(host: str, port: int, data_dir: str | None) -> None:
    """Start the API and the web app alone; workers run beside it with `baleybots worker`.

    Needs Redis (BALEYBOTS_REDIS_URL), through which the processes hear each other.
    """
    settings = _settings(data_dir)
    _need_redis(settings, "serve")
    _serve(settings, host, port, worker=False, open_browser=False)


@click.command(epilog=example("BALEYBOTS_REDIS_URL=redis://localhost baleybots worker"))
@data_option
@click.option("--check", is_flag=True, help="Only say whether a worker of this machine is alive.")
def worker(data_dir: str | None, check: bool) -> None:
    """Start a worker alone. Several may run, on several machines, with PostgreSQL or MySQL.

    Needs Redis (BALEYBOTS_REDIS_URL), through which the processes hear each other.
    """
    if check:
        return _say_whether_alive(settings_for(data_dir))
    settings = _settings(data_dir)
    _need_redis(settings, "worker")
    from server.cli.serving import run_on_uvloop
    from workers.main import run_worker

    if run_on_uvloop(lambda: run_worker(settings)):
        _begin_anew()


def _begin_anew() -> None:
    """The same command in the same process, with nothing of its memory: whoever watches over it,
    or nobody does, has nothing to do."""
    try:
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
    except OSError as error:
        message = f"This worker held too much memory and could not start anew: {error.strerror}."
        raise StartError(message, hint="Start it again: baleybots worker") from None


def _settings(data_dir: str | None) -> Settings:
    """A setting that nobody reads is told where a start is watched; it stops nothing."""
    from server.core.logs import get_logger
    from server.core.settings import misspelt

    settings = settings_for(data_dir)
    if words := misspelt(os.environ):
        get_logger(__name__).warning(words)
    return settings


def _say_whether_alive(settings: Settings) -> None:
    from workers.presence import is_alive, mark_of

    if not is_alive(mark_of(settings.data_dir)):
        raise StartError("No worker of this machine is alive.", hint="Start one: baleybots worker")
    say("A worker of this machine is alive.")


def _serve(settings: Settings, host: str, port: int, *, worker: bool, open_browser: bool) -> None:
    from server.cli.listening import address_of, listen

    gc.disable()  # until it serves
    with listen(host, port) as listener:
        from server.cli.serving import Serving, run_on_uvloop

        url = settings.public_url or address_of(listener)

        def ready(token: str | None) -> None:
            link = f"{url}/signin?token={token}" if token else None
            remember_address(settings, url)
            say(f"Ready: {url}")
            if link:
                say(f"Sign in with this link, which works once: {link}")
            sys.stdout.flush()
            if open_browser:
                click.launch(link or url)

        run_on_uvloop(Serving(settings, listener, worker, ready).run)


def _need_redis(settings: Settings, command: str) -> None:
    if settings.redis_url is None:
        raise StartError(
            f"`baleybots {command}` needs Redis: processes hear of each other's work through it.",
            hint="Set BALEYBOTS_REDIS_URL, or start everything in one process with `baleybots up`.",
        )
