"""The calls this project makes to Feishu: method, path, limits, scopes, and whether a call may be sent again blindly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.errors import SpecError
from reconciler.providers.feishu import limits
from reconciler.providers.feishu.limits import Rates
from reconciler.providers.http_retry import Repeat
from reconciler.providers.http_window import Window

_APPROVAL = "/open-apis/approval/v4"
_APP_V6 = "/open-apis/application/v6"
_APP_V7 = "/open-apis/application/v7"

_DEFINITION = ("approval:approval", "approval:definition")
_DEFINITION_READ = ("approval:approval", "approval:approval:readonly", "approval:definition")
_INSTANCE = ("approval:approval", "approval:instance")
_INSTANCE_READ = ("approval:approval", "approval:approval:readonly", "approval:instance")
_TASK = ("approval:approval", "approval:approval:readonly", "approval:task")
_COMMENT = ("approval:approval", "approval:instance.comment")
_COMMENT_READ = ("approval:approval", "approval:approval:readonly", "approval:instance.comment")
_SELF = ("admin:app.info:readonly", "application:application:self_manage")
_CONFIGURE = ("application:application:patch",)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One call. `name` is its key in the budget and its name in errors; `path` has `{placeholders}`.

    `repeatable`: sending it twice does what sending it once does, so a lost answer may be followed by a second attempt.
    `scopes`: any one of them suffices, as published. `at_top`: the payload lies beside `code`, not under `data`.
    """

    name: str
    method: str
    path: str
    rates: Rates
    repeatable: bool
    scopes: tuple[str, ...] = ()
    at_top: bool = False

    @property
    def title(self) -> str:
        """What errors call it."""
        return self.name.removeprefix("feishu.")

    @property
    def repeat(self) -> Repeat:
        """How the retry policy may treat this call."""
        return Repeat.SAFE if self.repeatable else Repeat.UNSENT

    def path_with(self, parameters: Mapping[str, str]) -> str:
        """The path with its placeholders filled. SpecError for a value that could mean another path."""
        for name, value in parameters.items():
            if not value or "/" in value or value in (".", ".."):
                raise SpecError(
                    f"not a usable {name.replace('_', ' ')}", where=value[:80] or None, next_step="copy it from Feishu"
                )
        return self.path.format_map(parameters)


TENANT_TOKEN = Endpoint(
    "feishu.token",
    "POST",
    "/open-apis/auth/v3/tenant_access_token/internal",
    limits.UNSTATED,
    repeatable=True,
    at_top=True,
)
BOT = Endpoint("feishu.bot", "GET", "/open-apis/bot/v3/info", limits.UNSTATED, repeatable=True, at_top=True)

PUT_DEFINITION = Endpoint(
    "feishu.definition.put",
    "POST",
    f"{_APPROVAL}/approvals",
    limits.PER_MINUTE_1000,
    repeatable=False,
    scopes=_DEFINITION,
)
GET_DEFINITION = Endpoint(
    "feishu.definition.get",
    "GET",
    f"{_APPROVAL}/approvals/{{approval_code}}",
    limits.PER_MINUTE_100,
    repeatable=True,
    scopes=_DEFINITION_READ,
)
SUBSCRIBE = Endpoint(
    "feishu.definition.subscribe",
    "POST",
    f"{_APPROVAL}/approvals/{{approval_code}}/subscribe",
    limits.PER_MINUTE_100,
    repeatable=True,
    scopes=_DEFINITION,
)
UNSUBSCRIBE = Endpoint(
    "feishu.definition.unsubscribe",
    "POST",
    f"{_APPROVAL}/approvals/{{approval_code}}/unsubscribe",
    limits.PER_MINUTE_100,
    repeatable=True,
    scopes=_DEFINITION,
)

CREATE_INSTANCE = Endpoint(
    "feishu.instance.create",
    "POST",
    f"{_APPROVAL}/instances",
    limits.PER_MINUTE_100,
    repeatable=False,
    scopes=_INSTANCE,
)
GET_INSTANCE = Endpoint(
    "feishu.instance.get",
    "GET",
    f"{_APPROVAL}/instances/{{instance_id}}",
    limits.PER_MINUTE_1000,
    repeatable=True,
    scopes=_INSTANCE_READ,
)
LIST_INSTANCES = Endpoint(
    "feishu.instance.list",
    "GET",
    f"{_APPROVAL}/instances",
    limits.PER_MINUTE_100,
    repeatable=True,
    scopes=_INSTANCE_READ,
)
CANCEL_INSTANCE = Endpoint(
    "feishu.instance.cancel",
    "POST",
    f"{_APPROVAL}/instances/cancel",
    limits.PER_MINUTE_100,
    repeatable=False,
    scopes=_INSTANCE_READ,
)
APPROVE_TASK = Endpoint(
    "feishu.task.approve",
    "POST",
    f"{_APPROVAL}/tasks/approve",
    limits.PER_MINUTE_100,
    repeatable=False,
    scopes=_TASK,
)

CREATE_COMMENT = Endpoint(
    "feishu.comment.create",
    "POST",
    f"{_APPROVAL}/instances/{{instance_id}}/comments",
    limits.PER_MINUTE_1000,
    repeatable=False,
    scopes=_COMMENT,
)
LIST_COMMENTS = Endpoint(
    "feishu.comment.list",
    "GET",
    f"{_APPROVAL}/instances/{{instance_id}}/comments",
    limits.PER_MINUTE_1000,
    repeatable=True,
    scopes=_COMMENT_READ,
)

FIND_USERS = Endpoint(
    "feishu.users.find",
    "POST",
    "/open-apis/contact/v3/users/batch_get_id",
    limits.PER_MINUTE_1000,
    repeatable=True,
    scopes=("contact:user.id:readonly",),
)
GET_USER = Endpoint(
    "feishu.users.get",
    "GET",
    "/open-apis/contact/v3/users/{user_id}",
    limits.PER_MINUTE_1000,
    repeatable=True,
    scopes=(
        "contact:contact.base:readonly",
        "contact:contact:access_as_app",
        "contact:contact:readonly",
        "contact:contact:readonly_as_app",
    ),
)

GET_APP = Endpoint(
    "feishu.app.get", "GET", f"{_APP_V6}/applications/{{app_id}}", limits.PER_SECOND_50, repeatable=True, scopes=_SELF
)
GET_APP_VERSION = Endpoint(
    "feishu.app.version",
    "GET",
    f"{_APP_V6}/applications/{{app_id}}/app_versions/{{version_id}}",
    limits.PER_MINUTE_100,
    repeatable=True,
    scopes=("application:application.app_version:readonly", "application:application:self_manage"),
)
LIST_SCOPES = Endpoint("feishu.app.scopes", "GET", f"{_APP_V6}/scopes", limits.SPECIAL, repeatable=True)
APPLY_SCOPES = Endpoint("feishu.app.scopes.apply", "POST", f"{_APP_V6}/scopes/apply", limits.SPECIAL, repeatable=False)
GET_CONTACTS_RANGE = Endpoint(
    "feishu.app.contactsRange",
    "GET",
    f"{_APP_V6}/applications/{{app_id}}/contacts_range_configuration",
    limits.PER_MINUTE_100,
    repeatable=True,
    scopes=("admin:app.info:readonly",),
)
CHECK_AVAILABILITY = Endpoint(
    "feishu.app.availability",
    "POST",
    f"{_APP_V6}/applications/{{app_id}}/visibility/check_white_black_list",
    limits.PER_MINUTE_1000,
    repeatable=True,
    scopes=_SELF,
)
CONFIGURE_APP = Endpoint(
    "feishu.app.configure",
    "PATCH",
    f"{_APP_V7}/applications/{{app_id}}/config",
    limits.PER_MINUTE_100,
    repeatable=False,
    scopes=_CONFIGURE,
)
CONFIGURE_ABILITY = Endpoint(
    "feishu.app.ability",
    "PATCH",
    f"{_APP_V7}/applications/{{app_id}}/ability",
    limits.PER_MINUTE_100,
    repeatable=False,
    scopes=_CONFIGURE,
)
CONFIGURE_BASE = Endpoint(
    "feishu.app.base",
    "PATCH",
    f"{_APP_V7}/applications/{{app_id}}/base",
    limits.PER_MINUTE_100,
    repeatable=False,
    scopes=_CONFIGURE,
)
PUBLISH_APP = Endpoint(
    "feishu.app.publish",
    "POST",
    f"{_APP_V7}/applications/{{app_id}}/publish",
    limits.PER_MINUTE_20,
    repeatable=False,
    scopes=_CONFIGURE,
)

SEND_MESSAGE = Endpoint(
    "feishu.message.send",
    "POST",
    "/open-apis/im/v1/messages",
    limits.PER_MINUTE_1000,
    repeatable=False,
    scopes=("im:message", "im:message:send", "im:message:send_as_bot"),
)
UPDATE_MESSAGE = Endpoint(
    "feishu.message.update",
    "PATCH",
    "/open-apis/im/v1/messages/{message_id}",
    limits.PER_MINUTE_1000,
    repeatable=True,
    scopes=("im:message", "im:message:send_as_bot", "im:message:update"),
)
URGE_MESSAGE = Endpoint(
    "feishu.message.urge",
    "PATCH",
    "/open-apis/im/v1/messages/{message_id}/urgent_app",
    limits.PER_MINUTE_1000,
    repeatable=False,
    scopes=("im:message.urgent", "im:message.urgent:app_send"),
)

OUTBOUND_ADDRESSES = Endpoint(
    "feishu.events.addresses",
    "GET",
    "/open-apis/event/v1/outbound_ip",
    limits.UNSTATED,
    repeatable=True,
    scopes=("event:ip_list",),
)
OPEN_CONNECTION = Endpoint("feishu.events.connect", "POST", "/callback/ws/endpoint", limits.UNSTATED, repeatable=True)
COUNT_CONNECTIONS = Endpoint(
    "feishu.events.connections", "GET", "/open-apis/event/v1/connection", limits.UNSTATED, repeatable=True
)
REGISTER_APP = Endpoint(
    "feishu.app.register", "POST", "/oauth/v1/app/registration", limits.UNSTATED, repeatable=False, at_top=True
)

ALL: tuple[Endpoint, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Endpoint))
"""Every call, in the order above."""


def limits_table() -> dict[str, Rates]:
    """The published limits by budget key."""
    return {endpoint.name: endpoint.rates for endpoint in ALL}


def windows(*, share: float = 0.97) -> dict[str, tuple[Window, ...]]:
    """What to give to a budget: for each key the windows to keep to, `share` of the published limit."""
    return {endpoint.name: limits.windows(endpoint.rates, share=share) for endpoint in ALL}
