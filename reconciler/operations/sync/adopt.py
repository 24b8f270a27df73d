"""Finding requests of ours that the ledger does not know: a lost or old ledger loses only history (invariant 11).

Only the slots themselves are believed. A digest line merely says which subjects to probe: anyone may type one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from reconciler.errors import NotFoundError
from reconciler.operations.sync.settings import SyncPorts, SyncSettings
from reconciler.sync.fingerprint import parse_digest


class Adopter:
    """Lists a definition's recent instances and names the subjects whose slots must be probed."""

    def __init__(self, ports: SyncPorts, settings: SyncSettings) -> None:
        self._ports = ports
        self._settings = settings

    async def unknown_subjects(self, definitions: Sequence[str], since: datetime) -> tuple[str, ...]:
        """Subjects that instances created since then name in our integration, further on than the ledger knows."""
        newest: dict[str, int] = {}
        for definition_code in await self._codes(definitions):
            for code in await self._ports.approvals.recent(definition_code, since):
                named = await self._named(code)
                if named is not None:
                    subject, generation = named
                    newest[subject] = max(newest.get(subject, -1), generation)
        unknown = []
        for subject, generation in sorted(newest.items()):
            entry = await self._ports.ledger.entry(subject)
            if entry is None or entry.generation < generation or entry.instance is None:
                unknown.append(subject)
        return tuple(unknown)

    async def _codes(self, definitions: Sequence[str]) -> Sequence[str]:
        """The codes in force, and those that the ledger's own requests were made from: a spec may have moved on."""
        codes = {(await self._ports.approvals.definition(name)).code for name in definitions}
        for entry in await self._ports.ledger.entries(open_only=False):
            if entry.request is not None:
                codes.add(entry.request.definition_code)
        return sorted(codes - {""})

    async def _named(self, code: str) -> tuple[str, int] | None:
        try:
            instance = await self._ports.approvals.read(code)
        except NotFoundError:
            return None
        for _, text in instance.form:
            parsed = parse_digest(text)
            if parsed is not None and parsed[1] == self._settings.integration:
                return parsed[2], parsed[3]
        return None
