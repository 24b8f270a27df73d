"""Which targets a command that only reads the store is about: those of the spec, or those the store knows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from reconciler.adapters.spec_files import load_specs
from reconciler.adapters.store import IdentityRecords, ReadOnlyLedger, Store, open_for_reading, targets
from reconciler.cli.options import CommonOptions
from reconciler.errors import SpecError
from reconciler.spec.models.feishu import PlatformHosts
from reconciler.spec.target import Target


@dataclass(frozen=True, slots=True)
class KnownTarget:
    """A target by name, and what can be said of it without any upstream."""

    name: str
    ledger: ReadOnlyLedger
    document: Mapping[str, object]


@asynccontextmanager
async def known_targets(options: CommonOptions) -> AsyncIterator[tuple[KnownTarget, ...]]:
    """The chosen targets with their ledgers, read only. A store that does not exist is empty, and is not made.

    The spec is not needed: where there is none, the targets are those that the store knows.
    """
    declared = {target.name: target for target in _declared(options)}
    store = await open_for_reading(options.store)
    try:
        names = list(declared) or list(await targets(store))
        if options.target is not None:
            if options.target not in names:
                raise SpecError(
                    f"no target is called '{options.target}'",
                    next_step=f"known here: {', '.join(sorted(names)) or 'none'}",
                )
            names = [options.target]
        yield tuple([await _known(store, name, declared.get(name)) for name in names])
    finally:
        await store.aclose()


def _declared(options: CommonOptions) -> Sequence[Target]:
    is_named = options.files != CommonOptions().files
    if not is_named and not all(Path(file).exists() for file in options.files):
        return ()
    return load_specs(options.files).require()


async def _known(store: Store, name: str, target: Target | None) -> KnownTarget:
    document: dict[str, object] = {"name": name, "bytebase": None, "feishu": None}
    if target is not None:
        bytebase, feishu = target.spec.bytebase, target.spec.feishu
        identity = bytebase.identity
        workspace = await IdentityRecords(store).workspace_of(identity) if identity is not None else None
        document["bytebase"] = {
            "url": bytebase.url,
            "identity": identity or urlsplit(bytebase.url).netloc,
            "workspace": workspace or "",
        }
        if feishu is not None and feishu.app is not None:
            platform = feishu.platform
            where = platform.open_api if isinstance(platform, PlatformHosts) else platform
            document["feishu"] = {"platform": where, "appId": feishu.app.id}
    return KnownTarget(name, ReadOnlyLedger(store, name), document)
