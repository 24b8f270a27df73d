"""Bindings (facts §14): one member is added to one role; everything else in the policy stays as it is."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.errors import BugError, ConflictError
from reconciler.gather import all_of
from reconciler.ports.declarative import Observation, Write, Written
from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.bytebase.wire_people import WireBinding, WireIamPolicy
from reconciler.providers.bytebase_resources.reads import SharedReads, scope_name
from reconciler.resources.base import Resource
from reconciler.resources.binding import Binding
from reconciler.resources.finding import Finding

_ATTEMPTS = 3


class BindingReader:
    """Reads the policies of the scopes that are declared."""

    def __init__(self, reads: SharedReads) -> None:
        self._reads = reads

    async def observe(self, wanted: Sequence[Resource], *, inventory: bool) -> Observation:
        """Which of the wanted bindings exist without a condition. Others' bindings are nobody's business."""
        del inventory
        bindings = [each for each in wanted if isinstance(each, Binding)]
        scopes = sorted({each.project for each in bindings}, key=lambda project: project or "")
        policies = dict(zip(scopes, await all_of([self._reads.policy(scope) for scope in scopes]), strict=True))
        live = [each for each in bindings if (policy := policies[each.project]) is not None and _holds(policy, each)]
        missing = [each for each in bindings if policies[each.project] is None]
        return Observation(live=tuple(live), refusals=tuple(_no_project(each) for each in missing))


def _no_project(binding: Binding) -> Finding:
    return Finding(
        "noSuchProject",
        Binding.kind,
        binding.name,
        f"Bytebase has no project {binding.project}",
        "correct the project in spec.bytebase.bindings, or create it in Bytebase",
    )


def _holds(policy: WireIamPolicy, wanted: Binding) -> bool:
    return any(_is_plain(each, wanted.role) and wanted.member in each.members for each in policy.bindings)


def _is_plain(binding: WireBinding, role: str) -> bool:
    return binding.role == role and binding.condition.expression.strip() in {"", "true"}


class BindingWriter:
    """Adds a member, guarded by the policy's etag; somebody else's edit in between is read and kept."""

    def __init__(self, client: BytebaseClient) -> None:
        self._client = client

    async def write(self, write: Write) -> Written:
        """Add the member to the role's binding. ConflictError when others keep editing the policy."""
        if not isinstance(write.desired, Binding):
            raise BugError("others' bindings are never removed", where=Binding.kind)
        scope = await scope_name(self._client, write.desired.project)
        for attempt in range(_ATTEMPTS):
            policy = await self._client.iam.policy(scope)
            if _holds(policy, write.desired):
                break
            try:
                await self._client.iam.set_policy(scope, _with(policy, write.desired), etag=policy.etag)
                break
            except ConflictError:
                if attempt == _ATTEMPTS - 1:
                    raise
        return Written()


def _with(policy: WireIamPolicy, wanted: Binding) -> list[WireBinding]:
    bindings = list(policy.bindings)
    for place, binding in enumerate(bindings):
        if _is_plain(binding, wanted.role):
            bindings[place] = binding.model_copy(update={"members": (*binding.members, wanted.member)})
            return bindings
    return [*bindings, WireBinding(role=wanted.role, members=(wanted.member,))]
