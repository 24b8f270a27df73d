"""Calls on approval definitions: create and overwrite, read, subscribe."""

from __future__ import annotations

from reconciler.sandbox.feishu import idents
from reconciler.sandbox.feishu.answers import Answer, CallError
from reconciler.sandbox.feishu.definition_build import DefinitionBuilder
from reconciler.sandbox.feishu.definition_read import read_definition
from reconciler.sandbox.feishu.definitions import ACTIVE, DELETED, Definition
from reconciler.sandbox.feishu.visit import Handlers, Visit

NOT_ACTIVE, GONE, SUBSCRIPTION_EXISTS = 1390015, 1390016, 1390007


def write(visit: Visit) -> Answer:
    """Create a definition, or overwrite the one whose code is given; there is no way to delete it."""
    code = visit.body.get("approval_code") or ""
    before = visit.world.definition(code) if code else None
    if before is not None and before.status != ACTIVE:
        raise CallError(NOT_ACTIVE, "approval is not active")
    version = DefinitionBuilder(visit.body, before.version if before else None, visit.find).build()
    if before is None:
        definition = Definition(idents.upper_uuid(), idents.decimal(), version)
        visit.world.definitions[definition.code] = definition
    else:
        definition = before
        definition.version = version
        visit.world.definition_changed(definition)
    return Answer({"approval_code": definition.code, "approval_id": definition.approval_id})


def read(visit: Visit) -> Answer:
    """The readable half of a definition in the language asked for."""
    definition = visit.world.definition(visit.path["approval_code"])
    if definition.status == DELETED:
        raise CallError(GONE, "approval is deleted")
    with_admins = visit.query.get("with_admin_id", "").lower() == "true"
    return Answer(read_definition(definition, locale=visit.locale, name_of=visit.name_of, with_admins=with_admins))


def subscribe(visit: Visit) -> Answer:
    """From now on the calling app gets the definition's events."""
    subscribers = visit.world.definition(visit.path["approval_code"]).subscribers
    if visit.app.app_id in subscribers:
        raise CallError(SUBSCRIPTION_EXISTS, "subscription existed")
    subscribers.add(visit.app.app_id)
    return Answer({})


def unsubscribe(visit: Visit) -> Answer:
    """The calling app gets no more events of the definition."""
    subscribers = visit.world.definition(visit.path["approval_code"]).subscribers
    if visit.app.app_id not in subscribers:
        raise CallError(SUBSCRIPTION_EXISTS, "subscription not exist")
    subscribers.remove(visit.app.app_id)
    return Answer({})


HANDLERS: Handlers = {
    "POST /open-apis/approval/v4/approvals": write,
    "GET /open-apis/approval/v4/approvals/:approval_code": read,
    "POST /open-apis/approval/v4/approvals/:approval_code/subscribe": subscribe,
    "POST /open-apis/approval/v4/approvals/:approval_code/unsubscribe": unsubscribe,
}
