"""The review side of Bytebase: which step waits, what it is about, who answers it for us, and what the timeline keeps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from providers.bytebase.tiny_bytebase import SYNC, WHEN, TinyBytebase

from reconciler.errors import ForbiddenError, NotFoundError, UnavailableError
from reconciler.ports.sync import Reviewer
from reconciler.providers.bytebase.client import BytebaseClient
from reconciler.providers.bytebase.connection import BytebaseConnection, ServiceAccount
from reconciler.providers.bytebase.directory import Ages, RightsReader
from reconciler.providers.bytebase.subjects import BytebaseSubjects
from reconciler.providers.http import HttpSettings
from reconciler.providers.http_retry import RetryPolicy
from reconciler.secret import Secret
from reconciler.subjects.change import StepAnswer

OWNER, OA = "roles/projectOwner", "roles/oa"
OWNER_ACCOUNT, OA_ACCOUNT = "owner@service.bytebase.com", "oa@service.bytebase.com"
ISSUE = "projects/demo/issues/1"
TARGETS = ["instances/inst-test/databases/app", "instances/inst-prod/databases/app"]


class StillClock:
    """A clock that stands."""

    def now(self) -> datetime:
        return datetime(2026, 11, 25, 12, tzinfo=UTC)

    def skew(self) -> float:
        return 0.0


async def no_sleep(_seconds: float) -> None:
    """Retries wait for nothing here."""


@pytest.fixture
def world() -> TinyBytebase:
    made = TinyBytebase()
    for target, environment in zip(TARGETS, ("test", "prod"), strict=True):
        made.answer(f"GET /v1/{target}", {"name": target, "effectiveEnvironment": f"environments/{environment}"})
    return made


def client(world: TinyBytebase, account: str) -> BytebaseClient:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/auth/login"):
            return httpx.Response(200, json={"token": f"token of {account}"})
        return world(request)

    settings = HttpSettings(transport=httpx.MockTransport(answer), retry=RetryPolicy(sleep=no_sleep))
    connection = BytebaseConnection("https://bb.example", ServiceAccount(account, Secret("k")))
    return BytebaseClient(connection, http=settings)


def subjects_of(world: TinyBytebase, *, reviewed: bool = True) -> BytebaseSubjects:
    own = client(world, SYNC)
    reviewers = {OWNER: client(world, OWNER_ACCOUNT), "oa": client(world, OA_ACCOUNT)} if reviewed else {}
    return BytebaseSubjects(own, StillClock(), rights=RightsReader(own, ages=Ages(rights=0.0)), reviewers=reviewers)


@pytest.fixture
def subjects(world: TinyBytebase) -> BytebaseSubjects:
    return subjects_of(world)


def under_review(world: TinyBytebase, **about: Any) -> str:
    """A change without a rollout whose issue waits for its first step; returns the issue's name."""
    sheet = world.sheet("demo", "ALTER TABLE t ADD c int;")
    specs = [{"id": "s1", "changeDatabaseConfig": {"targets": TARGETS, "sheet": sheet}}]
    issue = {
        "status": "OPEN",
        "type": "DATABASE_CHANGE",
        "title": "Add column",
        "approvalStatus": "PENDING",
        "approvalTemplate": {"title": "Two eyes", "flow": {"roles": [OWNER, OA]}},
        "creator": "users/bob@x.example",
        "plan": "projects/demo/plans/1",
        "updateTime": WHEN,
        **about,
    }
    plan = world.change("demo", 1, {}, issue=issue, specs=specs, hasRollout=False)
    world.answer(f"GET /v1/{plan}/rollout", httpx.Response(404, json={"code": 5, "message": "no rollout"}))
    world.answer("GET /v1/projects/demo/rollouts", {})
    world.answer("GET /v1/projects/demo/plans", {})
    world.answer("GET /v1/projects/demo/issues", {"issues": [{"name": ISSUE, **issue}]})
    return ISSUE


ONE_APPROVED = [{"status": "APPROVED", "principal": "users/carol@x.example"}]
WAITS = {
    "first step": ({}, f"{ISSUE}#0"),
    "second step": ({"approvers": ONE_APPROVED}, f"{ISSUE}#1"),
    "flow not found yet": ({"approvalStatus": "CHECKING", "approvalTemplate": None}, f"{ISSUE}#0"),
    "all answered": ({"approvers": ONE_APPROVED * 2, "approvalStatus": "APPROVED"}, None),
    "rejected": ({"approvers": [{"status": "REJECTED"}], "approvalStatus": "REJECTED"}, None),
    "rejected, still shown as pending": ({"approvers": [{"status": "REJECTED"}]}, None),
    "empty flow": ({"approvalTemplate": {"flow": {}}}, None),
    "skipped": ({"approvalStatus": "SKIPPED", "approvalTemplate": None}, None),
    "draft": ({"draft": True}, None),
    "closed": ({"status": "CANCELED"}, None),
}


@pytest.mark.parametrize(("about", "subject"), WAITS.values(), ids=WAITS)
async def test_only_a_step_that_can_be_answered_waits_for_an_answer(world, subjects, about, subject):
    issue = under_review(world, **about)
    (seen,) = [each for each in await subjects.discover(full=False) if each.plan == issue]
    assert (seen.subject, seen.project) == (subject, "projects/demo")
    step = (await subjects.observe(issue)).step
    assert (step.name if step is not None else None) == subject


async def test_without_reviewers_no_issue_is_listed_and_no_database_read(world):
    issue = under_review(world)
    quiet = subjects_of(world, reviewed=False)
    await quiet.discover(full=True)
    assert (await quiet.observe("projects/demo/plans/1")).step is None
    assert not [call for call in world.asked if "/databases/" in call or call.endswith("demo/issues")]
    assert f"GET /v1/{issue}" in world.asked


@pytest.mark.parametrize(
    "later", [{"approvers": ONE_APPROVED}, {"updateTime": "2026-11-23T00:00:00Z"}, {"approvalStatus": "CHECKING"}]
)
async def test_what_moves_a_review_moves_its_signal(world, subjects, later):
    under_review(world)
    (before,) = [s.signal for s in await subjects.discover(full=False) if s.plan == ISSUE]
    (again,) = [s.signal for s in await subjects.discover(full=False) if s.plan == ISSUE]
    under_review(world, **later)
    (after,) = [s.signal for s in await subjects.discover(full=False) if s.plan == ISSUE]
    assert before == again != after


async def test_people_who_come_to_hold_a_role_of_the_flow_move_the_signal(world, subjects):
    under_review(world)
    (before,) = [s.signal for s in await subjects.discover(full=False) if s.plan == ISSUE]
    world.bind("demo", OA, "user:alice@x.example")
    (after,) = [s.signal for s in await subjects.discover(full=False) if s.plan == ISSUE]
    assert before != after


async def test_a_step_is_about_the_plans_statements_where_their_databases_are(world, subjects):
    change = await subjects.observe(under_review(world, approvers=ONE_APPROVED))
    step = change.step
    assert step is not None
    assert (step.index, step.role, step.flow, step.template) == (1, OA, (OWNER, OA), "Two eyes")
    assert step.environments == ("environments/prod", "environments/test")
    assert [task.target for task in step.tasks] == TARGETS
    assert change.issue is not None
    assert change.issue.answers == (StepAnswer("carol@x.example", is_approval=True),)
    (statement,) = await subjects.statements(change, step)
    assert statement.text == "ALTER TABLE t ADD c int;"
    assert len(statement.tasks) == 2


async def test_an_issue_that_is_gone_is_gone_and_one_whose_plan_is_missing_is_a_failed_read(world, subjects):
    with pytest.raises(NotFoundError):
        await subjects.observe("projects/demo/issues/9")
    issue = under_review(world)
    world.answers.pop("GET /v1/projects/demo/plans/1")
    with pytest.raises(UnavailableError):
        await subjects.observe(issue)


async def test_an_issue_that_changes_no_database_is_no_subject(world, subjects):
    with pytest.raises(UnavailableError):
        await subjects.observe(under_review(world, plan=""))


class TestReviewer:
    """Bound to the role by name, and not the issue's creator (facts §8.4)."""

    async def answer(self, world: TinyBytebase, role: str = OWNER, **about: Any) -> Reviewer:
        subjects = subjects_of(world)
        return await subjects.reviewer(await subjects.observe(under_review(world, **about)), role)

    async def test_a_role_without_an_account_is_said(self, world):
        found = await self.answer(world, "roles/other")
        assert found.email == ""
        assert "spec.bytebase.reviewers" in found.problem

    async def test_an_account_that_is_not_bound_is_said(self, world):
        found = await self.answer(world)
        assert found.email == OWNER_ACCOUNT
        assert "not bound" in found.problem

    async def test_an_account_bound_in_the_project_may_answer(self, world):
        world.bind("demo", OWNER, f"serviceAccount:{OWNER_ACCOUNT}")
        assert await self.answer(world) == Reviewer(OWNER_ACCOUNT)

    async def test_an_account_bound_in_the_workspace_may_answer_also_when_the_spec_leaves_out_the_prefix(self, world):
        binding = {"role": OA, "members": [f"serviceAccount:{OA_ACCOUNT}"], "condition": {}}
        world.answer("GET /v1/workspaces/w:getIamPolicy", {"bindings": [binding], "etag": "1"})
        assert await self.answer(world, OA) == Reviewer(OA_ACCOUNT)

    @pytest.mark.parametrize(
        ("expression", "may"),
        [
            ('request.time < timestamp("2027-01-01T00:00:00Z")', True),
            ('request.time < timestamp("2026-01-01T00:00:00Z")', False),
            ('resource.environment_id == "prod"', False),
        ],
    )
    async def test_a_condition_counts_as_far_as_it_is_understood(self, world, expression, may):
        members = [f"serviceAccount:{OWNER_ACCOUNT}"]
        binding = {"role": OWNER, "members": members, "condition": {"expression": expression}}
        world.answer("GET /v1/projects/demo:getIamPolicy", {"bindings": [binding], "etag": "1"})
        assert (await self.answer(world)).problem == "" if may else (await self.answer(world)).problem

    async def test_a_group_that_holds_the_account_does_not_count(self, world):
        world.bind("demo", OWNER, "group:bots@x.example")
        members = [{"member": f"users/{OWNER_ACCOUNT}"}]
        world.answer("GET /v1/groups", {"groups": [{"name": "groups/bots@x.example", "members": members}]})
        assert "not bound" in (await self.answer(world)).problem

    @pytest.mark.parametrize("allowed", [False, True])
    async def test_the_creator_answers_only_where_the_project_allows_self_approval(self, world, allowed):
        world.bind("demo", OWNER, f"serviceAccount:{OWNER_ACCOUNT}")
        subjects = subjects_of(world)
        issue = under_review(world, creator=f"users/{OWNER_ACCOUNT}")
        world.answer("GET /v1/projects/demo", {"name": "projects/demo", "allowSelfApproval": allowed})
        found = await subjects.reviewer(await subjects.observe(issue), OWNER)
        assert bool(found.problem) is not allowed


@pytest.mark.parametrize(("approve", "verb"), [(True, "approve"), (False, "reject")])
@pytest.mark.parametrize(("approvers", "account"), [([], OWNER_ACCOUNT), (ONE_APPROVED, OA_ACCOUNT)])
async def test_a_step_is_answered_once_by_the_account_of_its_role(world, subjects, approve, verb, approvers, account):
    change = await subjects.observe(under_review(world, approvers=approvers))
    seen: list[httpx.Request] = []

    def answered(request: httpx.Request) -> Any:
        seen.append(request)
        return {"name": ISSUE}

    world.answer(f"POST /v1/{ISSUE}:{verb}", answered)
    await subjects.answer(change, change.step, approve=approve, text="why")
    assert [request.headers["authorization"] for request in seen] == [f"Bearer token of {account}"]
    assert world.sent[-1] == (f"POST /v1/{ISSUE}:{verb}", {"comment": "why"})


@pytest.mark.parametrize("status", [500, 503, 504])
async def test_an_answer_that_may_have_arrived_is_never_sent_again_by_itself(world, subjects, status):
    change = await subjects.observe(under_review(world))
    world.answer(f"POST /v1/{ISSUE}:approve", httpx.Response(status, json={"code": 13, "message": "oops"}))
    with pytest.raises(UnavailableError):
        await subjects.answer(change, change.step, approve=True, text="why")
    assert world.asked.count(f"POST /v1/{ISSUE}:approve") == 1


async def test_a_missing_right_to_answer_is_told_from_everything_else(world, subjects):
    change = await subjects.observe(under_review(world))
    refused = {"code": 7, "message": "cannot approve because the user does not have the required permission"}
    world.answer(f"POST /v1/{ISSUE}:approve", httpx.Response(403, json=refused))
    with pytest.raises(ForbiddenError):
        await subjects.answer(change, change.step, approve=True, text="why")


async def test_only_our_own_answers_with_the_mark_count_and_comments_never_do(world, subjects):
    under_review(world)
    approved = {"approval": {"status": "APPROVED"}}
    mine = {
        "creator": f"users/{OWNER_ACCOUNT}",
        "comment": "<!-- reconciler:review:u -->\nApproved",
        "createTime": WHEN,
    }
    comments = [
        {"name": f"{ISSUE}/issueComments/1", **mine, **approved},
        {"name": f"{ISSUE}/issueComments/2", **mine, **approved, "creator": "users/eve@x.example"},
        {"name": f"{ISSUE}/issueComments/3", **mine},
        {"name": f"{ISSUE}/issueComments/4", **mine, **approved, "comment": "<!-- reconciler:review:v -->"},
        {"name": f"{ISSUE}/issueComments/5", **mine, **approved, "creator": f"users/{OA_ACCOUNT}"},
    ]
    world.answer(f"GET /v1/{ISSUE}/issueComments", {"issueComments": comments})
    assert await subjects.answers_with(ISSUE, "review:u") == 2
    assert await subjects.answers_with(ISSUE, "review:w") == 0
    assert [comment.name[-1] for comment in await subjects.comments(ISSUE)] == ["3"]


async def test_steps_of_one_flow_are_answered_by_accounts_of_their_own(world, subjects):
    change = await subjects.observe(under_review(world))
    assert change.step is not None
    other = replace(change.step, index=1, name=f"{ISSUE}#1")
    seen: list[str] = []
    world.answer(
        f"POST /v1/{ISSUE}:approve", lambda request: seen.append(request.headers["authorization"]) or {"name": "x"}
    )
    await subjects.answer(change, change.step, approve=True, text="")
    await subjects.answer(change, other, approve=True, text="")
    assert seen == [f"Bearer token of {OWNER_ACCOUNT}", f"Bearer token of {OA_ACCOUNT}"]
