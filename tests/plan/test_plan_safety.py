"""What a plan is refused for or warns of; each refusal names what permits it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.desired.declared import Declared
from reconciler.plan.build import Live, Wishes, build_plan
from reconciler.plan.change import Action, BytebaseTarget, Plan, Target
from reconciler.plan.safety import SafetyFacts, SafetyPolicy, judged
from reconciler.resources.access import Access, Grant
from reconciler.resources.adopted_definition import AdoptedDefinition
from reconciler.resources.app import App
from reconciler.resources.approval_rules import ApprovalRule, ApprovalRules
from reconciler.resources.base import Origin, Resource
from reconciler.resources.definition import Definition
from reconciler.resources.facts import UpstreamFacts
from reconciler.resources.finding import Finding
from reconciler.resources.im import Im, ImSetting
from reconciler.resources.role import Role
from reconciler.resources.rollout_policy import RolloutPolicy
from reconciler.resources.webhook import Webhook

TARGET = Target("acme", BytebaseTarget("https://b.example", "acme-prod", "workspaces/w"))
FACTS = UpstreamFacts("3.22.0", "ENTERPRISE", "workspaces/w", "serviceAccount:gitops@x", "https://b.example")
ORIGIN = Origin("specs/a.yaml", 7)


def judge(
    *desired: Resource,
    live: tuple[Resource, ...] = (),
    others: tuple[Resource, ...] = (),
    upstream: UpstreamFacts = FACTS,
    policy: SafetyPolicy | None = None,
    access: Access | None = None,
) -> Plan:
    declared = [Declared(each, ORIGIN) for each in desired]
    seen = Live({each.key: each for each in live}, others)
    prune = frozenset({"bytebase/webhook", "bytebase/role"})
    plan = build_plan(target=TARGET, declared=declared, live=seen, wishes=Wishes(prune=prune))
    return judged(plan, SafetyFacts(upstream, declared, seen, access), policy or SafetyPolicy())


def codes(findings: tuple[Finding, ...]) -> list[str]:
    return [each.code for each in findings]


def hooks(count: int) -> tuple[Webhook, ...]:
    return tuple(Webhook("demo", f"hook {number}", "SLACK", events=()) for number in range(count))


def test_an_undeclared_im_type_is_refused_and_the_field_that_permits_it_is_named() -> None:
    live = Im((ImSetting("TEAMS"), ImSetting("SLACK")))
    plan = judge(Im((ImSetting("SLACK", "version 1"),)), live=(live,))
    assert codes(plan.refusals) == ["undeclaredIm"]
    assert "spec.bytebase.im.undeclared: erase" in plan.refusals[0].next
    assert plan.changes[0].erases == ("TEAMS",)
    assert plan.exit_code == 3
    assert judge(Im(()), live=(live,), policy=SafetyPolicy(undeclared_im="erase")).refusals == ()


def test_more_deletions_than_permitted_are_refused() -> None:
    few = SafetyPolicy(delete_share=1.0)
    assert judge(others=hooks(3), policy=few).refusals == ()
    plan = judge(others=hooks(4), policy=few)
    assert codes(plan.refusals) == ["tooManyDeletes"]
    assert "spec.protect.deletes.max" in plan.refusals[0].next


def test_a_share_of_deletions_above_the_limit_is_refused_but_a_single_one_is_not() -> None:
    kept = hooks(4)
    extra = (Webhook("demo", "x", "SLACK"), Webhook("demo", "y", "SLACK"))
    plan = judge(*kept, live=kept, others=extra)
    assert codes(plan.refusals) == ["tooManyDeletes"]
    assert "spec.protect.deletes.share" in plan.refusals[0].next
    assert judge(*kept, live=kept, others=extra[:1]).refusals == ()
    many = hooks(8)
    assert judge(*many, live=many, others=extra).refusals == (), "two of ten are within the share"


def test_nothing_is_deleted_that_is_not_pruned() -> None:
    plan = judge(others=(RolloutPolicy("prod", True, ()), *hooks(1)))
    assert [(change.id, change.action) for change in plan.changes] == [
        ("bytebase/webhook/demo/hook 0/SLACK", Action.DELETE)
    ]


@pytest.mark.parametrize("licence", ["FREE", "TEAM"])
def test_rules_and_roles_need_the_enterprise_licence_only_where_they_change(licence: str) -> None:
    below = replace(FACTS, licence=licence)
    rules = ApprovalRules((ApprovalRule("", "true", "Fallback", "", ("roles/a",)),))
    plan = judge(rules, Role("oa"), live=(ApprovalRules(()),), upstream=below)
    assert codes(plan.refusals) == ["licence", "licence"]
    assert "--except" in plan.refusals[0].next
    assert judge(rules, live=(rules,), upstream=below).refusals == ()


def test_another_workspace_than_remembered_is_refused_unless_accepted() -> None:
    policy = SafetyPolicy(remembered_workspace="workspaces/old")
    assert codes(judge(policy=policy).refusals) == ["otherWorkspace"]
    assert "--accept-identity" in judge(policy=policy).refusals[0].next
    assert judge(policy=replace(policy, accept_identity=True)).refusals == ()


def test_a_change_that_locks_the_applying_account_out_is_refused() -> None:
    access = Access(
        roles={"roles/gitops": frozenset({"bb.settings.set", "bb.policies.update"}), "roles/other": frozenset()},
        workspace=[Grant("roles/gitops", (FACTS.account,)), Grant("roles/other", (FACTS.account,))],
    )
    live = Role("gitops", title="", description="", permissions=("bb.settings.set", "bb.policies.update"))
    plan = judge(Role("gitops", permissions=("bb.policies.update",)), live=(live,), access=access)
    assert codes(plan.refusals) == ["locksOut"]
    assert "bb.settings.set" in plan.refusals[0].message
    kept = replace(access, roles={**access.roles, "roles/other": frozenset({"bb.settings.set"})})
    assert judge(Role("gitops", permissions=("bb.policies.update",)), live=(live,), access=kept).refusals == ()


def test_rules_that_leave_issues_unmatched_are_warned_of() -> None:
    rules = ApprovalRules((ApprovalRule("CHANGE_DATABASE", "true", "All", "", ("roles/a",)),))
    assert codes(judge(rules, live=(rules,)).warnings) == ["noCatchAllRule"]
    assert codes(judge(ApprovalRules(()), live=(rules,)).warnings) == ["noCatchAllRule"]


def test_an_automatic_environment_behind_a_gate_is_warned_of() -> None:
    policy = SafetyPolicy(gated_environments=frozenset({"prod"}))
    wanted, live = RolloutPolicy("prod", roles=()), RolloutPolicy("prod", True, ())
    assert codes(judge(wanted, live=(live,), policy=policy).warnings) == ["automaticGated"]
    assert judge(RolloutPolicy("prod", automatic=False), live=(live,), policy=policy).warnings == ()
    assert judge(wanted, live=(live,), policy=SafetyPolicy(gated_environments=frozenset({"test"}))).warnings == ()


def test_the_plan_says_that_an_old_bytebase_logs_the_app_secret() -> None:
    old = replace(FACTS, version="3.21.1")
    assert codes(judge(Im((ImSetting("SLACK", "version 1"),)), live=(Im(()),), upstream=old).warnings) == [
        "secretInAuditLog"
    ]
    assert judge(Im((ImSetting("SLACK", "version 1"),)), live=(Im(()),)).warnings == ()


def test_a_version_that_is_supported_as_far_as_it_goes_is_warned_of() -> None:
    assert codes(judge(upstream=replace(FACTS, version="3.15.0")).warnings) == ["oldVersion"]
    assert judge(upstream=replace(FACTS, version="3.17.0")).warnings == ()
    assert judge(upstream=replace(FACTS, version="development")).warnings == ()


def test_a_role_that_bytebase_does_not_know_is_warned_of() -> None:
    access = Access(roles={"roles/projectOwner": frozenset()})
    rules = ApprovalRules((ApprovalRule("", "true", "Fallback", "", ("roles/projectOwner", "roles/oa", "roles/typo")),))
    plan = judge(rules, Role("oa", permissions=()), live=(rules,), access=access)
    assert [(each.code, each.message.split(":")[0]) for each in plan.warnings] == [
        ("unknownRole", "Bytebase has no role roles/typo")
    ]


def test_an_app_that_is_only_verified_says_what_it_lacks_and_is_not_changed() -> None:
    wanted = App("cli", bot=True, scopes=("a", "b"))
    plan = judge(wanted, live=(App("cli", bot=False, scopes=("a", "c")),))
    assert plan.exit_code == 0
    assert [each.message for each in plan.warnings] == [
        "what is live does not fit what is needed: bot is false and not true; scopes lacks b"
    ]
    managed = App("cli", bot=True, scopes=("a", "b"), is_managed=True)
    assert judge(managed, live=(App("cli", bot=False, scopes=("a", "c")),)).exit_code == 2


def test_an_adopted_definition_that_does_not_fit_is_refused_and_never_written() -> None:
    wanted = AdoptedDefinition("gate", "CODE", "node", (("digest", "w1"),), "any")
    live = AdoptedDefinition("gate", "CODE", "node", (("digest", "w1"),), "all", (("digest", "image"),))
    plan = judge(wanted, live=(live,))
    assert plan.exit_code == 3
    assert plan.pending == ()
    assert 'decision is "all" and not "any"' in plan.refusals[0].message


def test_a_webhook_that_would_be_created_without_a_url_is_refused() -> None:
    assert codes(judge(Webhook("demo", "x", "SLACK", events=())).refusals) == ["webhookWithoutUrl"]
    assert judge(Webhook("demo", "x", "SLACK", url_token="version 1")).refusals == ()


def test_a_webhook_before_the_external_url_is_warned_of() -> None:
    hook = Webhook("demo", "x", "SLACK", url_token="version 1")
    assert codes(judge(hook, upstream=replace(FACTS, external_url="")).warnings) == ["noExternalUrl"]


def test_a_webhook_that_is_removed_needs_no_external_url() -> None:
    assert judge(others=hooks(1), upstream=replace(FACTS, external_url="")).warnings == ()


def test_an_irreversible_creation_names_the_flag_it_needs() -> None:
    definition = Definition("gate", "acme", (("en-US", "A"), ("zh-CN", "B")), "any")
    plan = judge(definition)
    assert plan.exit_code == 2
    assert plan.changes[0].irreversible
    assert "--create-definition gate" in plan.findings[0].next


def test_credentials_that_bytebase_does_not_try_are_shown_where_they_are_written() -> None:
    untried = Im((ImSetting("SLACK", "version 2"),), verify=False)
    before = Im((ImSetting("SLACK", "version 1"),))
    plan = judge(untried, live=(before,))
    assert codes(plan.warnings) == ["imNotTried"]
    assert "im.verify: false" in plan.warnings[0].message
    assert plan.warnings[0].origin == ORIGIN
    assert codes(judge(replace(untried, verify=True), live=(before,)).warnings) == []
    assert codes(judge(untried, live=(untried,)).warnings) == []


def test_the_last_event_of_a_webhook_cannot_be_taken_away() -> None:
    live = Webhook("demo", "x", "SLACK", events=("ISSUE_CREATED",))
    plan = judge(Webhook("demo", "x", "SLACK", events=()), live=(live,))
    assert codes(plan.refusals) == ["webhookWithoutEvents"]
    assert plan.refusals[0].origin == ORIGIN
    assert codes(judge(replace(live, direct_message=True, events=()), live=(replace(live, events=()),)).refusals) == []
    assert codes(judge(replace(live, events=(), url_token="version 1")).refusals) == []
