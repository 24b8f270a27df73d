"""The people and bots of the tenant, and what each app calls them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.sandbox.feishu import idents
from reconciler.sandbox.feishu.answers import CallError

ID_NOT_EXIST = {"open_id": 99992351, "user_id": 99992360, "union_id": 99992363}
FOREIGN_OPEN_ID = 99992361


@dataclass(slots=True, eq=False)
class Person:
    """Someone of the tenant; `email` is the key, a bot has none and belongs to `bot_of`."""

    key: str
    email: str
    name: str
    union_id: str
    user_id: str
    resigned: bool = False
    bot_of: str | None = None


class Directory:
    """Finds people by id or e-mail; an open id is one app's name for a person and means nothing to another app."""

    def __init__(self) -> None:
        self._people: dict[str, Person] = {}
        self._given: dict[tuple[str, str], str] = {}
        self._apps: list[str] = []
        self._index: dict[tuple[str, str], dict[str, Person]] = {}

    def add_person(self, email: str, name: str, open_ids: Mapping[str, str]) -> Person:
        """A new person; `open_ids` fixes what some apps call them, the others derive theirs."""
        key = email.lower()
        person = Person(
            key,
            email,
            name or email.partition("@")[0],
            f"on_{idents.derived('union', key)}",
            idents.derived("user", key)[:8],
        )
        return self._keep(person, open_ids)

    def add_app(self, app_id: str, name: str) -> Person:
        """The bot of a new app; from now on everybody has an open id in that app."""
        self._apps.append(app_id)
        key = f"bot:{app_id}"
        return self._keep(
            Person(key, "", name, f"on_{idents.derived('union', key)}", idents.derived("user", key)[:8], bot_of=app_id),
            {},
        )

    def _keep(self, person: Person, open_ids: Mapping[str, str]) -> Person:
        self._people[person.key] = person
        self._given |= {(app_id, person.key): open_id for app_id, open_id in open_ids.items()}
        self._index.clear()
        return person

    def everyone(self) -> list[Person]:
        """All human beings, resigned ones too, in the order they were added."""
        return [person for person in self._people.values() if person.bot_of is None]

    def by_email(self, email: str) -> Person | None:
        """The person with that address, whatever its case."""
        return self._people.get(email.lower())

    def bot(self, app_id: str) -> Person:
        """The bot of an app."""
        return self._people[f"bot:{app_id}"]

    def open_id(self, person: Person, app_id: str) -> str:
        """What an app calls this person."""
        return self._given.get((app_id, person.key)) or f"ou_{idents.derived(app_id, person.key)}"

    def id_of(self, person: Person, app_id: str, id_type: str = "open_id") -> str:
        """The person's id of the type asked for."""
        if id_type == "union_id":
            return person.union_id
        return person.user_id if id_type == "user_id" else self.open_id(person, app_id)

    def find(self, identifier: str, app_id: str, id_type: str = "open_id") -> Person | None:
        """Whom an app means; raises `CallError` when the open id is another app's."""
        person = self._named(app_id, id_type).get(identifier)
        if person is None and id_type == "open_id" and self._is_foreign(identifier, app_id):
            raise CallError(FOREIGN_OPEN_ID, "open_id cross app")
        return person

    def _named(self, app_id: str, id_type: str) -> dict[str, Person]:
        key = (app_id, id_type)
        if key not in self._index:
            self._index[key] = {self.id_of(person, app_id, id_type): person for person in self._people.values()}
        return self._index[key]

    def _is_foreign(self, identifier: str, app_id: str) -> bool:
        return any(identifier in self._named(other, "open_id") for other in self._apps if other != app_id)

    def ids(self, people: Iterable[Person], app_id: str, id_type: str = "open_id") -> list[str]:
        """The ids of several people, in their order."""
        return [self.id_of(person, app_id, id_type) for person in people]
