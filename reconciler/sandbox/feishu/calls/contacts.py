"""Calls on the directory: ids by e-mail, one person, names of many, what the app may see."""

from __future__ import annotations

from collections.abc import Collection

from reconciler.sandbox.feishu.answers import Answer, CallError, JsonObject
from reconciler.sandbox.feishu.apps import App
from reconciler.sandbox.feishu.people import ID_NOT_EXIST, Person
from reconciler.sandbox.feishu.validation import violation
from reconciler.sandbox.feishu.visit import Handlers, Visit

MOST_LOOKUPS = 50
OUT_OF_RANGE, BAD_ID, BAD_PAGE = 41050, 41012, 40011

_WIDE = {"contact:contact:readonly", "contact:contact:readonly_as_app", "contact:contact:access_as_app"}
_EMPLOYEE = {"contact:user.employee:readonly", *_WIDE}
_EMAIL = {"contact:user.email:readonly", *_WIDE}


def batch_get_id(visit: Visit) -> Answer:
    """An id per address; unknown, invisible and resigned people look alike: the address alone."""
    emails, mobiles = visit.body.get("emails", []), visit.body.get("mobiles", [])
    for name, asked in (("emails", emails), ("mobiles", mobiles)):
        if len(asked) > MOST_LOOKUPS:
            raise violation(name, f"the max len is {MOST_LOOKUPS}", len(asked))
    found = [_found(visit, visit.world.directory.by_email(email), "email", email) for email in emails]
    return Answer({"user_list": found + [_found(visit, None, "mobile", mobile) for mobile in mobiles]})


def _found(visit: Visit, person: Person | None, by: str, asked: str) -> JsonObject:
    hidden = person is None or not visit.app.sees(person)
    if person is None or hidden or (person.resigned and not visit.body.get("include_resigned", False)):
        return {"user_id": "", by: asked}
    found: JsonObject = {"user_id": visit.name_of(person), by: asked}
    if _may(visit.app, _EMPLOYEE):
        found["status"] = _status(person)
    return found


def read(visit: Visit) -> Answer:
    """One person; members whose scope is missing are absent."""
    person = _addressed(visit, visit.path["user_id"])
    if not visit.app.sees(person):
        raise CallError(OUT_OF_RANGE, "no user authority error")
    user: JsonObject = {
        "open_id": visit.open_id(person),
        "union_id": person.union_id,
        "name": person.name,
        "en_name": "",
        "avatar": {f"avatar_{size}": "" for size in ("72", "240", "640", "origin")},
    }
    if visit.world.sees_user_ids(visit.app):
        user["user_id"] = person.user_id
    if _may(visit.app, _EMAIL):
        user["email"] = person.email
    if _may(visit.app, _EMPLOYEE):
        user |= {"status": _status(person), "is_tenant_manager": False, "employee_type": 1}
    return Answer({"user": user})


def basic_batch(visit: Visit) -> Answer:
    """Names of many people; those out of range are left out."""
    people = [visit.world.directory.find(item, visit.app.app_id, visit.id_type) for item in visit.body["user_ids"]]
    seen = [person for person in people if person is not None and visit.app.sees(person)]
    return Answer({"users": [{"user_id": visit.name_of(person), "name": person.name} for person in seen]})


def scopes(visit: Visit) -> Answer:
    """Who lies in the app's contacts range."""
    seen = [person for person in visit.world.directory.everyone() if visit.app.sees(person) and not person.resigned]
    try:
        page = visit.page(seen, default=50, most=100)
    except CallError as failure:
        raise CallError(BAD_PAGE, "page size is invalid") from failure
    users = [visit.name_of(person) for person in page.items]
    return Answer({"department_ids": [], "user_ids": users, "group_ids": [], **page.wire()})


def _addressed(visit: Visit, identifier: str) -> Person:
    prefix = {"open_id": "ou_", "union_id": "on_", "user_id": ""}[visit.id_type]
    if not identifier.startswith(prefix):
        raise CallError(BAD_ID, "user id is invalid")
    person = visit.world.directory.find(identifier, visit.app.app_id, visit.id_type)
    if person is None:
        raise CallError(ID_NOT_EXIST[visit.id_type], f"{visit.id_type} not exist")
    return person


def _may(app: App, scopes: Collection[str]) -> bool:
    return bool(app.granted & set(scopes))


def _status(person: Person) -> JsonObject:
    return {
        "is_frozen": False,
        "is_resigned": person.resigned,
        "is_activated": not person.resigned,
        "is_exited": False,
        "is_unjoin": False,
    }


HANDLERS: Handlers = {
    "POST /open-apis/contact/v3/users/batch_get_id": batch_get_id,
    "GET /open-apis/contact/v3/users/:user_id": read,
    "POST /open-apis/contact/v3/users/basic_batch": basic_batch,
    "GET /open-apis/contact/v3/scopes": scopes,
}
