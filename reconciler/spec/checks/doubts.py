"""What is allowed and probably not meant: warnings."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.spec.checks.overlap import covers, holds_project
from reconciler.spec.diagnostics import Diagnostic
from reconciler.spec.models.feishu import PlatformHosts
from reconciler.spec.models.gates import Gate
from reconciler.spec.models.im import FeishuIm
from reconciler.spec.target import Target

_DIALLED_BY_BYTEBASE = frozenset({"https://open.feishu.cn", "https://open.larksuite.com"})


def idle_gates(target: Target) -> Iterator[Diagnostic]:
    """Gates that can never match anything."""
    for i, gate in enumerate(target.spec.gates):
        reason = _idle_because(target, i, gate)
        if reason is not None:
            why, hint = reason
            yield target.diagnostic(("spec", "gates", i, "name"), f"gate '{gate.name}' can never match: {why}", hint)


def _idle_because(target: Target, index: int, gate: Gate) -> tuple[str, str] | None:
    bytebase = target.spec.bytebase
    earlier = next((other for other in target.spec.gates[:index] if covers(other, gate)), None)
    if earlier is not None:
        return f"gate '{earlier.name}' above it takes everything it would hold", "move it up or narrow the other"
    if gate.at == "stage" and gate.match.roles:
        return "a stage has no pending role", "leave match.roles out, or write 'at: review'"
    automatic = {e.name for e in bytebase.environments if e.rollout_policy and e.rollout_policy.automatic}
    if gate.at == "stage" and gate.match.environments and automatic.issuperset(gate.match.environments):
        return "its environments roll out automatically, so nothing waits there", "set rolloutPolicy.automatic to false"
    if gate.at == "review" and gate.match.roles and bytebase.approval_rules is not None:
        reviewing = {role for rule in bytebase.approval_rules for role in rule.roles}
        if reviewing.isdisjoint(gate.match.roles):
            return (
                "no approval rule asks for its roles",
                "name the role in bytebase.approvalRules, or leave match.roles out",
            )
    return None


def automatic_behind_gate(target: Target) -> Iterator[Diagnostic]:
    """Environments that run by themselves although an earlier one waits for approval."""
    gates = [gate for gate in target.spec.gates if gate.at == "stage"]
    gated: str | None = None
    for i, environment in enumerate(target.spec.bytebase.environments):
        automatic = environment.rollout_policy is not None and environment.rollout_policy.automatic is True
        if automatic and gated is not None:
            yield target.diagnostic(
                ("spec", "bytebase", "environments", i, "rolloutPolicy", "automatic"),
                f"'{environment.name}' rolls out automatically behind the gated '{gated}', so it runs first",
                "set automatic to false, or gate nothing before it",
            )
        elif not automatic and any(
            not gate.match.environments or environment.name in gate.match.environments for gate in gates
        ):
            gated = environment.name


def no_catch_all_rule(target: Target) -> Iterator[Diagnostic]:
    """Approval rules that leave some issues unmatched."""
    rules = target.spec.bytebase.approval_rules
    if rules is None or any(rule.source is None and rule.condition.strip() == "true" for rule in rules):
        return
    yield target.diagnostic(
        ("spec", "bytebase", "approvalRules"),
        "no rule catches every issue: what none of them matches passes by itself",
        "end the list with a rule without source and with condition: 'true'",
    )


def unprotected_projects(target: Target) -> Iterator[Diagnostic]:
    """Gated projects whose tasks may run before the issue is approved."""
    for i, project in enumerate(target.spec.bytebase.projects):
        gate = next((gate for gate in target.spec.gates if holds_project(gate, project.name)), None)
        if gate is not None and project.require_issue_approval is not True:
            yield target.diagnostic(
                ("spec", "bytebase", "projects", i, "requireIssueApproval"),
                f"project '{project.name}' is gated by '{gate.name}' without requireIssueApproval: "
                "tasks of an unapproved issue can be run past the review",
                "write requireIssueApproval: true",
            )


def unverifiable_host(target: Target) -> Iterator[Diagnostic]:
    """Credentials that Bytebase would try at the public service although the app is on a private one."""
    im, feishu = target.spec.bytebase.im, target.spec.feishu
    if im is None or feishu is None or not im.verify or not isinstance(feishu.platform, PlatformHosts):
        return
    borrowed = any(isinstance(setting, FeishuIm) and setting.from_ is not None for setting in im.settings)
    if borrowed and feishu.platform.open_api not in _DIALLED_BY_BYTEBASE:
        yield target.diagnostic(
            ("spec", "bytebase", "im", "verify"),
            "Bytebase tries credentials at the public Feishu or Lark only, which does not know the app of a private host",
            "write verify: false",
        )
