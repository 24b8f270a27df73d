"""Serves an application on a port that was bound first, so that its number is known and a taken one is said at once."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette

from reconciler.errors import UnavailableError

_SHUTDOWN_SECONDS = 2


class _Server(uvicorn.Server):
    """A server that leaves the signals to the daemon."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take no signal."""
        yield


@asynccontextmanager
async def serving(app: Starlette, *, address: str, port: int) -> AsyncIterator[str]:
    """Serve while the block runs; gives the URL. Port 0 is any free one."""
    listener = bind(address, port)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        lifespan="off",
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    host = f"[{address}]" if ":" in address else address
    try:
        yield f"http://{host}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()


def bind(address: str, port: int) -> socket.socket:
    """A listening socket; UnavailableError where the port is taken."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # The protocol is named because asyncio turns off Nagle's delay (40 ms on a kept connection) only where it is.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise UnavailableError(
            "the page cannot be served",
            where=f"{address}:{port}",
            why=error.strerror or "",
            next_step="choose another port with --http-port (0 = any free one), or --no-http",
        ) from error
    listener.setblocking(False)
    return listener
