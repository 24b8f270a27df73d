"""Approval definitions (facts §2): read in both languages, overwritten whole, never deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reconciler.errors import BugError, NotFoundError
from reconciler.ports.declarative import Observation, Write, Written
from reconciler.providers.feishu.client import FeishuClient
from reconciler.providers.feishu.definitions import (
    EN,
    ZH,
    ObservedDefinition,
    adopted_resource,
    definition_body,
    managed_resource,
    read_definition,
)
from reconciler.resources.adopted_definition import AdoptedDefinition
from reconciler.resources.base import Resource
from reconciler.resources.definition import SAFETY_TOKEN, Definition, stamp_prefix
from reconciler.resources.finding import Finding

_LIVE = "ACTIVE"


class DefinitionReader:
    """Reads the definitions whose code is known; there is no list of the others."""

    def __init__(self, client: FeishuClient) -> None:
        self._client = client

    async def observe(self, wanted: Sequence[Resource], *, inventory: bool) -> Observation:
        """Each wanted definition that has a code. NotFoundError for a code that Feishu does not know."""
        del inventory
        live: list[Resource] = []
        warnings: list[Finding] = []
        refusals: list[Finding] = []
        for each in wanted:
            if not isinstance(each, Definition | AdoptedDefinition) or not each.code:
                continue
            observed = await self._read(each.name, each.code)
            live.append(_resource(each, observed))
            if observed.status == "DELETED":
                refusals.append(_deleted(each))
            elif observed.status != _LIVE:
                warnings.append(_inactive(each, observed.status))
        return Observation(live=tuple(live), warnings=tuple(warnings), refusals=tuple(refusals))

    async def _read(self, name: str, code: str) -> ObservedDefinition:
        try:
            en = await self._client.definitions.get(code, locale=EN)
            zh = await self._client.definitions.get(code, locale=ZH)
        except NotFoundError as error:
            raise NotFoundError(
                f"Feishu has no definition of the code {code} for this app",
                where=f"{Definition.kind}/{name}",
                next_step="correct its `code:`; if it was deleted, set it to null and run apply with "
                f"--forget-creation {name} --create-definition {name}",
            ) from error
        return read_definition(code, en=en, zh=zh)


def _resource(wanted: Definition | AdoptedDefinition, observed: ObservedDefinition) -> Resource:
    if isinstance(wanted, AdoptedDefinition):
        return adopted_resource(observed, spec_name=wanted.spec_name, node=wanted.node, widgets=dict(wanted.widgets))
    found = managed_resource(observed, spec_name=wanted.spec_name, integration=wanted.integration)
    # What we sent along with a stamp of ours was sent whole; under another stamp nothing is known of it.
    is_ours = found.stamp.startswith(stamp_prefix(wanted.integration))
    return replace(found, safety_settings=SAFETY_TOKEN if is_ours else None)


def _deleted(wanted: Definition | AdoptedDefinition) -> Finding:
    return Finding(
        "definitionDeleted",
        Definition.kind,
        wanted.name,
        f"the definition {wanted.code} was deleted in Feishu and cannot be brought back",
        "set its `code:` to null to create another one, or name another definition's code",
    )


def _inactive(wanted: Definition | AdoptedDefinition, status: str) -> Finding:
    return Finding(
        "definitionInactive",
        Definition.kind,
        wanted.name,
        f"the definition's status in Feishu is {status[:40] or 'unknown'}: no request can be made from it",
        "enable it in Feishu's admin console",
    )


class DefinitionWriter:
    """Creates or overwrites managed definitions."""

    def __init__(self, client: FeishuClient) -> None:
        self._client = client

    async def write(self, write: Write) -> Written:
        """Send the whole definition; without a code it creates one for ever, and tells its code."""
        desired = write.desired
        if not isinstance(desired, Definition):
            raise BugError("only managed definitions are written", where=Definition.kind)
        code = await self._client.definitions.put(definition_body(desired))
        return Written(code=code if not desired.code else None)
