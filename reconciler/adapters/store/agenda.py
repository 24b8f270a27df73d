"""Which keys deserve a look: cheap questions to the index columns, answered without reading whole entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, func, or_, select, true, union

from reconciler.adapters.store.engine import Store
from reconciler.adapters.store.schema import entries, history, outbox, wishes
from reconciler.subjects.entry import EntryState


@dataclass(frozen=True, slots=True)
class AskedInstance:
    """An instance that is, as far as we know, still undecided."""

    subject: str
    code: str


@dataclass(frozen=True, slots=True)
class WatchedIssue:
    """A subject whose issue may hold commands."""

    subject: str
    issue: str


class SqlAgenda:
    """Reads of one target that only ever lead to a look at a key."""

    def __init__(self, store: Store, target: str) -> None:
        self._store = store
        self._target = target

    async def open_subjects(self) -> Sequence[str]:
        """Subjects with an entry that is not closed."""
        return await self._subjects(entries.c.state != EntryState.CLOSED)

    async def unsettled(self) -> Sequence[str]:
        """Subjects with a request that exists or may exist and has not been ended."""
        states = (EntryState.INTENDED, EntryState.ASKED, EntryState.WITHDRAWING)
        return await self._subjects(entries.c.state.in_([str(state) for state in states]))

    async def wished(self) -> Sequence[tuple[str, str]]:
        """Unanswered wishes: subject and id."""
        query = (
            select(wishes.c.subject, wishes.c.id)
            .where(wishes.c.target == self._target, wishes.c.answer.is_(None))
            .order_by(wishes.c.at)
        )
        rows = await self._store.read(lambda connection: connection.execute(query).all())
        return [(row.subject, row.id) for row in rows]

    async def watched(self) -> Sequence[WatchedIssue]:
        """Subjects with an issue and an open entry, those that changed last first."""
        query = (
            select(entries.c.subject, entries.c.issue)
            .where(self._present, entries.c.issue != "", entries.c.state != str(EntryState.CLOSED))
            .order_by(entries.c.since.desc(), entries.c.subject)
        )
        rows = await self._store.read(lambda connection: connection.execute(query).all())
        return [WatchedIssue(row.subject, row.issue) for row in rows]

    async def asked(self) -> Sequence[AskedInstance]:
        """Instances that are waiting for people or for their withdrawal, sorted by subject."""
        query = (
            select(entries.c.subject, entries.c.code)
            .where(self._present, entries.c.code != "")
            .where(entries.c.state.in_([str(EntryState.ASKED), str(EntryState.WITHDRAWING)]))
            .order_by(entries.c.subject)
        )
        rows = await self._store.read(lambda connection: connection.execute(query).all())
        return [AskedInstance(row.subject, row.code) for row in rows]

    async def subject_of(self, *, code: str, uuid: str) -> str | None:
        """The subject whose request has this instance code or uuid, in whatever case, whatever its generation."""

        def ask(connection: Connection) -> str | None:
            exact = [column == given for column, given in pairs]
            found: str | None = connection.execute(query.where(or_(*exact))).scalar()
            if found is None:
                # Events may write ids in another case; only then is the index of no use.
                alike = [func.lower(column) == given.lower() for column, given in pairs]
                found = connection.execute(query.where(or_(*alike))).scalar()
            return found

        pairs = [(column, given) for column, given in ((entries.c.code, code), (entries.c.uuid, uuid)) if given]
        if not pairs:
            return None
        query = select(entries.c.subject).where(entries.c.target == self._target).limit(1)
        return await self._store.read(ask)

    async def is_asked(self, subject: str, *, code: str) -> bool:
        """Whether the subject's present entry says that people are being asked by this instance, in whatever case."""
        query = select(entries.c.state, entries.c.code).where(self._present, entries.c.subject == subject)
        row = await self._store.read(lambda connection: connection.execute(query).first())
        return row is not None and row.state == EntryState.ASKED and row.code.lower() == code.lower()

    async def counts(self) -> dict[str, int]:
        """How many present entries are in each state."""
        query = select(entries.c.state, func.count()).where(self._present).group_by(entries.c.state)
        rows = await self._store.read(lambda connection: connection.execute(query).all())
        return {row[0]: row[1] for row in rows}

    async def version(self) -> tuple[int, int]:
        """A value that differs once anything was decided or delivered."""
        newest = select(func.coalesce(func.max(history.c.id), 0)).where(history.c.target == self._target)
        owed = select(func.count()).where(outbox.c.target == self._target, outbox.c.is_owed == true())
        return await self._store.read(
            lambda connection: (connection.execute(newest).scalar_one(), connection.execute(owed).scalar_one())
        )

    @property
    def _present(self) -> ColumnElement[bool]:
        return (entries.c.target == self._target) & (entries.c.is_present == true())

    async def _subjects(self, *where: ColumnElement[bool]) -> Sequence[str]:
        query = select(entries.c.subject).where(self._present, *where).order_by(entries.c.subject)
        return await self._store.read(lambda connection: connection.execute(query).scalars().all())


async def targets(store: Store) -> Sequence[str]:
    """Names of the targets the store knows anything about, sorted."""
    query = union(select(entries.c.target), select(history.c.target))
    return sorted(await store.read(lambda connection: connection.execute(query).scalars().all()))
