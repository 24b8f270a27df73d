"""Closing, telling, holding and reminding: what is recorded and said when nothing is sent and nothing is run."""

from __future__ import annotations

from dataclasses import replace

from reconciler.operations.sync.acts import spent_reason
from reconciler.operations.sync.records import Records, is_unfinished
from reconciler.operations.sync.run import failures
from reconciler.operations.sync.settings import PassResult, SyncPorts
from reconciler.subjects.entry import Entry, EntryState, LedgerChange, OutboxItem, Reason
from reconciler.subjects.gate import node_of
from reconciler.subjects.instance import Instance, InstanceStatus
from reconciler.sync.assess import Assessment
from reconciler.sync.decisions import Cause, Close, Hold, Outcome, Remind, Tell
from reconciler.sync.foreign import one_line
from reconciler.sync.messages import both, instance_texts
from reconciler.sync.observation import Observation
from reconciler.sync.reasons import reason
from reconciler.sync.situation import Worth
from reconciler.sync.verdict import NotVerified

SOON, LATER, SELDOM = 60.0, 300.0, 900.0
HOLD_AGAIN = {8: SOON, 12: SOON, 9: LATER, 10: LATER}
"""Seconds until a held subject is looked at by itself, by row: an approval is waited for more closely than a policy.
Whatever changes in between wakes it: discovery, an event, a wish."""
_ANSWER_EVENTS = {Outcome.REJECTED: "REJECT", Outcome.SENT_BACK: "ROLLBACK", Outcome.WITHDRAWN: "CANCEL"}


class Concluder:
    """Records the ends and the pauses of a question, and tells people once."""

    def __init__(self, ports: SyncPorts) -> None:
        self._ports = ports

    async def close(self, seen: Observation, judged: Assessment, records: Records, decision: Close) -> PassResult:
        """End the present question with what there is to say about it; does nothing where nothing is open."""
        entry = seen.entry
        if entry is None or (entry.state is EntryState.CLOSED and entry.unfinished == is_unfinished(seen, entry)):
            return PassResult()
        spent = entry.spent or judged.situation.worth is Worth.SPENT
        approved = seen.instance is not None and seen.instance.status is InstanceStatus.APPROVED
        why = _closing_reason(decision, judged, seen, spent=spent)
        messages: list[OutboxItem | None] = []
        if approved and not spent and decision.cause in (Cause.ENDED, Cause.CONTENT, Cause.DEFINITION):
            ended = reason("approvedButEnded", why=judged.stand_reason.text)
            moot = ended if decision.cause is Cause.ENDED else reason("approvedButChanged")
            messages.append(records.instance_comment(entry, moot.code, moot))
        if spent and seen.instance is not None and seen.instance.is_reverted:
            messages.append(records.issue_comment(entry, "revoked", reason("revokedAfterRun")))
        if spent and (failed := failures(seen)):
            messages.append(records.issue_comment(entry, "failed", reason("runFailed", why=failed)))
            messages += records.cards(entry, "failed", reason("runFailed", why=failed))
        closed = replace(records.moved(entry, EntryState.CLOSED, why), spent=spent, since=seen.now)
        if entry.state is not EntryState.CLOSED and not _next_frontier(seen):
            messages.append(records.status_comment(closed))
        await self._ports.ledger.commit(records.change(closed, "closed", *messages, actor=", ".join(entry.actors)))
        return PassResult(again_after=None if decision.cause is Cause.ENDED else 0.0, wake=_next_frontier(seen))

    async def tell(self, seen: Observation, records: Records, decision: Tell) -> Entry:
        """Say once how the question was answered, with the person and the reason he typed; the entry that says so."""
        entry, instance = seen.entry, seen.instance
        if entry is None or instance is None:
            raise AssertionError("only an answered request is told of")
        if entry.outcome == decision.outcome.value:
            return entry
        who, comment = _who(seen, instance, decision.outcome)
        why = _outcome_reason(decision.outcome, who, comment, node=node_of(instance.definition_code))
        told = replace(records.moved(entry, EntryState.ASKED, why), outcome=decision.outcome.value)
        messages = [records.issue_comment(told, decision.outcome.value, why), records.status_comment(told)]
        cards = records.cards(told, "rejected", why) if decision.outcome is Outcome.REJECTED else ()
        told = replace(told, actors=(who,) if who else ())
        await self._ports.ledger.commit(records.change(told, decision.outcome.value, *messages, *cards, actor=who))
        return told

    async def hold(self, seen: Observation, judged: Assessment, records: Records, decision: Hold) -> PassResult:
        """Show why nothing happens: in the entry, in the one comment, and as the answer to whoever asked."""
        why = hold_reason(seen, judged, decision)
        entry = seen.entry
        live = entry is not None and entry.state not in (EntryState.HELD, EntryState.CLOSED)
        state = entry.state if entry is not None and live else EntryState.HELD
        held = records.moved(entry, state, why) if entry is not None else records.blank(state, why)
        if decision.row in (8, 12):
            held = replace(held, outcome="approved")
        known = entry is not None and entry.state is state and entry.reason == why
        answers = records.answers(why.text)
        if known and not answers:
            if entry is not None and held.probed != entry.probed:
                await self._ports.ledger.commit(LedgerChange(entry=replace(entry, probed=True)))
            return PassResult(again_after=HOLD_AGAIN.get(decision.row, SELDOM))
        messages: list[OutboxItem | None] = [*records.answer_comments(held, why)]
        if not known:
            messages += [records.status_comment(held), *records.cards(held, "held", why)]
        change = records.change(held, f"held:{decision.row}", *messages, wishes=answers)
        await self._ports.ledger.commit(change)
        return PassResult(again_after=HOLD_AGAIN.get(decision.row, SELDOM))

    async def remind(self, seen: Observation, records: Records, decision: Remind) -> PassResult:
        """Remind the approvers, record that it was done, and answer whoever asked for it."""
        entry, instance = seen.entry, seen.instance
        if entry is None or instance is None:
            raise AssertionError("only a pending request is reminded of")
        mark = f"remind:{instance.uuid}:{int(seen.now.timestamp())}"
        text = both(instance_texts(entry.reason))
        how = await self._ports.approvals.remind(instance, mark=mark, text=text, link=entry.link)
        reminded = replace(entry, reminded_at=seen.now)
        answer = f"the approvers were reminded ({how})"
        why = Reason("reminded", answer, f"已提醒审批人({how})")
        messages = records.answer_comments(entry, why) if decision.asked else ()
        row = records.row(reminded, "reminded", why)
        await self._ports.ledger.commit(
            LedgerChange(entry=reminded, history=(row,), outbox=messages, wishes_done=records.answers(answer))
        )
        return PassResult()


def hold_reason(seen: Observation, judged: Assessment, decision: Hold) -> Reason:
    """The sentence behind a hold, by its row."""
    match decision.row:
        case 2:
            return reason("void")
        case 8 | 9 | 10:
            return judged.blocked_by.reason if judged.blocked_by is not None else reason("waiting")
        case 16:
            return judged.quiet_reason if judged.quiet_reason is not None else reason("waiting")
        case _:
            return _worthless(seen, judged)


def _worthless(seen: Observation, judged: Assessment) -> Reason:
    match judged.situation.worth:
        case Worth.SPENT:
            return reason("approvalSpent")
        case Worth.OLD:
            hours = seen.gate.approval_valid_for.total_seconds() / 3600 if seen.gate is not None else 0
            return reason("approvalOld", hours=f"{hours:g}")
        case _:
            why = judged.verdict.why if isinstance(judged.verdict, NotVerified) else "it could not be verified"
            return reason("unverified", why=why)


def _closing_reason(decision: Close, judged: Assessment, seen: Observation, *, spent: bool) -> Reason:
    match decision.cause:
        case Cause.ENDED if spent and seen.entry is not None:
            return spent_reason(seen.entry)
        case Cause.ENDED:
            return judged.stand_reason
        case Cause.CONTENT if spent and seen.stage is not None:
            return reason("runFailed", why=failures(seen)) if failures(seen) else reason("contentChanged")
        case _:
            return reason(decision.cause.value)


def _outcome_reason(outcome: Outcome, who: str, comment: str, *, node: str | None) -> Reason:
    match outcome:
        case Outcome.REJECTED | Outcome.SENT_BACK:
            return reason(outcome.value, who=who, comment=comment or "-")
        case Outcome.WITHDRAWN if node is not None:
            return reason("withdrawnAtNode")
        case _:
            return reason(outcome.value)


def _who(seen: Observation, instance: Instance, outcome: Outcome) -> tuple[str, str]:
    events = [event for event in instance.timeline if event.type.startswith(_ANSWER_EVENTS.get(outcome, "\0"))]
    if not events:
        node = node_of(instance.definition_code)
        return (f"the external node {node}", "") if node is not None else ("", "")
    last = events[-1]
    emails = {
        person.open_id: person.email
        for person in (seen.entry.request.approvers if seen.entry and seen.entry.request else ())
    }
    emails |= {open_id: email for email, open_id in seen.resolved.items()}
    return emails.get(last.open_id, last.open_id), one_line(last.comment, 1_000)


def _next_frontier(seen: Observation) -> tuple[str, ...]:
    if seen.change is None or not seen.change.is_active:
        return ()
    frontier = seen.change.frontier
    return (frontier.name,) if frontier is not None and frontier.name != seen.subject else ()
