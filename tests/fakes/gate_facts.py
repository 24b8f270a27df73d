"""One plain stage and the request for it, as facts: every test changes the one thing it is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.ids import slot_uuid
from reconciler.subjects.change import (
    Change,
    Checks,
    CheckStatus,
    Entitlement,
    Issue,
    ReviewStatus,
    Stage,
    Task,
    TaskStatus,
)
from reconciler.subjects.entry import Entry, EntryState, Reason
from reconciler.subjects.gate import ApproverSource, Gate, GateMatch
from reconciler.subjects.instance import (
    AskedPerson,
    Decision,
    FieldText,
    Instance,
    InstanceRequest,
    InstanceStatus,
    LiveDefinition,
    NodeTask,
    NodeTaskStatus,
    Resolution,
)
from reconciler.sync.fingerprint import digest_text, fingerprint
from reconciler.sync.observation import Observation

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
PLAN = "projects/demo/plans/101"
TEST, PROD = (f"{PLAN}/rollout/stages/{name}" for name in ("test", "prod"))
ALICE, BOB, DAVE, ERIN, OWN = (
    f"{name}@{where}"
    for name, where in (
        ("alice", "example.com"),
        ("bob", "example.com"),
        ("dave", "example.com"),
        ("erin", "example.com"),
        ("sync", "service.bytebase.com"),
    )
)
IDS = {ALICE: "ou_alice", BOB: "ou_bob", DAVE: "ou_dave", ERIN: "ou_erin"}
NODE = "gate-1234-123456789abc"

GATE = Gate(
    name="prod",
    at="stage",
    match=GateMatch(),
    definition="stage-gate",
    external_node=None,
    approvers=ApproverSource("rolloutPolicy"),
)
DEFINITION = LiveDefinition("stage-gate", "DEF-1", NODE, Decision.ANY)


def task(number: int, *, stage: str = PROD, **about: Any) -> Task:
    plain = Task(
        name=f"{stage}/tasks/{number}",
        target=f"instances/inst-{stage.rsplit('/', 1)[-1]}/databases/app{number}",
        type="DATABASE_MIGRATE",
        status=TaskStatus.NOT_STARTED,
        sheet=f"projects/demo/sheets/{number:064x}",
    )
    return replace(plain, **about)


def stage(*tasks: Task, name: str = PROD, **about: Any) -> Stage:
    environment = name.rsplit("/", 1)[-1]
    return Stage(name, f"environments/{environment}", environment.title(), tasks, **about)


FIRST = stage(task(1, stage=TEST, status=TaskStatus.DONE), name=TEST)
SECOND = stage(task(2), task(3))
ISSUE = Issue(
    "projects/demo/issues/101", "101", "Add column", ALICE, "DONE", ReviewStatus.APPROVED, ("roles/projectOwner",)
)
CHANGE = Change(
    plan=PLAN,
    project="projects/demo",
    title="Add column",
    creator=ALICE,
    created=NOW - timedelta(days=1),
    is_active=True,
    checks=Checks(CheckStatus.SUCCESS),
    stages=(FIRST, SECOND),
    issue=ISSUE,
    project_title="Demo",
    link="https://bytebase.example/projects/demo/plans/101/rollout",
)


def change(*stages: Stage, **about: Any) -> Change:
    return replace(CHANGE, stages=stages or CHANGE.stages, **about)


def field(id_: str, english: str, chinese: str | None = None) -> FieldText:
    return FieldText(id_, (("en-US", english), ("zh-CN", english if chinese is None else chinese)))


def request(*, generation: int = 0, of: Change = CHANGE, approvers: tuple[str, ...] = (BOB, DAVE)) -> InstanceRequest:
    print_ = fingerprint(of, of.stage(PROD) or SECOND)
    return InstanceRequest(
        uuid=slot_uuid("acme-test", "acme", PROD, generation),
        definition_code="DEF-1",
        node_key=NODE,
        submitter=IDS[ALICE],
        approvers=tuple(AskedPerson(email, IDS[email]) for email in approvers),
        title=field("title", "Prod · #101 Add column"),
        form=(
            field("stage", "Demo / Prod (2 of 2)", "Demo / Prod(第 2 个阶段,共 2 个)"),
            field("sql", "ALTER TABLE t ADD c int;", "ALTER TABLE t ADD c int;"),
            field("digest", digest_text(print_, "acme", PROD, generation)),
        ),
    )


def entry(state: EntryState = EntryState.ASKED, **about: Any) -> Entry:
    asked = about.pop("request", request())
    plain = Entry(
        subject=PROD,
        generation=0,
        state=state,
        gate="prod",
        reason=Reason("asked", "asked"),
        since=NOW - timedelta(hours=1),
        request=asked,
        instance="INST-1",
        fingerprint=fingerprint(CHANGE, SECOND),
        entitled=frozenset({BOB, DAVE}),
        asked_at=NOW - timedelta(hours=1),
        stages=(TEST, PROD),
    )
    return replace(plain, **about)


def node_task(email: str, status: NodeTaskStatus = NodeTaskStatus.APPROVED, **about: Any) -> NodeTask:
    plain = NodeTask(f"t-{email}", IDS[email], status, "node-7", NODE)
    return replace(plain, **about)


def instance(status: InstanceStatus = InstanceStatus.APPROVED, *tasks: NodeTask, **about: Any) -> Instance:
    asked = request()
    plain = Instance(
        code="INST-1",
        uuid=asked.uuid,
        definition_code=asked.definition_code,
        status=status,
        submitter=asked.submitter,
        started=NOW - timedelta(hours=1),
        form=tuple((each.id, each.text("en-US")) for each in asked.form),
        tasks=tasks or (node_task(BOB), node_task(DAVE, NodeTaskStatus.DONE)),
        ended=None if status is InstanceStatus.PENDING else NOW - timedelta(minutes=5),
    )
    return replace(plain, **about)


PENDING = instance(
    InstanceStatus.PENDING, node_task(BOB, NodeTaskStatus.PENDING), node_task(DAVE, NodeTaskStatus.PENDING)
)


def seen(**about: Any) -> Observation:
    """A waiting stage without a request."""
    plain = Observation(
        subject=PROD,
        now=NOW,
        change=CHANGE,
        stage=SECOND,
        gate=GATE,
        definition=DEFINITION,
        entitlement=Entitlement(frozenset({BOB, DAVE})),
        resolution=Resolution(IDS, {}),
        own_email=OWN,
    )
    made = replace(plain, **about)
    return replace(made, stage=made.change.stage(PROD)) if made.change is not None and "stage" not in about else made


def asked(answer: Instance = PENDING, **about: Any) -> Observation:
    """The same stage with a request on record and what Feishu says about it."""
    return seen(**{"entry": entry(), "instance": answer, **about})
