"""Deterministic simulation of the gate loop: people act, upstreams fail at every await, and the world keeps the score.

One `Choices` gives every choice, so one seed is one run; hypothesis drives the same class and shrinks what it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, TypeVar

from fakes.loop import GATE, REVIEW_GATE, Loop, run
from fakes.memory_ledger import MemoryLedger
from fakes.simulated_review import FLOW
from fakes.simulated_world import ALICE, BOB, DAVE, ERIN, OWN, PEOPLE, SimInstance, SimPlan, World, open_id

from reconciler.errors import ThrottledError, UnavailableError
from reconciler.ids import root_of, step_of
from reconciler.subjects.change import CheckStatus, ReviewStatus, TaskStatus
from reconciler.subjects.entry import EntryState, Wish
from reconciler.subjects.instance import Decision, InstanceRequest, InstanceStatus, NodeTaskStatus

T = TypeVar("T")
APPROVERS = (BOB, DAVE, ERIN)


class Choices(Protocol):
    """Where every choice of a run comes from: random.Random will do."""

    def choice(self, options: Sequence[T]) -> T: ...
    def random(self) -> float: ...


class Crash(BaseException):
    """The process is killed here."""


class BrokenInvariant(AssertionError):
    """What the world saw must never happen."""


@dataclass
class Rates:
    """How often things go wrong: per await, and how often another person acts in the middle of a pass."""

    fault: float = 0.04
    crash: float = 0.01
    interference: float = 0.03


class Simulation:
    """One run: `step()` does one thing; `calm()` stops the faults, lets the loop settle and checks the invariants."""

    def __init__(
        self,
        choices: Choices,
        *,
        rates: Rates | None = None,
        decision: Decision = Decision.ANY,
        ledger: MemoryLedger | None = None,
    ) -> None:
        self.choices = choices
        self.rates = rates or Rates()
        self.world = World()
        self.world.decision = decision
        self.ledger = ledger if ledger is not None else MemoryLedger()
        self.ledger.hook = self._ledger_hook
        self.loop = Loop(self.world, gate=GATE, ledger=self.ledger)
        self.loop.review_gate = REVIEW_GATE
        self.loop.restart()
        self.world.hook = self._hook
        self.world.on_create = self._request_is_on_record
        self.faults_on = True
        self.in_action = False
        self.steps = 0
        self.wishes = 0
        self.typed: list[Wish] = []
        self.must_adopt = False
        self.copies = [self.ledger.copy()]
        self.trail: list[str] = []
        self.pass_failed = False
        self.world.new_change()

    # --- faults at every await -----------------------------------------------------------------------------------
    def _hook(self, place: str) -> None:
        writes = place.split(".", maxsplit=1)[0] in (
            "create",
            "cancel",
            "run",
            "skip",
            "answer",
            "note",
            "comment",
            "remind",
            "card",
        )
        if not self.faults_on or self.in_action:
            return
        if self.choices.random() < self.rates.interference and place not in _ONE_MOMENT:
            self.act()
        if self.choices.random() < self.rates.crash:
            raise Crash(place)
        if self.choices.random() < self.rates.fault:
            if place.endswith(".after") and writes:
                raise UnavailableError(f"the answer was lost at {place}", ambiguous=True)
            if self.choices.random() < 0.3:
                raise ThrottledError(f"slow down at {place}", retry_after=3.0)
            raise UnavailableError(f"unreachable at {place}")

    def _ledger_hook(self, place: str) -> None:
        if self.faults_on and not self.in_action and self.choices.random() < self.rates.crash:
            raise Crash(place)

    # --- one step ------------------------------------------------------------------------------------------------
    def step(self) -> None:
        self.steps += 1
        if self.choices.random() < 0.45:
            self.act(ACTIONS + BETWEEN_PASSES)
        else:
            self.turn()
        self.check_always()

    def turn(self) -> None:
        """One round of the loop; a crash restarts it with nothing but its ledger."""
        self.trail.append(f"{self.world.now:%d %H:%M:%S} round")
        try:
            run(self._round())
        except Crash as crash:
            self.trail.append(f"  crashed at {crash}")
            self.loop.restart()
        except (UnavailableError, ThrottledError) as error:
            self.trail.append(f"  {error}")
        self.world.now += timedelta(seconds=self.choices.choice((1, 5, 20)))

    async def _round(self) -> None:
        while self.typed:
            await self.ledger.add_wish(self.typed.pop())
        if self.must_adopt:
            await self.loop.adopt()
            self.must_adopt = False
        await self.loop.round()

    def act(self, actions: tuple[Callable[[Simulation], None], ...] = ()) -> None:
        """A person or an upstream does something; between passes also the operator."""
        was, self.in_action = self.in_action, True
        try:
            action = self.choices.choice(actions or ACTIONS)
            self.trail.append(f"{self.world.now:%d %H:%M:%S}   {action.__name__}")
            action(self)
        finally:
            self.in_action = was

    def calm(self) -> None:
        """No faults, the world as it is, time enough; then every invariant is checked on the world's own logs."""
        self.faults_on = False
        for plan in self.world.plans.values():
            if plan.under_review is not None:
                plan.under_review.is_checking = False
            for tasks in plan.stages.values():
                for task in tasks:
                    self.world.finish(task, TaskStatus.DONE)
        self.world.clock_skew = 0.0
        run(self.loop.adopt())
        run(self.loop.settle(rounds=14, step=timedelta(seconds=30)))
        try:
            self.check_always()
            self.check_settled()
        finally:
            self.faults_on = True

    def _request_is_on_record(self, request: InstanceRequest) -> None:
        """Intent before create: whatever happens next, the ledger knows what was asked for before it exists."""
        known = [e for e in self.ledger.tables.entries.values() if e.request == request]
        if not any(entry.state is EntryState.INTENDED for entry in known):
            raise BrokenInvariant(f"7: {request.uuid} is created without being on record")

    # --- invariants ----------------------------------------------------------------------------------------------
    def check_always(self) -> None:
        self._runs_are_approved()
        self._one_request_per_subject()
        self._nothing_approved_is_cancelled()
        self._nothing_is_said_twice()
        self._a_loss_of_right_is_waited_out()

    def _a_loss_of_right_is_waited_out(self) -> None:
        """Settle: a request is replaced for a lost right only when somebody asked was without it all that time."""
        for row in self.ledger.tables.history:
            if row.decision != "withdrawing" or row.reason.code != "approversChanged":
                continue
            instance = self.world.instances[row.instance]
            log = self.world.entitled_log[_place(row.subject)]
            start = row.time - GATE.settle
            before = [people for at, people in log if at <= start][-1:]
            since = before + [people for at, people in log if start < at <= row.time]
            if not any(all(p.email not in people for people in since) for p in instance.request.approvers):
                raise BrokenInvariant(f"settle: {row.instance} was replaced for a loss that did not last")

    def _runs_are_approved(self) -> None:
        spent: set[str] = set()
        self._answers_are_decided(spent)
        for record in self.world.runs:
            if record.fingerprint != record.fingerprint_at_look:
                raise BrokenInvariant(f"1: {record.stage} was run without a look right before it")
            if record.earlier_unfinished:
                raise BrokenInvariant(f"12: {record.stage} was run before {record.earlier_unfinished}")
            if record.checks_at_look in (CheckStatus.ERROR, CheckStatus.RUNNING):
                raise BrokenInvariant(
                    f"1: {record.stage} was run although its checks were seen as {record.checks_at_look}"
                )
            if record.review_at_look not in (None, ReviewStatus.APPROVED, ReviewStatus.SKIPPED):
                raise BrokenInvariant(f"1: {record.stage} was run although its review is {record.review_at_look}")
            entitled = {open_id(person) for person in record.entitled_lately - {self._creator(record.stage)}}
            good = [
                i
                for i in self.world.instances.values()
                if i.request.form[-1].text("en-US").startswith(f"{record.fingerprint} acme/{record.stage}#")
                and i.code not in spent
                and any(t.status is NodeTaskStatus.APPROVED and t.open_id in entitled for t in i.tasks)
                and i.started <= record.at
                and i.ended is not None
                and (i.reverted or record.at - i.ended <= GATE.approval_valid_for)
                and not i.was_forged
            ]
            if not good:
                raise BrokenInvariant(f"1: {record.stage} ran without an unspent approval of its content")
            spent.add(good[0].code)

    def _answers_are_decided(self, spent: set[str]) -> None:
        """Each answer of ours in a review is one decision of people about exactly its content; `spent` gets its request."""
        for record in self.world.answers:
            if record.fingerprint != record.fingerprint_at_look:
                raise BrokenInvariant(f"1: {record.step} was answered without a look right before it")
            entitled = {open_id(person) for person in record.entitled_lately - {self._creator(record.step)}}
            wanted = NodeTaskStatus.APPROVED if record.approve else NodeTaskStatus.REJECTED
            good = [
                i
                for i in self.world.instances.values()
                if i.request.form[-1].text("en-US").startswith(f"{record.fingerprint} acme/{record.step}#")
                and i.code not in spent
                and any(t.status is wanted and (t.open_id in entitled or not record.approve) for t in i.tasks)
                and i.started <= record.at
                and i.ended is not None
                and not (record.approve and i.was_forged)
            ]
            if not good:
                raise BrokenInvariant(f"1: {record.step} was answered without an unspent decision about its content")
            spent.add(good[0].code)

    def _creator(self, subject: str) -> str:
        plan = self.world.plan_of(root_of(subject))
        assert plan is not None
        return plan.creator

    def _one_request_per_subject(self) -> None:
        if not self.world.withdrawal_allowed or self._voided():
            return
        pending: dict[str, list[str]] = {}
        for instance in self.world.pending():
            subject = _subject(instance)
            pending.setdefault(subject, []).append(instance.code)
        for subject, codes in pending.items():
            if len(codes) > 1:
                raise BrokenInvariant(f"2: {subject} has {len(codes)} pending requests: {codes}")

    def _voided(self) -> bool:
        return any(row.decision == "void" for row in self.ledger.tables.history) or getattr(self, "_was_void", False)

    def _nothing_approved_is_cancelled(self) -> None:
        for code, _, last_read in self.world.cancels:
            if last_read is not InstanceStatus.PENDING:
                raise BrokenInvariant(f"6: {code} was cancelled although last read as {last_read}")

    def _nothing_is_said_twice(self) -> None:
        for place, notes in self.world.instance_comments.items():
            marks = [mark for mark, _ in notes]
            if len(marks) != len(set(marks)):
                raise BrokenInvariant(f"7: said twice on {place}: {marks}")
        if self._was_restored:
            return
        for issue, comments in self.world.issue_comments.items():
            heads = [c.text.partition("\n")[0] for c in comments if c.creator == OWN]
            if len(heads) != len(set(heads)):
                raise BrokenInvariant(f"7: said twice on {issue}: {heads}")

    _was_restored = False

    def check_settled(self) -> None:
        world = self.world
        for instance in world.instances.values():
            subject = _subject(instance)
            entry = self.ledger.tables.entries.get(subject)
            if entry is None and self._was_restored and instance.request.definition_code != world.definition_code:
                continue  # after a loss, what an abandoned definition asked about a subject that is gone is not findable
            if instance.status is InstanceStatus.PENDING and world.withdrawal_allowed:
                waits = self._waits(subject) and self.loop.gate is not None
                void = (entry is not None and entry.state is EntryState.VOID) or self._voided()
                if not waits and not void:
                    raise BrokenInvariant(f"4: {instance.code} is pending although {subject} does not wait")
                if waits and not void and (entry is None or entry.instance != instance.code):
                    raise BrokenInvariant(f"7: {instance.code} is pending and not on record: {entry}")
        self._every_waiting_stage_is_explained()
        self._approvals_end_in_a_run_or_a_reason()

    def _waits(self, subject: str) -> bool:
        """Whether the world's subject is its change's frontier, or the step that its review is at."""
        plan = self.world.plan_of(root_of(subject))
        if plan is None or not plan.exists or not plan.is_active:
            return False
        change = self.world.change(plan)
        waiting = change.step or change.frontier
        return waiting is not None and waiting.name == subject

    def _approvals_end_in_a_run_or_a_reason(self) -> None:
        newest = {_subject(i): i for i in self.world.instances.values()}
        for instance in newest.values():
            if instance.status is not InstanceStatus.APPROVED or instance.reverted:
                continue
            print_, subject = instance.request.form[-1].text("en-US").split(" ")[0], _subject(instance)
            if not self._waits(subject) or self.world.fingerprint_of(subject) != print_:
                continue
            entry = self.ledger.tables.entries.get(subject)
            if entry is None and self._was_restored and self.loop.gate is None:
                continue  # a lost ledger loses history: of what no gate holds any more, nobody needs to be told
            if entry is None or entry.reason.code in ("waiting", "asked", "running"):
                shown = entry.reason if entry else None
                raise BrokenInvariant(
                    f"3: {instance.code} is approved, current, and neither run nor explained: {shown}"
                )

    def _every_waiting_stage_is_explained(self) -> None:
        for plan in self.world.plans.values():
            if not (plan.exists and plan.is_active):
                continue
            change = self.world.change(plan)
            frontier = change.step or change.frontier
            if (
                frontier is None
                or self.loop.gate is None
                or any(t.status not in _RUNNABLE for t in frontier.tasks if t.status not in _DONE)
            ):
                continue
            entry = self.ledger.tables.entries.get(frontier.name)
            if entry is None or entry.reason.code == "waiting":
                raise BrokenInvariant(f"8: {frontier.name} waits without a reason: {entry}")
            if entry.state is EntryState.CLOSED:
                raise BrokenInvariant(f"8: {frontier.name} waits but its question is closed: {entry.reason}")
            if plan.issue is not None:
                texts = [c.text for c in self.world.issue_comments.get(plan.issue, []) if c.creator == OWN]
                if not any("reconciler:status:" in text for text in texts):
                    raise BrokenInvariant(f"8: nothing is said on {plan.issue}")


def _subject(instance: SimInstance) -> str:
    """The subject that a request's digest names."""
    return instance.request.form[-1].text("en-US").split(" ")[1].rpartition("#")[0].removeprefix("acme/")


def _place(subject: str) -> str:
    """Whose rights decide a subject: an environment's, or those of the step's role."""
    step = step_of(subject)
    return FLOW[step[1]] if step is not None else subject.rsplit("/", 1)[-1]


_ONE_MOMENT = frozenset({"run.before", "answer.before", "observe.after"})
"""Between the last look and the run nobody can close the window from outside (facts §8.4); elsewhere anyone may act."""
_RUNNABLE = (TaskStatus.NOT_STARTED, TaskStatus.FAILED, TaskStatus.CANCELED)
_DONE = (TaskStatus.DONE, TaskStatus.SKIPPED)


# --- what people and upstreams can do ------------------------------------------------------------------------------
def _plan(sim: Simulation) -> SimPlan:
    return sim.choices.choice(list(sim.world.plans.values()))


def arrive(sim: Simulation) -> None:
    if len(sim.world.plans) < 4:
        sim.world.new_change(
            creator=sim.choices.choice((ALICE, BOB)),
            tasks=sim.choices.choice((1, 2, 3)),
            with_issue=sim.choices.random() < 0.8,
            reviewed=sim.choices.random() < 0.4,
        )


def approve(sim: Simulation) -> None:
    if pending := sim.world.pending():
        sim.world.decide(sim.choices.choice(pending), sim.choices.choice(APPROVERS), approve=True)


def approve_any(sim: Simulation) -> None:
    for instance in sim.world.pending():
        for person in APPROVERS:
            if sim.world.decide(instance, person, approve=True):
                return


def reject(sim: Simulation) -> None:
    if pending := sim.world.pending():
        sim.world.decide(
            sim.choices.choice(pending), sim.choices.choice(APPROVERS), approve=False, comment="no <at all>"
        )


def transfer(sim: Simulation) -> None:
    if pending := sim.world.pending():
        sim.world.transfer(sim.choices.choice(pending), sim.choices.choice(APPROVERS), sim.choices.choice(PEOPLE))


def pass_automatically(sim: Simulation) -> None:
    if (pending := sim.world.pending()) and sim.choices.random() < 0.3:
        sim.world.auto_pass(sim.choices.choice(pending))


def withdraw_as_person(sim: Simulation) -> None:
    if pending := sim.world.pending():
        sim.world.end(sim.choices.choice(pending), InstanceStatus.CANCELED)


def revoke(sim: Simulation) -> None:
    approved = [i for i in sim.world.instances.values() if i.status is InstanceStatus.APPROVED]
    if approved and sim.choices.random() < 0.3:
        sim.world.end(sim.choices.choice(approved), InstanceStatus.CANCELED, reverted=True)


def forge_form(sim: Simulation) -> None:
    if (pending := sim.world.pending()) and sim.choices.random() < 0.3:
        sim.choices.choice(pending).forge()


def delete_definition(sim: Simulation) -> None:
    if (pending := sim.world.pending()) and sim.choices.random() < 0.2:
        sim.world.end(sim.choices.choice(pending), InstanceStatus.DELETED)


def run_by_hand(sim: Simulation) -> None:
    plan = _plan(sim)
    if plan.stages and sim.choices.random() < 0.4:
        sim.world.start(plan.stages[sim.choices.choice(list(plan.stages))], DAVE)


def progress(sim: Simulation) -> None:
    plan = _plan(sim)
    status = sim.choices.choice(
        (TaskStatus.RUNNING, TaskStatus.DONE, TaskStatus.DONE, TaskStatus.FAILED, TaskStatus.CANCELED)
    )
    for tasks in plan.stages.values():
        for task in tasks:
            sim.world.finish(task, status)


def skip(sim: Simulation) -> None:
    plan = _plan(sim)
    if plan.stages and sim.choices.random() < 0.4:
        tasks = plan.stages[sim.choices.choice(list(plan.stages))]
        task = sim.choices.choice(tasks)
        if task.status in _RUNNABLE:
            task.status = TaskStatus.SKIPPED


def add_task(sim: Simulation) -> None:
    plan = _plan(sim)
    if sim.choices.random() < 0.4:
        sim.world.add_task(plan, sim.choices.choice(sim.world.environments))


def close_or_reopen_plan(sim: Simulation) -> None:
    if sim.choices.random() < 0.3:
        plan = _plan(sim)
        plan.is_active = not plan.is_active


def delete_plan(sim: Simulation) -> None:
    if sim.choices.random() < 0.05:
        _plan(sim).exists = False


def change_roles(sim: Simulation) -> None:
    people = sim.world.entitled[sim.choices.choice(("test", "prod", *FLOW))]
    person = sim.choices.choice(APPROVERS)
    people.symmetric_difference_update({person})
    sim.world.note_entitled()


def hide_directory(sim: Simulation) -> None:
    sim.world.hidden = set() if sim.world.hidden else set(sim.choices.choice((PEOPLE, (BOB,), (DAVE, ERIN))))


def replace_definition(sim: Simulation) -> None:
    if sim.choices.random() < 0.2:
        sim.world.definition_code = "DEF-2" if sim.world.definition_code == "DEF-1" else "DEF-1"


def toggle_definition(sim: Simulation) -> None:
    if sim.choices.random() < 0.3:
        sim.world.definition_problem = "" if sim.world.definition_problem else "it is not active"


def change_checks(sim: Simulation) -> None:
    _plan(sim).checks = sim.choices.choice(
        (CheckStatus.SUCCESS, CheckStatus.SUCCESS, CheckStatus.ERROR, CheckStatus.RUNNING)
    )


def review(sim: Simulation) -> None:
    passed = (ReviewStatus.APPROVED, ReviewStatus.SKIPPED)
    _plan(sim).review = sim.choices.choice((*passed, *passed, ReviewStatus.PENDING, ReviewStatus.REJECTED))


def answer_by_hand(sim: Simulation) -> None:
    under = _plan(sim).under_review
    if under is not None and under.pending is not None and sim.choices.random() < 0.3:
        under.answer(sim.choices.choice(APPROVERS), approve=sim.choices.random() < 0.6, text="by hand")
        for plan in sim.world.plans.values():
            sim.world.end_review(plan)


def request_again(sim: Simulation) -> None:
    under = _plan(sim).under_review
    if under is not None and under.is_rejected:
        under.answers.pop()


def write_statements_anew(sim: Simulation) -> None:
    under = _plan(sim).under_review
    if under is not None and sim.choices.random() < 0.3:
        under.reset(sim.choices.choice((under.sheets, [sim.world.new_sheet()])))


def find_flow(sim: Simulation) -> None:
    under = _plan(sim).under_review
    if under is not None:
        if not under.is_checking:
            under.reset(under.sheets)
        under.is_checking = not under.is_checking


def toggle_automatic(sim: Simulation) -> None:
    if sim.choices.random() < 0.2:
        sim.world.automatic.symmetric_difference_update({sim.choices.choice(("test", "prod"))})


def ring(sim: Simulation) -> None:
    plan = _plan(sim)
    if plan.issue is not None:
        text = sim.choices.choice(("/feishu", "/feishu\nplease", "please /feishu", "/feishu"))
        sim.world.say(plan.issue, sim.choices.choice((plan.creator, BOB, "stranger@example.com")), text)


def request(sim: Simulation) -> None:
    change = sim.world.change(_plan(sim))
    frontier = change.step or change.frontier
    if frontier is not None:
        sim.wishes += 1
        sim.typed.append(Wish(f"cli-{sim.wishes}", frontier.name, "cli", ALICE, sim.world.now))


def reorder_environments(sim: Simulation) -> None:
    if sim.choices.random() < 0.1:
        sim.world.environments.reverse()


def drop_environment(sim: Simulation) -> None:
    if sim.choices.random() < 0.1:
        sim.world.environments = ["prod"] if len(sim.world.environments) == 2 else ["test", "prod"]


def toggle_gate(sim: Simulation) -> None:
    if sim.choices.random() < 0.2:
        sim.loop.review_gate = None if sim.loop.gate is not None else REVIEW_GATE
        sim.loop.set_gate(None if sim.loop.gate is not None else GATE)


def forbid_withdrawal(sim: Simulation) -> None:
    if sim.choices.random() < 0.05:
        sim.world.withdrawal_allowed = not sim.world.withdrawal_allowed


def let_time_pass(sim: Simulation) -> None:
    seconds = sim.choices.choice((30, 90, 600, 3 * 3600, 5 * 3600, 26 * 3600, 4 * 86400))
    sim.world.now += timedelta(seconds=seconds)


def skew_clock(sim: Simulation) -> None:
    sim.world.clock_skew = 0.0 if sim.world.clock_skew else 90.0


def copy_ledger(sim: Simulation) -> None:
    sim.copies.append(sim.ledger.copy())


def restore_ledger(sim: Simulation) -> None:
    if sim.choices.random() < 0.15:
        sim._was_restored = True
        sim._was_void = sim._voided()
        sim.ledger.restore(sim.choices.choice(sim.copies))
        sim.loop.restart()


def lose_ledger(sim: Simulation) -> None:
    if sim.choices.random() < 0.1:
        sim._was_restored = True
        sim._was_void = sim._voided()
        sim.ledger.lose()
        sim.loop.restart()
        sim.must_adopt = True


def restart(sim: Simulation) -> None:
    sim.loop.restart()


ACTIONS: tuple[Callable[[Simulation], None], ...] = (
    arrive, approve, approve_any, approve_any, reject, transfer, pass_automatically, withdraw_as_person, revoke, forge_form,
    delete_definition, run_by_hand, progress, progress, progress, skip, add_task, close_or_reopen_plan, delete_plan,
    change_roles, hide_directory, replace_definition, toggle_definition, change_checks, review, toggle_automatic, ring,
    request, answer_by_hand, request_again, write_statements_anew, find_flow,
    reorder_environments, drop_environment, forbid_withdrawal, let_time_pass, let_time_pass, skew_clock,
)  # fmt: skip
BETWEEN_PASSES = (toggle_gate, copy_ledger, restore_ledger, lose_ledger, restart)


def play(
    seed: int,
    *,
    steps: int = 80,
    calm_every: int = 20,
    rates: Rates | None = None,
    ledger: MemoryLedger | None = None,
) -> Simulation:
    """Play one seed; the trail of a broken invariant tells what led to it."""
    import random

    sim = Simulation(random.Random(seed), rates=rates, ledger=ledger)
    try:
        for number in range(steps):
            sim.step()
            if number % calm_every == calm_every - 1:
                sim.calm()
    except BrokenInvariant as broken:
        tail = "\n".join(sim.trail[-60:])
        raise BrokenInvariant(f"seed {seed}: {broken}\n{tail}") from None
    return sim
