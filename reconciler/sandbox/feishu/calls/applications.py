"""Calls that read an app: itself, its versions, scopes, availability and range; and the immediate ones that change them."""

from __future__ import annotations

from dataclasses import replace

from reconciler.sandbox.feishu.answers import Answer, CallError, JsonObject
from reconciler.sandbox.feishu.apps import APPROVED, IN_REVIEW, REJECTED, App, AppConfig, AppVersion, Reach
from reconciler.sandbox.feishu.people import Person
from reconciler.sandbox.feishu.validation import violation
from reconciler.sandbox.feishu.visit import Handlers, Visit

INVALID_ID, NO_APP, NO_RIGHT, NO_VERSION = 210503, 210506, 210508, 211003

_NOTHING_TO_APPLY, _TWICE = 212002, 212004


def read(visit: Visit) -> Answer:
    """The app as the console shows it; `me` is the caller."""
    app = own_or_named(visit)
    config = app.online or app.draft
    online, review = app.online_version, app.in_review
    data: JsonObject = {
        "app_id": app.app_id,
        "creator_id": "",
        "status": 1 if app.enabled and app.online else 0 if not app.enabled else 2,
        "scene_type": 0,
        "payment_type": 0,
        "create_source": "developer_console" if app.from_console else "bot_builder",
        "redirect_urls": [],
        "online_version_id": online.version_id if online else "",
        "unaudit_version_id": review.version_id if review else "",
        "app_name": config.name,
        "avatar_url": config.avatar_url,
        "description": next((text[2] for text in config.texts), ""),
        "scopes": _scopes(config),
        "back_home_url": config.homepage_url,
        "i18n": _languages(config),
        "primary_language": "zh_cn",
        "common_categories": [],
        "owner": {"type": 2, "owner_id": ""},
    }
    if config.bot:
        data |= {"mobile_default_ability": "bot", "pc_default_ability": "bot"}
    return Answer({"app": data})


def listed(visit: Visit) -> Answer:
    """The tenant's apps."""
    page = visit.page(sorted(visit.world.apps.values(), key=lambda app: app.app_id), default=10, most=50)
    rows = [
        {
            "app_id": app.app_id,
            "status": int(app.enabled),
            "scene_type": 0,
            "payment_type": 0,
            "create_source": "developer_console" if app.from_console else "bot_builder",
            "app_name": (app.online or app.draft).name,
            "avatar_url": (app.online or app.draft).avatar_url,
            "primary_language": "zh_cn",
        }
        for app in page.items
    ]
    return Answer({"app_list": rows, "total_count": len(visit.world.apps), **page.wire()})


def version(visit: Visit) -> Answer:
    """One version of the app."""
    return Answer({"app_version": _version(visit, own_or_named(visit), _named_version(visit))})


def versions(visit: Visit) -> Answer:
    """The app's versions, newest first unless `order=1`."""
    app = own_or_named(visit)
    ordered = app.versions if visit.query.get("order") == "1" else list(reversed(app.versions))
    page = visit.page(ordered, default=10, most=50)
    return Answer({"items": [_version(visit, app, item) for item in page.items], **page.wire()})


def decide_version(visit: Visit) -> Answer:
    """An administrator approves or rejects a version in review."""
    app, submitted = own_or_named(visit), _named_version(visit)
    visit.find(visit.query["operator_id"])
    if submitted.status != IN_REVIEW or visit.body.get("status") not in (APPROVED, REJECTED):
        raise CallError(211004, "the version is not in review")
    if visit.body["status"] == APPROVED:
        app.release(submitted, now=visit.world.clock.millis() // 1000)
    else:
        submitted.status = REJECTED
    return Answer({})


def scopes(visit: Visit) -> Answer:
    """Every declared scope and whether it is granted (1) or not yet (2)."""
    app = visit.app
    declared = sorted(app.draft.scopes | app.granted)
    return Answer(
        {"scopes": [{"scope_name": name, "grant_status": 1 if name in app.granted else 2} for name in declared]}
    )


def apply_scopes(visit: Visit) -> Answer:
    """Ask the administrators for declared scopes that are not granted."""
    app = visit.app
    missing = app.draft.scopes - app.granted
    if not missing:
        raise CallError(_NOTHING_TO_APPLY, "no scope needs to be applied for")
    if missing <= app.applied_scopes:
        raise CallError(_TWICE, "scopes have already been applied for")
    app.applied_scopes |= missing
    return Answer({})


def contacts_range(visit: Visit) -> Answer:
    """Whose data the app may read."""
    config = _config(own_or_named(visit))
    reach = config.availability.people if config.contacts == "equal_to_availability" else config.contact_people
    page = visit.page(sorted(reach), default=50, most=100)
    return Answer(
        {
            "contacts_range": {
                "contacts_scope_type": config.contacts,
                "visible_list": {
                    "open_ids": [visit.open_id(person) for person in people_of(visit, page.items)],
                    "department_ids": [],
                    "group_ids": [],
                },
            },
            **page.wire(),
        }
    )


def change_contacts_range(visit: Visit) -> Answer:
    """Change whose data the app may read, at once."""
    app = own_or_named(visit)
    added = keys_of(visit, (visit.body.get("add_visible_list") or {}).get("user_ids", []))
    removed = keys_of(visit, (visit.body.get("del_visible_list") or {}).get("user_ids", []))
    people = (_config(app).contact_people | added) - removed
    app.edit_at_once(contacts=visit.body["contacts_range_type"], contact_people=people)
    return Answer({})


def check_lists(visit: Visit) -> Answer:
    """For each person, whether the app is available to him."""
    app = own_or_named(visit)
    asked = visit.body.get("user_ids", [])
    if len(asked) > 100:
        raise violation("user_ids", "the max len is 100", len(asked))
    reach = _config(app).availability
    rows = []
    for identifier in asked:
        person = visit.world.directory.find(identifier, visit.app.app_id, visit.id_type)
        if person is None:
            raise CallError(210001, "invalid user id")
        rows.append(
            {
                "user_id": identifier,
                "in_white_list": reach.everyone or person.key in reach.people,
                "in_black_list": person.key in reach.excluded,
                "in_paid_list": False,
            }
        )
    return Answer({"user_visibility_list": rows, "department_visibility_list": [], "group_visibility_list": []})


def visibility(visit: Visit) -> Answer:
    """To whom the app is available."""
    app = visit.world.apps.get(visit.query["app_id"])
    if app is None:
        raise CallError(NO_APP, "app not exist")
    reach = _config(app).availability
    users = [
        {"user_id": visit.user_id(person), "open_id": visit.open_id(person), "name": person.name}
        for person in people_of(visit, sorted(reach.people))
    ]
    return Answer(
        {
            "users": users,
            "departments": [],
            "is_visible_to_all": int(reach.everyone),
            "has_more_users": 0,
            "total_user_count": len(users),
        }
    )


def change_visibility(visit: Visit) -> Answer:
    """Change to whom the app is available, at once."""
    app, before = own_or_named(visit), _config(own_or_named(visit)).availability
    lists = {name: keys_of(visit, (visit.body.get(name) or {}).get("user_ids", [])) for name in _LISTS}
    reach = Reach(
        everyone=visit.body.get("is_visible_to_all", before.everyone),
        people=(before.people | lists["add_visible_list"]) - lists["del_visible_list"],
        excluded=(before.excluded | lists["add_invisible_list"]) - lists["del_invisible_list"],
    )
    app.edit_at_once(availability=reach)
    return Answer({})


def manage(visit: Visit) -> Answer:
    """Switch an app on or off."""
    app = own_or_named(visit)
    app.enabled = visit.body.get("enable", False)
    return Answer({})


def own_or_named(visit: Visit) -> App:
    """The app of the path: `me`, its own id, or (with a scope that reaches further) another one of the tenant."""
    app_id = visit.path["app_id"]
    if app_id in ("me", visit.app.app_id):
        return visit.app
    if not app_id.startswith("cli_"):
        raise CallError(INVALID_ID, "invalid app id")
    app = visit.world.apps.get(app_id)
    if app is None:
        raise CallError(NO_APP, "app not exist")
    if not any(scope.startswith("admin:") for scope in visit.app.granted):
        raise CallError(NO_RIGHT, "insufficient permission level")
    return app


def people_of(visit: Visit, keys: object) -> list[Person]:
    """The people with these keys, as the directory orders them."""
    wanted = set(keys) if isinstance(keys, (list, tuple, set, frozenset)) else set()
    return [person for person in visit.world.directory.everyone() if person.key in wanted]


def keys_of(visit: Visit, identifiers: list[str]) -> frozenset[str]:
    """The keys of the people a body names."""
    return frozenset(visit.find(identifier).key for identifier in identifiers)


def _config(app: App) -> AppConfig:
    return app.online or replace(app.draft)


def _named_version(visit: Visit) -> AppVersion:
    for submitted in own_or_named(visit).versions:
        if submitted.version_id == visit.path["version_id"]:
            return submitted
    raise CallError(NO_VERSION, "version not exist")


def _version(visit: Visit, app: App, submitted: AppVersion) -> JsonObject:
    config = submitted.config
    events = sorted(config.events)
    return {
        "app_id": app.app_id,
        "version": submitted.version,
        "version_id": submitted.version_id,
        "app_name": config.name,
        "avatar_url": config.avatar_url,
        "description": next((text[2] for text in config.texts), ""),
        "scopes": _scopes(config),
        "back_home_url": config.homepage_url,
        "i18n": _languages(config),
        "common_categories": [],
        "events": events,
        "event_infos": [{"event_type": name, "event_name": name, "event_description": ""} for name in events],
        "status": submitted.status,
        "create_time": str(submitted.created),
        "publish_time": str(submitted.published) if submitted.published else "",
        "ability": {"bot": {"card_request_url": config.card_url}} if config.bot else {},
        "remark": {
            "remark": submitted.remark,
            "update_remark": submitted.changelog,
            "visibility": {
                "is_all": config.availability.everyone,
                "visible_list": _listed(visit, config.availability.people),
                "invisible_list": _listed(visit, config.availability.excluded),
            },
        },
    }


def _listed(visit: Visit, keys: frozenset[str]) -> JsonObject:
    people = [visit.open_id(person) for person in people_of(visit, keys)]
    return {"open_ids": people, "department_ids": [], "group_ids": []}


def _scopes(config: AppConfig) -> list[JsonObject]:
    tenant = [(name, ["tenant"]) for name in sorted(config.scopes)]
    user = [(name, ["user"]) for name in sorted(config.user_scopes)]
    return [{"scope": name, "description": name, "level": 1, "token_types": kinds} for name, kinds in tenant + user]


def _languages(config: AppConfig) -> list[JsonObject]:
    texts = config.texts or (("zh_cn", config.name, "", ""),)
    return [
        {"i18n_key": key, "name": name, "description": description, "help_use": help_use}
        for key, name, description, help_use in texts
    ]


_LISTS = ("add_visible_list", "del_visible_list", "add_invisible_list", "del_invisible_list")

_V6 = "/open-apis/application/v6"
HANDLERS: Handlers = {
    f"GET {_V6}/applications/:app_id": read,
    f"GET {_V6}/applications": listed,
    f"GET {_V6}/applications/:app_id/app_versions/:version_id": version,
    f"GET {_V6}/applications/:app_id/app_versions": versions,
    f"PATCH {_V6}/applications/:app_id/app_versions/:version_id": decide_version,
    f"GET {_V6}/scopes": scopes,
    f"POST {_V6}/scopes/apply": apply_scopes,
    f"GET {_V6}/applications/:app_id/contacts_range_configuration": contacts_range,
    f"PATCH {_V6}/applications/:app_id/contacts_range": change_contacts_range,
    f"POST {_V6}/applications/:app_id/visibility/check_white_black_list": check_lists,
    f"PATCH {_V6}/applications/:app_id/visibility": change_visibility,
    f"PUT {_V6}/applications/:app_id/management": manage,
    "GET /open-apis/application/v2/app/visibility": visibility,
}
