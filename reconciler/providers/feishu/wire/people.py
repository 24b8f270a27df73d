"""People on the wire: e-mails looked up, one person's details (facts §5)."""

from __future__ import annotations

from pydantic import Field

from reconciler.providers.feishu.wire.base import Body, Wire


class FindUsersBody(Body):
    """At most fifty e-mails."""

    emails: list[str]
    include_resigned: bool = False


class UserStatus(Wire):
    """A person's employment, sent only with the employee scope."""

    is_frozen: bool = False
    is_resigned: bool = False
    is_activated: bool = True
    is_exited: bool = False
    is_unjoin: bool = False

    @property
    def has_left(self) -> bool:
        """Whether this person can no longer decide anything."""
        return self.is_frozen or self.is_resigned or self.is_exited


class FoundUser(Wire):
    """An e-mail and its open id; '' = unknown, invisible to the app, or gone (Feishu does not say which)."""

    user_id: str = ""
    email: str = ""
    status: UserStatus | None = None


class FoundUsers(Wire):
    """The answer to a look-up, in no promised order."""

    user_list: list[FoundUser] = Field(default_factory=list)


class UserDetails(Wire):
    """One person; fields without scope are empty."""

    open_id: str = ""
    name: str = ""
    en_name: str = ""
    email: str = ""
    status: UserStatus | None = None


class UserAnswer(Wire):
    """One person's details."""

    user: UserDetails
