"""Steps 1 to 7 of the guide: the app, its icon, bot, scopes, version, approval by an administrator, and credentials."""

from __future__ import annotations

from reconciler.errors import CredentialsError, ForbiddenError
from reconciler.setup.check import Check, Item, cause_of
from reconciler.setup.facts import AppState, Console, FeishuFacts, NoAccess, Read, Unread, VersionState
from reconciler.setup.scopes import SELF_MANAGE, required_scopes

APP = Item("app", "Custom app", 1)
ICON = Item("icon", "Icon", 2)
BOT = Item("bot", "Bot", 3)
SCOPES = Item("scopes", "Scopes", 4)
VERSION = Item("version", "Version and availability", 5)
ENABLED = Item("enabled", "Administrator's approval", 6)
CREDENTIALS = Item("credentials", "Credentials", 7)

UNKNOWN_APP = 10003
"""Feishu's answer to an app id that it does not know."""
NOT_IN_USE = frozenset({99991662, 99991673, 212100})
"""Answers that mean: the app is disabled, or not installed in this tenant."""

_BOT_WORKS = 2
_BOT_STATES = {
    0: "not installed in the tenant",
    1: "disabled by the tenant",
    3: "installed and not enabled yet",
    4: "waiting for an upgrade to be enabled",
    5: "disabled because a licence has expired",
    6: "disabled because the tenant's plan has expired or was lowered",
}


def without_app(link: str) -> list[Check]:
    """The seven lines where the spec declares no app."""
    first = APP.unverifiable(
        "the spec declares no Feishu app, and nothing in it needs one",
        fix="declare spec.feishu.app where approvals are to be asked for in Feishu",
        link=link,
    )
    return [first, *(item.after(first) for item in (ICON, BOT, SCOPES, VERSION, ENABLED, CREDENTIALS))]


def without_access(access: NoAccess, app_id: str, console: Console) -> list[Check]:
    """The seven lines where the app's credentials opened nothing."""
    why = access.why
    if why.code == UNKNOWN_APP:
        app = APP.failed(
            f"Feishu does not know the app {app_id}: {why.error.why or why.error.what}",
            fix="create a custom app in the developer console and write its id as spec.feishu.app.id; "
            "an app of Lark does not exist in Feishu (spec.feishu.platform)",
            link=console.page("baseinfo"),
        )
        return [app, *(item.after(app) for item in (ICON, BOT, SCOPES, VERSION, ENABLED, CREDENTIALS))]
    if why.code in NOT_IN_USE:
        enabled = _not_in_use(why, console)
        return [
            *(item.after(enabled) for item in (APP, ICON, BOT, SCOPES, VERSION)),
            enabled,
            CREDENTIALS.after(enabled),
        ]
    fix = why.error.next_step or "check spec.feishu.app.id, its secret, and that the app is enabled"
    credentials = CREDENTIALS.failed(cause_of(why.error), fix=fix, link=console.page("baseinfo"))
    return [*(item.after(credentials) for item in (APP, ICON, BOT, SCOPES, VERSION, ENABLED)), credentials]


def app_steps(facts: FeishuFacts, app_id: str, console: Console) -> list[Check]:
    """The seven lines of an app whose credentials are good."""
    version = _version(facts, console)
    return [
        _app(facts.app, app_id, console),
        _icon(facts.app, console),
        _bot(facts, console),
        required_scopes(SCOPES, facts.scopes, console),
        version,
        _enabled(facts, version, console),
        CREDENTIALS.ok(f"Feishu issues a token for {app_id}"),
    ]


def _app(app: Read[AppState], app_id: str, console: Console) -> Check:
    if isinstance(app, AppState) and not app.is_custom:
        return APP.failed(
            f"{app_id} is no custom app: it comes from the app store",
            fix="create a custom app in the developer console, and write its id and secret into the spec",
            link=console.page("baseinfo"),
        )
    return APP.ok(f"Feishu knows {app_id}")


def _icon(app: Read[AppState], console: Console) -> Check:
    if isinstance(app, Unread):
        return _needs_self_manage(ICON, app, console)
    if app.icon:
        return ICON.ok("the app has an icon; which picture it is cannot be seen")
    return ICON.failed(
        "the app has no icon",
        fix="upload one under Credentials & Basic Info, and publish a version",
        link=console.page("baseinfo"),
    )


def _bot(facts: FeishuFacts, console: Console) -> Check:
    bot, link = facts.bot, console.page("bot")
    fix = "enable the bot under Features > Bot, and publish a version of the app"
    if isinstance(bot, Unread):
        if bot.code in NOT_IN_USE:
            return BOT.after(_not_in_use(bot, console))
        if isinstance(bot.error, ForbiddenError):
            return BOT.failed(f"the app has no bot: {bot.error.why or bot.error.what}", fix=fix, link=link)
        return BOT.unread(bot, link=link)
    if bot.activate_status != _BOT_WORKS:
        state = _BOT_STATES.get(bot.activate_status, "in a state that is not documented")
        return BOT.failed(
            f"the bot is {state} (activate_status {bot.activate_status})",
            fix="publish a version of the app and have it approved; then look at the app in the admin console",
            link=console.admin(),
        )
    if not bot.open_id:
        return BOT.failed("the app has no bot: Feishu gives it no open id", fix=fix, link=link)
    return BOT.ok("the bot works")


def _version(facts: FeishuFacts, console: Console) -> Check:
    app, version, link = facts.app, facts.version, console.page("version")
    if isinstance(app, Unread):
        return _needs_self_manage(VERSION, app, console)
    if not app.online_version:
        if app.version_in_review:
            return VERSION.ok("a version was submitted")
        return VERSION.failed(
            "no version of the app was ever published: nothing that the console shows counts yet",
            fix="create a version under App Release, set its availability, and submit it",
            link=link,
        )
    if version is None or isinstance(version, Unread):
        return VERSION.ok("a version is online; to whom it is available cannot be seen")
    if not version.everyone and not version.people and not version.others:
        return VERSION.failed(
            f"version {version.number} is available to nobody",
            fix="set its availability to the people who approve, and publish another version",
            link=link,
        )
    more = "; another version waits for approval, and what it changes does not count yet"
    note = more if app.version_in_review else ""
    return VERSION.ok(f"version {version.number} is online, available to {_reach(version)}{note}")


def _reach(version: VersionState) -> str:
    if version.everyone:
        return "everybody"
    people = f"{version.people} {'person' if version.people == 1 else 'people'}"
    if not version.others:
        return people
    return f"{people} and {version.others} {'department or group' if version.others == 1 else 'departments or groups'}"


def _enabled(facts: FeishuFacts, version: Check, console: Console) -> Check:
    app = facts.app
    if isinstance(app, Unread):
        return _not_in_use(app, console) if app.code in NOT_IN_USE else _needs_self_manage(ENABLED, app, console)
    if not app.online_version and app.version_in_review:
        return ENABLED.failed(
            "the submitted version waits for an administrator of the tenant",
            fix="ask an administrator to approve it in the admin console, under App Review",
            link=console.admin(),
        )
    if not app.online_version:
        return ENABLED.after(version)
    if app.status == 1:
        return ENABLED.ok("the app is enabled")
    if app.status in (0, 2):
        word = "disabled" if app.status == 0 else "not enabled"
        return ENABLED.failed(
            f"the app is {word} in this tenant (status {app.status})",
            fix="ask an administrator to enable it in the admin console",
            link=console.admin(),
        )
    return ENABLED.unverifiable(
        f"Feishu does not say whether the app is enabled (status {app.status})",
        fix="look at the app in the admin console: it must be Enabled",
        link=console.admin(),
    )


def _not_in_use(why: Unread, console: Console) -> Check:
    return ENABLED.failed(
        why.error.why or why.error.what,
        fix="ask an administrator to enable the app in the admin console, or publish a version of it",
        link=console.admin(),
    )


def _needs_self_manage(item: Item, app: Unread, console: Console) -> Check:
    """The three steps that only the app's own record shows."""
    link = console.scopes([SELF_MANAGE])
    if isinstance(app.error, ForbiddenError):
        return item.unverifiable(
            f"Feishu shows this only with the scope {SELF_MANAGE}, which the app does not have",
            fix=f"grant {SELF_MANAGE} and publish a version of the app, or look at it in the console",
            link=link,
        )
    if isinstance(app.error, CredentialsError):
        return item.unread(app, link=console.admin())
    return item.unread(app, link=link)
