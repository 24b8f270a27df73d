"""Organisation policies: the rollout policy of an environment (facts §12)."""

from __future__ import annotations

import re

from reconciler.sandbox.bytebase.access import require
from reconciler.sandbox.bytebase.call import INVALID, NOT_FOUND, Call, Handlers, Message, RpcError
from reconciler.sandbox.bytebase.services import Deps

_NAME = re.compile(r"(environments/[^/]+)/policies/([^/]+)\Z")
_TYPES = {"rollout_policy": "ROLLOUT_POLICY"}


def handlers(_: Deps) -> Handlers:
    """All five calls."""
    return {
        "OrgPolicyService/GetPolicy": get,
        "OrgPolicyService/ListPolicies": list_policies,
        "OrgPolicyService/CreatePolicy": create,
        "OrgPolicyService/UpdatePolicy": update,
        "OrgPolicyService/DeletePolicy": delete,
    }


def _parts(name: str) -> tuple[str, str]:
    found = _NAME.match(name)
    if found is None:
        raise RpcError(INVALID, f'invalid policy name "{name}"')
    if found[2].lower() not in _TYPES:
        raise RpcError(INVALID, f'invalid policy type "{found[2]}"')
    return found[1], found[2].lower()


def _message(name: str, policy: Message) -> Message:
    return {
        "name": name,
        "type": "ROLLOUT_POLICY",
        "resourceType": "ENVIRONMENT",
        "enforce": True,
        "rolloutPolicy": policy,
    }


def _normal(policy: Message) -> Message:
    return {"automatic": bool(policy.get("automatic")), "roles": list(policy.get("roles", []))}


def get(call: Call) -> Message:
    """The policy; the default where none was written, also for an environment that does not exist."""
    parent, kind = _parts(call.text("name"))
    require(call, "bb.policies.get")
    name = f"{parent}/policies/{kind}"
    return _message(name, call.world.policies.get(name, _normal({})))


def list_policies(call: Call) -> Message:
    """The policies that were written."""
    parent = call.text("parent")
    kind = call.text("policyType")
    if kind not in ("", "POLICY_TYPE_UNSPECIFIED", "ROLLOUT_POLICY"):
        return {}
    found = [(n, p) for n, p in call.world.policies.items() if n.startswith(f"{parent}/policies/")]
    return {"policies": [_message(name, policy) for name, policy in found]}


def create(call: Call) -> Message:
    """Write it; an existing one is overwritten."""
    require(call, "bb.policies.create")
    policy = call.part("policy")
    return _write(call, f"{call.text('parent')}/policies/rollout_policy", policy)


def update(call: Call) -> Message:
    """Write what the mask names; `allowMissing` makes it where there is none."""
    policy = call.part("policy")
    parent, kind = _parts(policy.get("name", ""))
    name = f"{parent}/policies/{kind}"
    if call.message.get("allowMissing"):
        require(call, "bb.policies.create", names_method=False)
    require(call, "bb.policies.update")
    if name not in call.world.policies:
        if not call.message.get("allowMissing"):
            raise RpcError(NOT_FOUND, f'policy "{name}" not found')
        return _write(call, name, policy)
    for path in call.mask or ():
        if path.partition(".")[0] not in ("rollout_policy", "inherit_from_parent", "enforce", "type"):
            raise RpcError(INVALID, f"unexpected path {path}")
    return _write(call, name, policy)


def _write(call: Call, name: str, policy: Message) -> Message:
    if policy.get("type", "POLICY_TYPE_UNSPECIFIED") != "ROLLOUT_POLICY":
        raise RpcError(INVALID, f"invalid policy type {policy.get('type', 'POLICY_TYPE_UNSPECIFIED')}")
    call.world.policies[name] = _normal(policy.get("rolloutPolicy", {}))
    return _message(name, call.world.policies[name])


def delete(call: Call) -> Message:
    """Back to the default."""
    parent, kind = _parts(call.text("name"))
    require(call, "bb.policies.delete")
    if call.world.policies.pop(f"{parent}/policies/{kind}", None) is None:
        raise RpcError(NOT_FOUND, f'policy "{call.text("name")}" not found')
    return {}
