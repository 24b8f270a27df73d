"""Feishu's error codes by meaning (facts §9): which of our errors each is, why, and what the reader does next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What the caller can do about an answer; each is one error of our tree."""

    CREDENTIALS = "credentials"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "notFound"
    CONFLICT = "conflict"
    INPUT = "input"
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Meaning:
    """One row of the table. `pause` is how long to wait, in seconds, where Feishu does not say it itself."""

    kind: Kind
    why: str
    next_step: str = ""
    pause: float | None = None


RATE_LIMITED = 99991400
MISSING_SCOPE = 99991672
TOKEN_REFUSED = frozenset({99991661, 99991663, 99991664})
"""Answers after which a new token is fetched and the call sent once more."""

NO_BOT = 11205
UUID_TAKEN = frozenset({60012, 1390012})
INSTANCE_NOT_FOUND = frozenset({1390003, 60003})
DEFINITION_NOT_FOUND = frozenset({1390002, 60002})
DEFINITION_DELETED = 1390016
ALREADY_SUBSCRIBED = frozenset({1390007, 60007, 60008})
SIGNATURE_REQUIRED = 1390018
NOTHING_TO_APPLY = 212002
APPLIED_ALREADY = 212004
IN_REVIEW = frozenset({210010, 210020, 210040, 210302})

_APP = "check feishu.app.id, its secret, and that the app is enabled; an app of Lark does not exist in Feishu"
_ENABLE = "enable the app in the tenant's admin console, or publish a version of it"
_REPORT = "report this with the log id: the request is not what Feishu documents"
_CONSOLE = "change it in the developer console"
_WAIT = "wait until the version in review is decided, then run again"
_ANOTHER_APP = "open ids differ per app: use e-mails, or this app's own open ids, in users.overrides"
_HUMAN = "a person has to do this in Feishu, or the definition must not demand a handwritten signature"

_TABLE: dict[int, Meaning] = {}


def _row(codes: Iterable[int], kind: Kind, why: str, next_step: str = "", *, pause: float | None = None) -> None:
    _TABLE.update(dict.fromkeys(codes, Meaning(kind, why, next_step, pause)))


_row(
    [10003, 10014, 10015, 20002, 99991543],
    Kind.CREDENTIALS,
    "app id and secret do not fit, or the app is disabled",
    _APP,
)
_row(TOKEN_REFUSED, Kind.CREDENTIALS, "Feishu refuses the token, also a fresh one", _APP)
_row([99991662], Kind.CREDENTIALS, "the app is disabled", _ENABLE)
_row([99991673, 212100], Kind.CREDENTIALS, "the app is not installed in this tenant", _ENABLE)
_row([99991665, 99991668, 99991671, 99991677], Kind.CREDENTIALS, "Feishu refuses this kind of token", _REPORT)
_row([99991669, 99991670, 99991674, 99991675], Kind.CREDENTIALS, "Feishu cannot read the token", _REPORT)

_row([MISSING_SCOPE, 99991679], Kind.FORBIDDEN, "the app lacks a scope")
_row([99991676], Kind.FORBIDDEN, "the token may not make this call", _CONSOLE)
_row(
    [99991401],
    Kind.FORBIDDEN,
    "this machine's address is not in the app's IP allow-list",
    "add the address under Security in the developer console",
)
_row(
    [1390009, 60009],
    Kind.FORBIDDEN,
    "this person or app may not do that",
    "a task can only be decided by its own approver",
)
_row(
    [1390015], Kind.FORBIDDEN, "the approval definition is not active", "activate it in Feishu's approval admin console"
)
_row(
    [1390013, 60013],
    Kind.FORBIDDEN,
    "the definition is of a kind the API cannot start",
    "use a definition with a fixed flow",
)
_row(
    [60011],
    Kind.FORBIDDEN,
    "the tenant's edition does not include this",
    "ask the tenant's administrator about the edition of Approval",
)
_row(
    [41050],
    Kind.FORBIDDEN,
    "the person is outside the app's contacts range",
    "widen the app's contacts range and publish it",
)
_row(
    [230006],
    Kind.FORBIDDEN,
    "the app's bot is not enabled",
    "enable the bot in the developer console and publish a version",
)
_row(
    [NO_BOT],
    Kind.FORBIDDEN,
    "the app has no bot, or no published version has one",
    "enable the bot in the developer console and publish a version",
)
_row(
    [230013, 230027, 230028, 230034, 230035, 230049, 230053],
    Kind.FORBIDDEN,
    "the message may not be delivered to this receiver",
    "check the app's availability and the receiver's settings",
)
_row(
    [*range(210004, 210008), *range(210014, 210018), 210021, *range(210034, 210038), 210043],
    Kind.FORBIDDEN,
    "this app cannot be configured through the API",
    _CONSOLE,
)
_row([210505, 210508, 211006], Kind.FORBIDDEN, "Feishu does not let this app read that app", _CONSOLE)
_row(
    [230023, 230024, 230052, 230098],
    Kind.FORBIDDEN,
    "the receiver has too many unread urgent messages, or the quota is used up",
)
_row([230002], Kind.FORBIDDEN, "the bot is not in the chat", "add the bot to the chat")
_row([230012], Kind.FORBIDDEN, "only the app's own messages can be urged")

_row(
    DEFINITION_NOT_FOUND,
    Kind.NOT_FOUND,
    "there is no approval definition with this code",
    "check the definition's code, the app's tenant and the platform",
)
_row([DEFINITION_DELETED], Kind.NOT_FOUND, "the approval definition was deleted", "declare another definition")
_row(
    INSTANCE_NOT_FOUND,
    Kind.NOT_FOUND,
    "there is no approval instance with this code or uuid",
    "check the code, the app's tenant and the platform",
)
_row(
    [1390004, 60004, 99992351, 99992360],
    Kind.NOT_FOUND,
    "Feishu does not know this person, or the app may not see them",
    "check the app's contacts range and users.overrides",
)
_row([60005], Kind.NOT_FOUND, "Feishu does not know this department", _REPORT)
_row(
    [210002, 210012, 210032, 210503, 210504, 210506, 211005],
    Kind.NOT_FOUND,
    "there is no such app",
    "check feishu.app.id",
)
_row([230011, 230110, 230029, 232009], Kind.NOT_FOUND, "the message, chat or receiver is gone", "name another receiver")

_row(UUID_TAKEN, Kind.CONFLICT, "an instance with this uuid exists already")
_row([1390010, 60010], Kind.CONFLICT, "the task is unknown or already decided")
_row(ALREADY_SUBSCRIBED, Kind.CONFLICT, "the subscription is already as asked")
_row([SIGNATURE_REQUIRED], Kind.CONFLICT, "a handwritten signature is required", _HUMAN)
_row(IN_REVIEW, Kind.CONFLICT, "a version of the app is in review", _WAIT)
_row([APPLIED_ALREADY], Kind.CONFLICT, "the administrators were asked already")
_row([NOTHING_TO_APPLY], Kind.CONFLICT, "no scope waits for an administrator")
_row(
    [212001],
    Kind.CONFLICT,
    "only scopes of the highest level are left",
    "ask an administrator to grant them in the console",
)
_row([212003], Kind.CONFLICT, "administrators were asked too often for this version", _CONSOLE)
_row([210041], Kind.CONFLICT, "the bot must be enabled first", "enable the bot, then run again")
_row(
    [210042, 210019],
    Kind.CONFLICT,
    "Feishu could not verify the callback address",
    "make the address answer Feishu's challenge",
)
_row([210303], Kind.CONFLICT, "the version number does not follow the last one", "choose a higher version")
_row([230031], Kind.CONFLICT, "the message is too old to be changed")

_row(
    [1390001, 60001, 60006],
    Kind.INPUT,
    "a value does not fit the approval definition",
    "compare the definition's widgets and nodes with the spec",
)
_row([99992402, 9499, 40001], Kind.INPUT, "Feishu finds a field invalid", _REPORT)
_row([99991201, 99991301], Kind.INPUT, "Feishu does not know this call", "check the platform and its openApi host")
_row([99992361, 99992363, 99992364, 99992381], Kind.INPUT, "the id belongs to another app or tenant", _ANOTHER_APP)
_row([41012, 40011, 40012], Kind.INPUT, "Feishu finds an id or page invalid", _REPORT)
_row(
    [210001, 210011, 210031, 210304],
    Kind.INPUT,
    "Feishu finds a setting of the app invalid",
    _CONSOLE,
)
_row([210500, 210501, 210507, 211001, 211003, 211004], Kind.INPUT, "Feishu finds an id or page invalid", _REPORT)
_row([230001, 230025, 230099], Kind.INPUT, "Feishu finds the message invalid", _REPORT)

_row([RATE_LIMITED, 230020, 1390014], Kind.THROTTLED, "too many calls")
_row(
    [99991403],
    Kind.THROTTLED,
    "the tenant's monthly quota of API calls is used up",
    "ask the tenant's administrator about the edition",
    pause=3600,
)

_row([1395001, 60014, 65001, 40003, 210003, 210013, 210033, 211002], Kind.UNAVAILABLE, "Feishu failed inside")


def meaning_of(code: int) -> Meaning | None:
    """The row of a code, None for codes not heard of."""
    return _TABLE.get(code)


def known_codes() -> tuple[int, ...]:
    """Every code of the table, sorted."""
    return tuple(sorted(_TABLE))
