"""Custom apps: a draft that is edited, versions that are published, and what is in force because of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from reconciler.sandbox.feishu import idents
from reconciler.sandbox.feishu.people import Person

APPROVAL_SCOPES = frozenset({"approval:approval", "approval:approval:readonly"})
APPROVAL_EVENTS = frozenset({"approval_instance", "approval_task", "approval_cc", "approval.approval.updated_v4"})

APPROVED, REJECTED, IN_REVIEW = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Reach:
    """Who is meant: everyone, or the people with these keys, never those in `excluded`."""

    everyone: bool = False
    people: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()

    def covers(self, person: Person) -> bool:
        """Whether this person is meant."""
        return person.key not in self.excluded and (self.everyone or person.key in self.people)


@dataclass(frozen=True, slots=True)
class AppConfig:
    """Everything a version of an app fixes."""

    name: str
    bot: bool = False
    scopes: frozenset[str] = frozenset()
    user_scopes: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    callbacks: frozenset[str] = frozenset()
    subscription: str = "websocket"
    callback_subscription: str = "websocket"
    request_url: str = ""
    card_url: str = ""
    encrypt_key: str = field(default="", repr=False)
    verification_token: str = field(default="", repr=False)
    availability: Reach = Reach()
    contacts: str = "equal_to_availability"
    contact_people: frozenset[str] = frozenset()
    texts: tuple[tuple[str, str, str, str], ...] = ()
    """Per language: key, name, description, help address."""
    avatar_url: str = "https://example.com/app-avatar/default"
    """Every app has a picture; until one is uploaded it is the platform's own."""
    homepage_url: str = ""


@dataclass(slots=True, eq=False)
class AppVersion:
    """A version submitted for release; times in seconds since 1970, 0 while it is not published."""

    version_id: str
    version: str
    config: AppConfig
    status: int
    created: int
    published: int = 0
    remark: str = ""
    changelog: str = ""
    default_ability: str = ""


@dataclass(slots=True, eq=False)
class App:
    """One custom app of the tenant; `online` is the configuration in force, None before the first release."""

    app_id: str
    secret: str = field(repr=False)
    draft: AppConfig
    created: int
    online: AppConfig | None = None
    enabled: bool = True
    from_console: bool = True
    allowed_ips: frozenset[str] = frozenset()
    applied_scopes: frozenset[str] = frozenset()
    versions: list[AppVersion] = field(default_factory=list)

    @property
    def granted(self) -> frozenset[str]:
        """The scopes in force."""
        return self.online.scopes if self.online else frozenset()

    @property
    def online_version(self) -> AppVersion | None:
        """The newest published version."""
        return next((version for version in reversed(self.versions) if version.status == APPROVED), None)

    @property
    def in_review(self) -> AppVersion | None:
        """The version waiting for the tenant's administrators; it blocks every change of configuration."""
        return next((version for version in self.versions if version.status == IN_REVIEW), None)

    def edit(self, draft: AppConfig) -> None:
        """Change what the next version will be."""
        self.draft = draft

    def edit_at_once(self, **changes: object) -> None:
        """Change members that take effect without a release."""
        self.draft = replace(self.draft, **changes)  # type: ignore[arg-type]
        if self.online is not None:
            self.online = replace(self.online, **changes)  # type: ignore[arg-type]

    def submit(
        self,
        *,
        version: str,
        now: int,
        review: bool,
        remark: str = "",
        changelog: str = "",
        default_ability: str = "",
    ) -> AppVersion:
        """Release the draft as a version, or put it before the administrators when the tenant wants a review."""
        submitted = AppVersion(
            f"oav_{idents.hexadecimal()}",
            version,
            self.draft,
            IN_REVIEW,
            now,
            remark=remark,
            changelog=changelog,
            default_ability=default_ability,
        )
        self.versions.append(submitted)
        if not review:
            self.release(submitted, now=now)
        return submitted

    def release(self, version: AppVersion, *, now: int) -> None:
        """The version takes effect."""
        version.status = APPROVED
        version.published = now
        self.online = version.config

    def sees(self, person: Person) -> bool:
        """Whether the person lies in the app's contacts range: whose data it may read."""
        if person.bot_of is not None:
            return person.bot_of == self.app_id
        if self.online is None:
            return False
        if self.online.contacts == "equal_to_availability":
            return self.online.availability.covers(person)
        return self.online.contacts == "all" or person.key in self.online.contact_people

    def receives(self, event_type: str) -> bool:
        """Whether events of that type reach the app: configured, released, allowed, and the app switched on."""
        if self.online is None or not self.enabled or event_type not in self.online.events:
            return False
        return event_type not in APPROVAL_EVENTS or bool(APPROVAL_SCOPES & self.online.scopes)
