"""One ASGI app on one loopback port, started and stopped inside the caller's event loop; signals stay the caller's."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp, Scope

from reconciler.errors import UnavailableError

HOST = "127.0.0.1"


class _QuietServer(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self.leaving = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say when the port is served."""
        await super().startup(sockets=sockets)
        self.listening.set()

    async def main_loop(self) -> None:
        """Wait to be asked to stop; the stand-ins write their own Date, so nothing here needs a tick."""
        await self.leaving.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the process's signal handlers alone: whoever started us decides when to stop."""
        yield


class LoopbackServer:
    """Serves `app` on 127.0.0.1 from `start` to `stop`; port 0 takes any free one."""

    def __init__(self, app: ASGIApp, *, name: str, port: int = 0) -> None:
        self._name = name
        self._wanted = port
        self._task: asyncio.Task[None] | None = None
        self._server = _QuietServer(
            uvicorn.Config(
                app,
                lifespan="off",
                http="h11",
                ws="websockets-sansio",
                loop="none",
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                date_header=False,
                timeout_graceful_shutdown=1,
                timeout_keep_alive=75,
                h11_max_incomplete_event_size=1024 * 1024,
            )
        )
        self.port = 0
        """The port that is served, once started."""

    @property
    def url(self) -> str:
        """Scheme, host and port, without a slash at the end."""
        return f"http://{HOST}:{self.port}"

    async def start(self) -> None:
        """Listen; raises `UnavailableError` when the wanted port is not free."""
        # Named protocol: only then does asyncio switch off Nagle's delay, which costs 40 ms a call on kept connections.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, self._wanted))
        except (OSError, OverflowError) as error:
            listener.close()
            raise UnavailableError(
                f"the {self._name} port cannot be opened",
                where=f"{HOST}:{self._wanted}",
                why=str(error),
                next_step="name another port, or 0 for any free one",
            ) from error
        self.port = int(listener.getsockname()[1])
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]), name=f"sandbox {self._name}")
        await self._server.listening.wait()

    async def stop(self) -> None:
        """Close the port and every connection; answers under way have a second."""
        if self._task is None:
            return
        self._server.should_exit = True
        self._server.leaving.set()
        await self._task
        self._task = None

    def cut(self, scope: Scope) -> bool:
        """Close the connection that this request came on, without an answer."""
        for connection in list(self._server.server_state.connections):
            transport = connection.transport
            if transport.get_extra_info("peername") == scope.get("client"):
                transport.abort()
                return True
        return False
