"""A gate that would ask nobody is said before anything waits at it."""

from __future__ import annotations

import pytest
from fakes.declarative_specs import target_of

from reconciler.plan.people import nobody_warning
from reconciler.resources.access import Access, Grant
from reconciler.resources.approval_rules import ApprovalRule, ApprovalRules
from reconciler.resources.rollout_policy import RolloutPolicy

SPEC = """\
apiVersion: reconciler/v1
kind: Integration
metadata: {name: acme}
spec:
  bytebase: {url: "https://b.example", credentials: {serviceAccount: a@service.bytebase.com, key: {env: K}}}
  feishu: {app: {id: cli_a, secret: {env: S}}, definitions: [{name: stage-gate}]}
  externalNodes: [{name: oa, endpoint: "https://oa.example", dialect: relay}]
  gates:
    - {name: prod, at: AT, match: {projects: [demo]}, decide: {DECIDE}APPROVERS}
"""
ALICE, ROBOT = "user:alice@x.example", "serviceAccount:robot@service.bytebase.com"
POLICY = RolloutPolicy("prod", False, ("roles/releaser",))
RULES = ApprovalRules((ApprovalRule("", "true", "All", "", ("roles/owner",)),))


def asks_nobody(
    *members: str,
    approvers: str = "",
    at: str = "stage",
    decide: str = "definition: stage-gate",
    role: str = "roles/releaser",
    unread: tuple[str, ...] = (),
) -> bool:
    text = SPEC.replace("APPROVERS", f", approvers: {{{approvers}}}" if approvers else "")
    target = target_of(text.replace("DECIDE", decide).replace("AT", at))
    access = Access(
        roles={role: frozenset()},
        projects={"demo": [Grant(role, members)]},
        groups={"dba@x.example": ("alice@x.example",), "empty@x.example": ()},
        unread=unread,
    )
    found = list(nobody_warning(target, access, [POLICY, RULES]))
    assert [(each.code, each.name) for each in found] in ([], [("nobodyToAsk", "prod")])
    return bool(found)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"members": (ALICE,)}, False),
        ({"members": ()}, True),
        ({"members": (ROBOT,)}, True),
        ({"members": ("group:dba@x.example",)}, False),
        ({"members": ("group:empty@x.example",)}, True),
        ({"members": ("allUsers",)}, False),
        ({"members": (), "approvers": "users: [bob@x.example]"}, False),
        ({"members": (ALICE,), "approvers": "groups: [empty@x.example]"}, True),
        ({"members": (), "approvers": "from: rolloutPolicy, fallback: {users: [bob@x.example]}"}, False),
        ({"members": (ALICE,), "approvers": "roles: [roles/other]"}, True),
        ({"members": (ALICE,), "at": "review", "role": "roles/owner"}, False),
        ({"members": (ALICE,), "at": "review", "role": "roles/releaser"}, True),
        ({"members": (), "decide": "externalNode: oa"}, False),
        ({"members": (), "unread": ("demo",)}, False),
    ],
)
def test_who_would_be_asked(asked: dict[str, object], expected: bool) -> None:
    members = asked.pop("members")
    assert asks_nobody(*members, **asked) is expected  # type: ignore[misc, arg-type]
