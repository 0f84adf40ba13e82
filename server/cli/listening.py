"""The port, taken before anything else is started: a taken one costs no half start."""

from __future__ import annotations

import errno
import socket

from server.core.errors import StartError

BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _cannot_listen(host, port, error) from None
    return listener


def _cannot_listen(host: str, port: int, error: OSError) -> StartError:
    if error.errno == errno.EADDRINUSE:
        other = _next(port)
        hint = f"Stop it, or give another port: --port {other}, or `make run PORT={other}`."
        return StartError(f"Port {port} on {host} is taken by another program.", hint=hint)
    if error.errno == errno.EACCES:
        hint = "Ports below 1024 need more rights: give another with --port."
        return StartError(f"Port {port} may not be used.", hint=hint)
    hint = "Give an address of this machine with --host."
    return StartError(f"{host}:{port} cannot be used: {error.strerror or error}.", hint=hint)


def _next(port: int) -> int:
    return port + 1 if port < 65535 else 8000


def address_of(listener: socket.socket) -> str:
    """Where a browser on this machine finds it."""
    name = listener.getsockname()
    host, port = str(name[0]), int(name[1])
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
