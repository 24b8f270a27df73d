"""Where the store is: `sqlite:///file` or `postgresql://…`, understood once and never shown with its password."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from reconciler.errors import SpecError

DEFAULT_STORE = "sqlite:///.reconciler/store.db"
"""The store that is used when neither `--store` nor `RECONCILER_STORE` names one."""


@dataclass(frozen=True, slots=True)
class StoreUrl:
    """A parsed store address. `file` is set for SQLite alone; `shown` is safe to print."""

    url: URL
    file: Path | None
    shown: str

    @classmethod
    def parse(cls, text: str) -> StoreUrl:
        """Understand an address. Raises SpecError for anything but an SQLite file or a PostgreSQL server."""
        try:
            url = make_url(text)
        except (ArgumentError, ValueError):
            raise _not_understood("it is not a URL") from None
        backend = url.get_backend_name()
        if backend == "sqlite":
            if not url.database or url.database == ":memory:" or url.host:
                raise _not_understood("an SQLite store is a file")
            return cls(url=url, file=Path(url.database), shown=f"sqlite:///{url.database}")
        if backend in {"postgresql", "postgres"}:
            url = url.set(drivername="postgresql+psycopg")
            shown = url.set(drivername="postgresql", query={}).render_as_string(hide_password=True)
            return cls(url=url, file=None, shown=shown)
        raise _not_understood(f"{backend} is neither sqlite nor postgresql")


def _not_understood(why: str) -> SpecError:
    return SpecError(
        "the store's address is not understood",
        why=why,
        next_step="give --store (or RECONCILER_STORE) as sqlite:///path/to/file or postgresql://user@host/database",
    )
