"""Both upstreams in memory, as the gate loop's ports see them: people act, time passes, and every call may go wrong.

It keeps its own logs of what really happened, so that invariants are judged by the world and not by the product's word.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from fakes.simulated_review import FLOW, AnswerRecord, SimReview, account_of

from reconciler.errors import ConflictError, ForbiddenError, NotFoundError, RefusedError
from reconciler.ids import root_of
from reconciler.ports.sync import Reviewer, Sighting
from reconciler.subjects.change import (
    Change,
    Checks,
    CheckStatus,
    Comment,
    Entitlement,
    Issue,
    Question,
    ReviewStatus,
    ReviewStep,
    Stage,
    Statement,
    Task,
    TaskRun,
    TaskStatus,
)
from reconciler.subjects.gate import ApproverSource
from reconciler.subjects.instance import (
    CancelResult,
    Decision,
    Instance,
    InstanceRequest,
    InstanceStatus,
    LiveDefinition,
    NodeTask,
    NodeTaskStatus,
    Resolution,
    TimelineEvent,
)
from reconciler.sync.fingerprint import fingerprint

OWN = "sync@service.bytebase.com"
ALICE, BOB, DAVE, ERIN = (f"{name}@example.com" for name in ("alice", "bob", "dave", "erin"))
PEOPLE = (ALICE, BOB, DAVE, ERIN)
START = datetime(2026, 11, 25, 9, tzinfo=UTC)


def open_id(email: str) -> str:
    return "ou_" + uuid.uuid5(uuid.NAMESPACE_DNS, email).hex


@dataclass
class SimTask:
    name: str
    sheet: str
    status: TaskStatus = TaskStatus.NOT_STARTED
    runs: list[TaskRun] = field(default_factory=list)


@dataclass
class SimPlan:
    name: str
    creator: str
    issue: str | None
    created: datetime
    stages: dict[str, list[SimTask]]
    is_active: bool = True
    exists: bool = True
    checks: CheckStatus = CheckStatus.SUCCESS
    review: ReviewStatus = ReviewStatus.SKIPPED
    title: str = "Add column"
    under_review: SimReview | None = None
    timeline: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class SimInstance:
    code: str
    request: InstanceRequest
    started: datetime
    status: InstanceStatus = InstanceStatus.PENDING
    tasks: list[NodeTask] = field(default_factory=list)
    timeline: list[TimelineEvent] = field(default_factory=list)
    ended: datetime | None = None
    reverted: bool = False
    was_forged: bool = False

    def forge(self) -> None:
        """Somebody replaces what the form says: the content that people see is no longer what we sent."""
        form = tuple(replace(f, texts=(("en-US", "SELECT 1;"),)) if f.id == "sql" else f for f in self.request.form)
        self.request, self.was_forged = replace(self.request, form=form), True


@dataclass(frozen=True)
class RunRecord:
    """A batchRun of our account that really started something."""

    at: datetime
    stage: str
    tasks: tuple[str, ...]
    fingerprint: str
    fingerprint_at_look: str
    entitled_lately: frozenset[str]
    earlier_unfinished: tuple[str, ...]
    checks_at_look: CheckStatus
    review_at_look: ReviewStatus | None


class World:
    """The truth."""

    def __init__(self) -> None:
        self.now = START
        self.clock_skew = 0.0
        self.environments = ["test", "prod"]
        self.entitled: dict[str, set[str]] = {place: {BOB, DAVE} for place in ("test", "prod", *FLOW)}
        self.automatic: set[str] = set()
        self.directory = {email: open_id(email) for email in PEOPLE}
        self.hidden: set[str] = set()
        self.definition_code = "DEF-1"
        self.definition_problem = ""
        self.decision = Decision.ANY
        self.withdrawal_allowed = True
        self.plans: dict[str, SimPlan] = {}
        self.instances: dict[str, SimInstance] = {}
        self.issue_comments: dict[str, list[Comment]] = {}
        self.instance_comments: dict[str, list[tuple[str, str]]] = {}
        self.cards: list[tuple[str, str]] = []
        self.runs: list[RunRecord] = []
        self.answers: list[AnswerRecord] = []
        self.looks: dict[str, str] = {}
        self.checks_seen: dict[str, CheckStatus] = {}
        self.reviews_seen: dict[str, ReviewStatus] = {}
        self.entitled_log: dict[str, list[tuple[datetime, frozenset[str]]]] = {}
        self.reads: dict[str, list[InstanceStatus]] = {}
        self.cancels: list[tuple[str, InstanceStatus, InstanceStatus | None]] = []
        self.hook: Callable[[str], None] = lambda _: None
        self.on_create: Callable[[InstanceRequest], None] = lambda _: None
        self._numbers = itertools.count(101)
        self.note_entitled()

    # --- people and Bytebase -------------------------------------------------------------------------------------
    def note_entitled(self) -> None:
        for environment, people in self.entitled.items():
            self.entitled_log.setdefault(environment, []).append((self.now, frozenset(people)))

    def new_change(
        self,
        *,
        creator: str = ALICE,
        tasks: int = 2,
        with_issue: bool = True,
        stages: Sequence[str] = (),
        reviewed: bool = False,
    ) -> SimPlan:
        number = next(self._numbers)
        name = f"projects/demo/plans/{number}"
        wanted = list(stages) or list(self.environments)
        rollout = {e: [self._task(name, e) for _ in range(tasks)] for e in wanted}
        issue = f"projects/demo/issues/{number}" if with_issue else None
        plan = SimPlan(name, creator, issue, self.now, rollout)
        if reviewed and issue is not None:
            plan.under_review = SimReview([self.new_sheet() for _ in range(tasks)], timeline=plan.timeline)
        self.plans[name] = plan
        return plan

    def new_sheet(self) -> str:
        return f"projects/demo/sheets/{next(self._numbers):064x}"

    def plan_of(self, root: str) -> SimPlan | None:
        """The plan of that name, or of the issue of that name."""
        return self.plans.get(root) or next((plan for plan in self.plans.values() if plan.issue == root), None)

    def end_review(self, plan: SimPlan) -> None:
        """Every step is approved: the rollout exists from now on."""
        if plan.under_review is not None and plan.under_review.is_over:
            plan.under_review, plan.review = None, ReviewStatus.APPROVED

    def entitled_lately(self, place: str) -> frozenset[str]:
        """Everyone entitled at some moment of the last two minutes."""
        start = self.now - timedelta(minutes=2)
        log = self.entitled_log.get(place, [])
        people = [people for at, people in log if at >= start] + [people for at, people in log if at < start][-1:]
        return frozenset().union(*people, self.entitled.get(place, set()))

    def add_task(self, plan: SimPlan, environment: str) -> None:
        plan.stages.setdefault(environment, []).append(self._task(plan.name, environment))

    def _task(self, plan: str, environment: str) -> SimTask:
        number = next(self._numbers)
        return SimTask(f"{plan}/rollout/stages/{environment}/tasks/{number}", f"projects/demo/sheets/{number:064x}")

    def start(self, tasks: Sequence[SimTask], by: str) -> list[str]:
        started = []
        for task in tasks:
            if task.status in (TaskStatus.NOT_STARTED, TaskStatus.FAILED, TaskStatus.CANCELED):
                task.runs.append(TaskRun(f"{task.name}/taskRuns/{next(self._numbers)}", by))
                task.status = TaskStatus.PENDING
                started.append(task.name)
        return started

    def finish(self, task: SimTask, status: TaskStatus) -> None:
        if task.status in (TaskStatus.PENDING, TaskStatus.RUNNING):
            task.status = status
            if status is TaskStatus.FAILED:
                task.runs[-1] = replace(task.runs[-1], detail="ERROR: boom (SQLSTATE 42601)")

    def say(self, issue: str, creator: str, text: str) -> None:
        comments = self.issue_comments.setdefault(issue, [])
        comments.append(Comment(f"{issue}/issueComments/{next(self._numbers)}", creator, text, self.now))

    def order(self, plan: SimPlan) -> list[str]:
        if plan.under_review is not None:
            return []
        return [e for e in self.environments if plan.stages.get(e)]

    def change(self, plan: SimPlan) -> Change:
        issue = step = None
        if plan.issue is not None and plan.under_review is not None:
            issue = plan.under_review.issue(plan.issue, plan.title, plan.creator)
            step = plan.under_review.step(plan.issue, plan.name)
        elif plan.issue is not None:
            issue = Issue(
                plan.issue,
                plan.issue.rsplit("/", 1)[-1],
                plan.title,
                plan.creator,
                "DONE",
                plan.review,
                roles=("roles/projectOwner",),
            )
        stages = tuple(
            Stage(
                name=f"{plan.name}/rollout/stages/{e}",
                environment=f"environments/{e}",
                title=e.title(),
                tasks=tuple(
                    Task(
                        t.name,
                        f"instances/inst-{e}/databases/app",
                        "DATABASE_MIGRATE",
                        t.status,
                        sheet=t.sheet,
                        newest_run=t.runs[-1] if t.runs else None,
                    )
                    for t in plan.stages[e]
                ),
                automatic=e in self.automatic,
            )
            for e in self.order(plan)
        )
        return Change(
            plan=plan.name,
            project="projects/demo",
            title=plan.title,
            creator=plan.creator,
            created=plan.created,
            is_active=plan.is_active,
            checks=Checks(plan.checks),
            stages=stages,
            issue=issue,
            step=step,
            link=f"https://bytebase.example/{plan.name}/rollout",
        )

    def fingerprint_of(self, subject: str) -> str:
        plan = self.plan_of(root_of(subject))
        if plan is None:
            return ""
        change = self.change(plan)
        question = change.question(subject)
        return fingerprint(change, question) if question is not None else ""

    # --- people in Feishu ----------------------------------------------------------------------------------------
    def pending(self) -> list[SimInstance]:
        return [i for i in self.instances.values() if i.status is InstanceStatus.PENDING]

    def decide(self, instance: SimInstance, email: str, *, approve: bool, comment: str = "") -> bool:
        mine = [t for t in instance.tasks if t.open_id == open_id(email) and t.status is NodeTaskStatus.PENDING]
        if instance.status is not InstanceStatus.PENDING or not mine:
            return False
        task = mine[0]
        status = NodeTaskStatus.APPROVED if approve else NodeTaskStatus.REJECTED
        self._set(instance, task, status)
        instance.timeline.append(
            TimelineEvent("PASS" if approve else "REJECT", self.now, task.open_id, task.id, comment)
        )
        others = [t for t in instance.tasks if t.status is NodeTaskStatus.PENDING]
        if not approve or self.decision is Decision.ANY or not others:
            for other in others:
                self._set(instance, other, NodeTaskStatus.DONE)
            instance.status = InstanceStatus.APPROVED if approve else InstanceStatus.REJECTED
            instance.ended = self.now
        return True

    def transfer(self, instance: SimInstance, email: str, to: str) -> None:
        for task in list(instance.tasks):
            if task.open_id == open_id(email) and task.status is NodeTaskStatus.PENDING:
                self._set(instance, task, NodeTaskStatus.TRANSFERRED)
                new = replace(task, id=str(next(self._numbers)), open_id=open_id(to), status=NodeTaskStatus.PENDING)
                instance.tasks.append(new)
                instance.timeline.append(TimelineEvent("TRANSFER", self.now, task.open_id, task.id))

    def auto_pass(self, instance: SimInstance) -> None:
        if instance.status is InstanceStatus.PENDING:
            instance.tasks = [replace(t, status=NodeTaskStatus.DONE) for t in instance.tasks]
            node = instance.request.node_key
            task = NodeTask(str(next(self._numbers)), "", NodeTaskStatus.APPROVED, "n", node, is_automatic=True)
            instance.tasks.append(task)
            instance.status, instance.ended = InstanceStatus.APPROVED, self.now

    def end(self, instance: SimInstance, status: InstanceStatus, *, reverted: bool = False) -> None:
        instance.tasks = [
            replace(t, status=NodeTaskStatus.DONE) if t.status is NodeTaskStatus.PENDING else t for t in instance.tasks
        ]
        instance.status, instance.ended, instance.reverted = status, self.now, reverted
        instance.timeline.append(TimelineEvent("CANCEL", self.now, instance.request.submitter))

    def _set(self, instance: SimInstance, task: NodeTask, status: NodeTaskStatus) -> None:
        instance.tasks[instance.tasks.index(task)] = replace(task, status=status, ended=self.now)

    def create_instance(self, request: InstanceRequest) -> SimInstance:
        if any(i.request.uuid.lower() == request.uuid.lower() for i in self.instances.values()):
            raise ConflictError("the uuid is taken")
        if self.definition_problem:
            raise RefusedError("the definition is not active")
        code = f"INST-{next(self._numbers)}"
        instance = SimInstance(code, request, self.now)
        instance.tasks = [
            NodeTask(str(next(self._numbers)), p.open_id, NodeTaskStatus.PENDING, "n", request.node_key)
            for p in request.approvers
        ]
        instance.timeline.append(TimelineEvent("START", self.now, request.submitter))
        self.instances[code] = instance
        return instance


class WorldClock:
    def __init__(self, world: World) -> None:
        self._world = world

    def now(self) -> datetime:
        return self._world.now

    def skew(self) -> float:
        return self._world.clock_skew


class SimSubjects:
    """Bytebase's port over the world."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def discover(self, *, full: bool) -> Sequence[Sighting]:
        world = self._world
        world.hook("discover")
        found = []
        for plan in world.plans.values():
            if plan.exists and plan.is_active:
                change = world.change(plan)
                if change.step is not None and plan.issue is not None:
                    found.append(Sighting(plan.issue, change.step.name, ""))
                    continue
                signal = ",".join(t.status.value for e in world.order(plan) for t in plan.stages[e])
                found.append(Sighting(plan.name, change.frontier.name if change.frontier else None, signal))
        return found

    async def observe(self, root: str) -> Change:
        world = self._world
        world.hook("observe.before")
        known = world.plan_of(root)
        if known is None or not known.exists:
            raise NotFoundError(f"{root} does not exist")
        change = world.change(known)
        world.checks_seen[known.name] = known.checks
        if known.issue is not None:
            world.reviews_seen[known.name] = known.review
        for question in (*change.stages, *([change.step] if change.step is not None else [])):
            world.looks[question.name] = fingerprint(change, question)
        world.hook("observe.after")
        return change

    def distrust(self) -> None:
        """Nothing is remembered here."""

    async def entitled(self, change: Change, question: Question, source: ApproverSource) -> Entitlement:
        self._world.hook("entitled.before")
        place = question.environment.rsplit("/", 1)[-1] if isinstance(question, Stage) else question.role
        people = frozenset(self._world.entitled.get(place, set()))
        self._world.hook("entitled.after")
        return Entitlement(people)

    async def statements(self, change: Change, question: Question) -> Sequence[Statement]:
        self._world.hook("statements.before")
        return [Statement(f"ALTER TABLE t_{t.sheet[-6:]} ADD c int;", 40, (t.name,)) for t in question.tasks]

    async def reviewer(self, change: Change, role: str) -> Reviewer:
        self._world.hook("reviewer")
        return Reviewer(account_of(role) if role else "")

    async def answer(self, change: Change, step: ReviewStep, *, approve: bool, text: str) -> None:
        """Positional, as in reality: whatever step is pending now is answered, if the account holds its role."""
        world = self._world
        world.hook("answer.before")
        plan = world.plans[change.plan]
        review = plan.under_review
        if review is None or review.pending is None or plan.issue is None:
            raise ConflictError("nothing is to be answered")
        if review.pending != step.role:
            raise ForbiddenError("the account is not bound to the role")
        name = f"{plan.issue}#{len(review.answers)}"
        before = world.fingerprint_of(name)
        looked = world.looks.get(name, "")
        world.answers.append(AnswerRecord(world.now, name, approve, before, looked, world.entitled_lately(step.role)))
        review.answer(account_of(step.role), approve=approve, text=text)
        world.end_review(plan)
        world.hook("answer.after")

    async def answers_with(self, issue: str, mark: str) -> int:
        self._world.hook("answers.before")
        plan = self._world.plan_of(issue)
        timeline = plan.timeline if plan is not None else []
        return sum(text.startswith(f"<!-- reconciler:{mark} -->") for _, text in timeline)

    async def run(self, stage: Stage, tasks: Sequence[str]) -> None:
        world = self._world
        world.hook("run.before")
        plan = world.plans[stage.name.split("/rollout/")[0]]
        environment = stage.name.rsplit("/", 1)[-1]
        before = world.fingerprint_of(stage.name)
        order = world.order(plan)
        earlier = order[: order.index(environment)] if environment in order else order
        unfinished = tuple(
            e for e in earlier if any(t.status not in (TaskStatus.DONE, TaskStatus.SKIPPED) for t in plan.stages[e])
        )
        wanted = [t for t in plan.stages.get(environment, []) if t.name in tasks]
        if any(t.status is TaskStatus.SKIPPED for t in wanted):
            raise ConflictError("a skipped task cannot be run")
        started = world.start(wanted, OWN)
        if started:
            world.runs.append(
                RunRecord(
                    world.now,
                    stage.name,
                    tuple(started),
                    before,
                    world.looks.get(stage.name, ""),
                    world.entitled_lately(environment),
                    unfinished,
                    world.checks_seen.get(plan.name, CheckStatus.NONE),
                    world.reviews_seen.get(plan.name),
                )
            )
        world.hook("run.after")

    async def skip(self, stage: Stage, tasks: Sequence[str], reason: str) -> None:
        self._world.hook("skip.before")
        plan = self._world.plans[stage.name.split("/rollout/")[0]]
        for task in plan.stages[stage.name.rsplit("/", 1)[-1]]:
            if task.name in tasks and task.status in (TaskStatus.NOT_STARTED, TaskStatus.FAILED, TaskStatus.CANCELED):
                task.status = TaskStatus.SKIPPED
        self._world.hook("skip.after")

    async def comments(self, issue: str) -> Sequence[Comment]:
        self._world.hook("comments.before")
        return list(self._world.issue_comments.get(issue, []))

    async def put_comment(self, issue: str, *, mark: str, text: str, edit: bool) -> None:
        world = self._world
        world.hook("comment.before")
        body = f"<!-- reconciler:{mark} -->\n{text}"
        comments = world.issue_comments.setdefault(issue, [])
        mine = [
            i for i, c in enumerate(comments) if c.creator == OWN and c.text.startswith(f"<!-- reconciler:{mark} -->")
        ]
        if mine:
            if edit:
                comments[mine[0]] = replace(comments[mine[0]], text=body)
        else:
            world.say(issue, OWN, body)
        world.hook("comment.after")

    async def own_email(self) -> str:
        return OWN


class SimApprovals:
    """Feishu's port over the world."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def resolve(self, emails: Sequence[str]) -> Resolution:
        world = self._world
        world.hook("resolve.before")
        found = {e: world.directory[e] for e in emails if e in world.directory and e not in world.hidden}
        return Resolution(found, {e: "not known to Feishu" for e in emails if e not in found})

    async def bot(self) -> str:
        return "ou_bot"

    async def definition(self, name: str) -> LiveDefinition:
        world = self._world
        world.hook("definition.before")
        return LiveDefinition(
            name, world.definition_code, "gate-node", world.decision, problem=world.definition_problem
        )

    async def create(self, request: InstanceRequest) -> str:
        world = self._world
        world.hook("create.before")
        world.on_create(request)
        instance = world.create_instance(request)
        world.hook("create.after")
        return instance.code

    async def read(self, code_or_uuid: str) -> Instance:
        world = self._world
        world.hook("read.before")
        for i in world.instances.values():
            if i.code == code_or_uuid or i.request.uuid.lower() == code_or_uuid.lower():
                world.reads.setdefault(i.code, []).append(i.status)
                form = tuple((f.id, f.text("en-US")) for f in i.request.form)
                instance = Instance(
                    code=i.code,
                    uuid=i.request.uuid,
                    definition_code=i.request.definition_code,
                    status=i.status,
                    submitter=i.request.submitter,
                    started=i.started,
                    form=form,
                    tasks=tuple(i.tasks),
                    timeline=tuple(i.timeline),
                    ended=i.ended,
                    is_reverted=i.reverted,
                )
                world.hook("read.after")
                return instance
        raise NotFoundError("no such instance")

    async def find(self, uuid: str, definition_code: str) -> Instance:
        return await self.read(uuid)

    async def cancel(self, instance: Instance) -> CancelResult:
        world = self._world
        world.hook("cancel.before")
        known = world.instances[instance.code]
        world.cancels.append((known.code, known.status, (world.reads.get(known.code) or [None])[-1]))
        if not world.withdrawal_allowed:
            return CancelResult.REFUSED
        if known.status is InstanceStatus.APPROVED:
            # Facts F-05: cancelling a passed instance puts it back into approval.
            known.status, known.ended = InstanceStatus.PENDING, None
        elif known.status is InstanceStatus.PENDING:
            world.end(known, InstanceStatus.CANCELED)
        else:
            world.hook("cancel.after")
            return CancelResult.NOT_PENDING
        world.hook("cancel.after")
        return CancelResult.CANCELED

    async def comment(self, instance: str, *, mark: str, text: str) -> None:
        world = self._world
        world.hook("note.before")
        notes = world.instance_comments.setdefault(instance, [])
        if not any(known == mark for known, _ in notes):
            notes.append((mark, text))
        world.hook("note.after")

    async def remind(self, instance: Instance, *, mark: str, text: str, link: str) -> str:
        self._world.hook("remind.before")
        return "card"

    async def card(self, receiver: str, *, mark: str, title: str, text: str, link: str) -> None:
        self._world.hook("card.before")
        if not any(known == mark for known, _ in self._world.cards):
            self._world.cards.append((mark, receiver))

    async def recent(self, definition_code: str, since: datetime) -> Sequence[str]:
        self._world.hook("recent.before")
        return [
            i.code
            for i in self._world.instances.values()
            if i.request.definition_code == definition_code and i.started >= since
        ]

    def link(self, instance: str) -> str:
        return f"https://feishu.example/{instance}"
