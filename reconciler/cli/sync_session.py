"""One run of `sync`: the store and its lock, the targets of the spec, the host, and what is served over HTTP."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from reconciler.adapters.history_log import HistoryLog
from reconciler.adapters.spec_files import load_specs, read_spec_files
from reconciler.adapters.store import (
    ReadOnlyLedger,
    SqlAgenda,
    SqlLedger,
    Store,
    StoreLock,
    open_for_reading,
    open_store,
)
from reconciler.cli.options import CommonOptions
from reconciler.daemon.access import access_for
from reconciler.daemon.host import Host, HostSettings
from reconciler.daemon.http import HttpFace
from reconciler.daemon.parts import SyncTarget
from reconciler.daemon.server import serving
from reconciler.errors import ReconcilerError, RefusedError, SpecError, ThrottledError, UnavailableError
from reconciler.ids import sha256
from reconciler.report.gate_history import history_line
from reconciler.secret import Secret
from reconciler.spec.target import Target
from reconciler.subjects.gate import node_of

_log = logging.getLogger(__name__)
_RETRY_SECONDS = 30.0
_FIRST_RETRY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """What was said on the command line of `sync`. `http_port` is None where nothing is served."""

    common: CommonOptions
    once: bool = False
    observe: bool = False
    drain: bool = False
    adopt: bool = False
    accept_identity: bool = False
    http_port: int | None = 8377
    http_address: str = "127.0.0.1"
    http_secret: Secret | None = None
    http_names: frozenset[str] = frozenset()
    history_log: str | None = None


@dataclass(frozen=True, slots=True)
class SyncContext:
    """What a target is built with. `observe` asks for parts that cannot write; `adopt` is also true on a new store."""

    store: Store
    ledger: SqlLedger
    agenda: SqlAgenda
    spec_digest: str
    observe: bool
    drain: bool
    adopt: bool
    accept_identity: bool


Builder = Callable[[Target, SyncContext], Awaitable[SyncTarget]]
"""Builds the parts of one target; raises ReconcilerError where it cannot."""


class SyncSession:
    """Builds the targets of the spec, again whenever its files change, on one open store."""

    def __init__(self, options: SyncOptions, store: Store, build: Builder) -> None:
        self._options = options
        self._store = store
        self._build = build
        self._seen = ""
        self._loaded: frozenset[str] = frozenset()
        self._next_try = 0.0

    async def targets(self) -> Sequence[SyncTarget]:
        """The chosen targets as the spec on disk has them. Nothing stays open when one of them cannot be built."""
        self._seen = self._look()
        specs = load_specs(self._options.common.files)
        chosen = specs.require(self._options.common.target)
        await self._require_no_orphans(chosen)
        digests = {text.name: text.sha256 for text in specs.files}
        built: list[SyncTarget] = []
        try:
            for target in chosen:
                built.append(await self._build(target, await self._context(target, digests[target.file])))  # noqa: PERF401
        except BaseException:
            for each in built:
                if each.aclose is not None:
                    await each.aclose()
            raise
        self._loaded = frozenset(target.name for target in built)
        return built

    async def _require_no_orphans(self, targets: Sequence[Target]) -> None:
        """RefusedError while a loaded target or a node leaves the spec with requests that nobody would end (R-03)."""
        for name in sorted(self._loaded - {target.name for target in targets}):
            _require_ended(name, name, await SqlAgenda(self._store, name).unsettled())
        for target in targets:
            nodes = {node.name for node in target.spec.external_nodes}
            asked: dict[str, list[str]] = {}
            for each in await SqlAgenda(self._store, target.name).asked():
                if (node := node_of(each.code)) is not None and node not in nodes:
                    asked.setdefault(node, []).append(each.subject)
            for node, left in sorted(asked.items()):
                _require_ended(f"the external node {node}", target.name, left)

    async def reload(self) -> Sequence[SyncTarget] | None:
        """The targets when the spec's files are others than before, else None.

        What could not be built for another reason than the spec itself is tried again after a while.
        """
        now = asyncio.get_running_loop().time()
        if now < self._next_try or self._look() == self._seen:
            return None
        try:
            return await self.targets()
        except SpecError:
            raise
        except ReconcilerError:
            self._seen, self._next_try = "", now + _RETRY_SECONDS
            raise

    async def _context(self, target: Target, spec_digest: str) -> SyncContext:
        options = self._options
        kind = ReadOnlyLedger if options.observe else SqlLedger
        ledger = kind(self._store, target.name, on_history=self._history_sink(target.name))
        is_new = not await ledger.entries(open_only=False) and not await ledger.history(limit=1)
        return SyncContext(
            store=self._store,
            ledger=ledger,
            agenda=SqlAgenda(self._store, target.name),
            spec_digest=spec_digest,
            observe=options.observe,
            drain=options.drain,
            adopt=(options.adopt or is_new) and not options.observe,
            accept_identity=options.accept_identity,
        )

    def _history_sink(self, target: str) -> Callable[..., None] | None:
        if self._options.history_log is None:
            return None
        log = HistoryLog(Path(self._options.history_log), lambda row: history_line(row, target=target))
        return log.append

    def _look(self) -> str:
        """A value that differs once any spec file differs in name or content."""
        files = read_spec_files(self._options.common.files)
        problems = [f"{problem.position}: {problem.message}" for problem in files.problems]
        return sha256("\n".join([*(f"{text.name} {text.sha256}" for text in files.texts), *problems]))


def _require_ended(what: str, where: str, left: Sequence[str]) -> None:
    if left:
        raise RefusedError(
            f"{what} leaves the spec with {len(left)} open request{'s' if len(left) > 1 else ''}",
            where=where,
            why="nobody would end them: " + ", ".join(left[:3]) + (" …" if len(left) > 3 else ""),
            next_step="put it back, stop, and run: reconciler sync --drain; or wait until they are decided",
        )


@asynccontextmanager
async def opened_store(options: SyncOptions) -> AsyncIterator[tuple[Store, asyncio.Event]]:
    """The store, held against any other sync unless only observing; the event tells that the hold was lost."""
    async with AsyncExitStack() as stack:
        address = options.common.store
        if options.observe:
            store = await open_for_reading(address)
            stack.push_async_callback(store.aclose)
            yield store, asyncio.Event()
            return
        store = await open_store(address)
        stack.push_async_callback(store.aclose)
        yield store, await stack.enter_async_context(StoreLock(store, "sync").hold())


async def run_sync(options: SyncOptions, build: Builder, *, on_ready: Callable[[str | None], None]) -> int:
    """Run as asked; returns how many requests a drain left pending (0 otherwise).

    `on_ready` is told the page's address, None without one, once both upstreams were read.
    """
    stop = _stop_on_signals()
    async with opened_store(options) as (store, lost):
        session = SyncSession(options, store, build)
        settings = HostSettings(patience=0) if options.once or options.drain else HostSettings()
        targets = await _first_targets(session, patience=settings.patience, stop=stop)
        if stop.is_set():
            return 0
        host = Host(
            targets,
            settings=settings,
            store_fault=lambda: store.broken,
            lost=lost,
            reload=session.reload,
        )
        if options.drain:
            return await host.drain(stop)
        if options.once:
            await host.once(stop)
            return 0
        async with _served(options, host, stop) as url:
            await host.run(stop, on_ready=lambda: on_ready(url))
        return 0


async def _first_targets(session: SyncSession, *, patience: float, stop: asyncio.Event) -> Sequence[SyncTarget]:
    """The targets, tried again for a while when an upstream cannot be reached; none when asked to stop meanwhile."""
    loop = asyncio.get_running_loop()
    until = loop.time() + patience
    while not stop.is_set():
        try:
            return await session.targets()
        except (UnavailableError, ThrottledError) as error:
            if loop.time() >= until:
                raise
            _log.warning("not ready yet: %s", error)
        with suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_RETRY_SECONDS):
                await stop.wait()
    return ()


@asynccontextmanager
async def _served(options: SyncOptions, host: Host, stop: asyncio.Event) -> AsyncIterator[str | None]:
    if options.http_port is None:
        yield None
        return
    access = access_for(options.http_address, secret=options.http_secret, names=options.http_names)
    ended = asyncio.Event()
    app = HttpFace(host, access=access, stop=ended).app()
    async with serving(app, address=options.http_address, port=options.http_port) as url:
        try:
            yield url
        finally:
            # Also when the host ends by an error: open streams must not hold up the end.
            stop.set()
            ended.set()


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop
