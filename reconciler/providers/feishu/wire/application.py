"""The app on the wire: token, bot, scopes, versions, ranges, and its configuration through the API (facts §1.2, §6)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from reconciler.providers.feishu.wire.base import Body, Id, Wire


class TokenAnswer(Wire):
    """A tenant token and the seconds it has left."""

    tenant_access_token: str = Field(min_length=1)
    expire: int


class Bot(Wire):
    """The app's bot; `activate_status` 2 = working."""

    activate_status: int = 0
    app_name: str = ""
    avatar_url: str = ""
    ip_white_list: list[str] = Field(default_factory=list)
    open_id: str = ""


class BotAnswer(Wire):
    """The bot, beside `code`."""

    bot: Bot


class AppScope(Wire):
    """A scope an app or a version carries."""

    scope: str = ""
    level: int = 0
    token_types: list[str] = Field(default_factory=list)


class App(Wire):
    """The app; `status` 1 = enabled, `scene_type` 0 = custom app."""

    app_id: str = ""
    status: int = 3
    scene_type: int = 0
    create_source: str = ""
    online_version_id: str = ""
    unaudit_version_id: str = ""
    app_name: str = ""
    avatar_url: str = ""
    scopes: list[AppScope] = Field(default_factory=list)


class AppAnswer(Wire):
    """The app itself."""

    app: App


class VisibleList(Wire):
    """People, departments and groups."""

    open_ids: list[str] = Field(default_factory=list)
    department_ids: list[str] = Field(default_factory=list)
    group_ids: list[str] = Field(default_factory=list)


class VersionVisibility(Wire):
    """Who may see the app in a version."""

    is_all: bool = False
    visible_list: VisibleList = Field(default_factory=VisibleList)
    invisible_list: VisibleList = Field(default_factory=VisibleList)


class VersionRemark(Wire):
    """What a version says about itself."""

    visibility: VersionVisibility = Field(default_factory=VersionVisibility)


class EventInfo(Wire):
    """An event a version subscribes."""

    event_type: str = ""
    event_name: str = ""


class VersionBot(Wire):
    """The bot ability of a version."""

    card_request_url: str = ""


class Ability(Wire):
    """What a version can do."""

    bot: VersionBot | None = None


class AppVersion(Wire):
    """A version of the app; `status` 1 approved, 2 rejected, 3 in review, 4 not submitted."""

    version: str = ""
    version_id: str = ""
    status: int = 0
    scopes: list[AppScope] = Field(default_factory=list)
    events: list[str] = Field(default_factory=list)
    event_infos: list[EventInfo] = Field(default_factory=list)
    ability: Ability = Field(default_factory=Ability)
    remark: VersionRemark = Field(default_factory=VersionRemark)


class AppVersionAnswer(Wire):
    """One version."""

    app_version: AppVersion


class GrantedScope(Wire):
    """A declared scope; `grant_status` 1 = granted."""

    scope_name: str = ""
    grant_status: int = 0


class Scopes(Wire):
    """All scopes the app declares."""

    scopes: list[GrantedScope] = Field(default_factory=list)


class ContactsRange(Wire):
    """Whose data the app may read."""

    contacts_scope_type: str = ""
    visible_list: VisibleList = Field(default_factory=VisibleList)


class ContactsRangeAnswer(Wire):
    """One page of the contacts range."""

    contacts_range: ContactsRange
    has_more: bool = False
    page_token: str = ""


class CheckAvailabilityBody(Body):
    """At most a hundred people."""

    user_ids: list[str]


class UserAvailability(Wire):
    """Whether the app is available to a person."""

    user_id: str = ""
    in_white_list: bool = False
    in_black_list: bool = False


class AvailabilityAnswer(Wire):
    """Availability of the people asked about."""

    user_visibility_list: list[UserAvailability] = Field(default_factory=list)


class ScopeItem(Body):
    """A scope for tenant tokens."""

    scope_name: str
    token_type: Literal["tenant"] = "tenant"  # noqa: S105  # a kind of token, not one


class ConfigScope(Body):
    """Scopes to declare."""

    add_scopes: list[ScopeItem]


class ConfigEvent(Body):
    """How events are delivered, and which to add."""

    subscription_type: Literal["websocket", "webhook"]
    request_url: str | None = None
    add_events: list[str]


class IdList(Body):
    """People and departments."""

    user_ids: list[str] = Field(default_factory=list)
    department_ids: list[str] = Field(default_factory=list)


class ConfigVisibility(Body):
    """To whom the app is available."""

    is_visible_to_all: bool
    visible_list: IdList | None = None


class ConfigContacts(Body):
    """Whose data the app may read."""

    contacts_range_type: Literal["equal_to_availability", "some", "all"]
    visible_list: IdList | None = None


class ConfigEncryption(Body):
    """How callbacks are proved: at most 32 characters each."""

    encryption_key: str = Field(max_length=32, repr=False)
    verification_token: str = Field(max_length=32, repr=False)


class ConfigBody(Body):
    """Changes the app's configuration; what is left out stays."""

    scope: ConfigScope | None = None
    event: ConfigEvent | None = None
    visibility: ConfigVisibility | None = None
    contacts: ConfigContacts | None = None
    event_and_callback_encrypt_strategy: ConfigEncryption | None = None


class BotAbility(Body):
    """Turns the bot on."""

    enable: bool


class AbilityBody(Body):
    """Changes what the app can do."""

    bot: BotAbility


class AppText(Body):
    """The app's name and description in one language (`zh_cn`, `en_us`)."""

    i18n_key: str
    name: str | None = None
    description: str | None = None


class BaseBody(Body):
    """Changes the app's name, description and icon."""

    i18ns: list[AppText] | None = None
    avatar_url: str | None = None


class PublishBody(Body):
    """Submits a version of the app."""

    remark: str
    changelog: str
    mobile_default_ability: Literal["bot"] = "bot"
    pc_default_ability: Literal["bot"] = "bot"
    version: str | None = None


class PublishAnswer(Wire):
    """The submitted version."""

    version_id: Id = Field(min_length=1)
    version: str = ""
