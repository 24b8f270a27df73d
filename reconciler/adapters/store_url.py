"""Where the store is: `sqlite:///file` or `postgresql://…`, understood once and never shown with its password.

Stands outside the store's package, so that a command which finds no store need not load a database library to say so.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.errors import SpecError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL


@dataclass(frozen=True, slots=True)
class StoreUrl:
    """A parsed store address: `file` of SQLite or `server` of PostgreSQL. `shown` is safe to print."""

    file: Path | None
    server: URL | None
    shown: str

    @classmethod
    def parse(cls, text: str) -> StoreUrl:
        """Understand an address. Raises SpecError for anything but an SQLite file or a PostgreSQL server."""
        driver, mark, rest = text.partition("://")
        backend = driver.partition("+")[0]
        if not mark or not backend:
            raise _not_understood("it is not a URL")
        if backend == "sqlite":
            return cls._sqlite(rest)
        if backend in {"postgresql", "postgres"}:
            return cls._postgres(text)
        raise _not_understood(f"{backend} is neither sqlite nor postgresql")

    @classmethod
    def _sqlite(cls, rest: str) -> StoreUrl:
        host, _, file = rest.partition("?")[0].partition("/")
        if host or not file or file == ":memory:":
            raise _not_understood("an SQLite store is a file")
        return cls(file=Path(file), server=None, shown=f"sqlite:///{file}")

    @classmethod
    def _postgres(cls, text: str) -> StoreUrl:
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            url = make_url(text).set(drivername="postgresql+psycopg")
        except (ArgumentError, ValueError):
            raise _not_understood("it is not a URL") from None
        shown = url.set(drivername="postgresql", query={}).render_as_string(hide_password=True)
        return cls(file=None, server=url, shown=shown)

    @property
    def is_missing(self) -> bool:
        """Whether there is certainly no store: an SQLite file that does not exist."""
        return self.file is not None and not self.file.exists()


def _not_understood(why: str) -> SpecError:
    return SpecError(
        "the store's address is not understood",
        why=why,
        next_step="give --store (or RECONCILER_STORE) as sqlite:///path/to/file or postgresql://user@host/database",
    )
