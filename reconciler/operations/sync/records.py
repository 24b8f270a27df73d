"""Builds what a pass records: the entry's next state, its history row, and the messages that follow from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from reconciler.ids import root_of, step_of
from reconciler.operations.sync.settings import SyncSettings
from reconciler.subjects.entry import Entry, EntryState, HistoryRow, LedgerChange, OutboxItem, OutboxKind, Reason
from reconciler.subjects.gate import node_of
from reconciler.subjects.instance import InstanceRequest
from reconciler.sync.messages import Texts, instance_texts, issue_texts
from reconciler.sync.observation import Observation
from reconciler.sync.reasons import reason


@dataclass(frozen=True, slots=True)
class Records:
    """Makes ledger changes for one observation; all texts come from reasons, all marks from stable names.

    `is_probed`: the subject's slots were looked at in this pass and are free.
    """

    seen: Observation
    settings: SyncSettings
    fingerprint: str
    is_probed: bool = False

    def blank(self, state: EntryState, why: Reason) -> Entry:
        """A first entry for this subject, or the present one with its state and reason renewed."""
        entry, now = self.seen.entry, self.seen.now
        if entry is None:
            entry = Entry(subject=self.seen.subject, generation=0, state=state, gate="", reason=why, since=now)
        return self.moved(entry, state, why)

    def moved(self, entry: Entry, state: EntryState, why: Reason) -> Entry:
        """The entry in another state; `since` starts anew when state or reason code changed."""
        seen = self.seen
        unchanged = entry.state is state and entry.reason.code == why.code
        stage, change = seen.stage, seen.change
        stages = entry.stages
        if change is not None and stage is not None and change.frontier == stage:
            names = [each.name for each in change.stages]
            stages = tuple(names[: names.index(stage.name) + 1])
        return replace(
            entry,
            state=state,
            reason=why,
            since=entry.since if unchanged else seen.now,
            gate=seen.gate.name if seen.gate is not None else entry.gate,
            spec_digest=self.settings.spec_digest,
            issue=change.issue.name if change is not None and change.issue is not None else entry.issue,
            title=change.display_title if change is not None else entry.title,
            stages=stages,
            unfinished=is_unfinished(self.seen, entry),
            probed=entry.probed or self.is_probed,
        )

    def waits_again(self, entry: Entry) -> Entry | None:
        """The entry shown as asked once more, where what held its pending request is over; None where nothing did."""
        if entry.state is not EntryState.ASKED or entry.request is None:
            return None
        again = self.moved(entry, EntryState.ASKED, asked_reason(entry.request))
        return None if again.reason == entry.reason else again

    def row(
        self, entry: Entry, decision: str, why: Reason, *, actor: str = "", evidence: Iterable[tuple[str, str]] = ()
    ) -> HistoryRow:
        """A history row about this entry."""
        return HistoryRow(
            time=self.seen.now,
            subject=entry.subject,
            generation=entry.generation,
            decision=decision,
            reason=why,
            actor=actor,
            instance=entry.instance or "",
            fingerprint=entry.fingerprint or self.fingerprint,
            spec_digest=self.settings.spec_digest,
            gate=entry.gate,
            evidence=tuple(evidence),
        )

    def change(self, entry: Entry, decision: str, *messages: OutboxItem | None, **about: object) -> LedgerChange:
        """A ledger change of entry, one history row, and the messages that are not None. `about`: actor, evidence, wishes."""
        actor = str(about.get("actor", ""))
        evidence = about.get("evidence", ())
        wishes = about.get("wishes", ())
        row = self.row(entry, decision, entry.reason, actor=actor, evidence=_pairs(evidence))
        return LedgerChange(
            entry=entry,
            history=(row,),
            outbox=tuple(message for message in messages if message is not None),
            wishes_done=_pairs(wishes),
        )

    def status_comment(self, entry: Entry) -> OutboxItem | None:
        """The one comment per issue that says how its frontier stands; None without an issue."""
        if not entry.issue:
            return None
        texts = issue_texts(entry.subject, entry.reason, link=entry.link)
        root = self.seen.change.plan if self.seen.change is not None else root_of(entry.subject)
        return self._message(f"status:{root}", OutboxKind.STATUS_COMMENT, entry.issue, texts)

    def issue_comment(self, entry: Entry, mark: str, why: Reason, details: Iterable[str] = ()) -> OutboxItem | None:
        """A comment of its own on the issue; None without an issue."""
        if not entry.issue:
            return None
        texts = issue_texts(entry.subject, why, link=entry.link, details=details)
        return self._message(f"issue-{mark}:{self._slot(entry)}", OutboxKind.ISSUE_COMMENT, entry.issue, texts)

    def instance_comment(self, entry: Entry, mark: str, why: Reason) -> OutboxItem | None:
        """A comment on the instance in both languages; None while no instance is known."""
        if entry.instance is None:
            return None
        texts = instance_texts(why)
        return self._message(f"instance-{mark}:{self._slot(entry)}", OutboxKind.INSTANCE_COMMENT, entry.instance, texts)

    def cards(self, entry: Entry, event: str, why: Reason) -> tuple[OutboxItem, ...]:
        """Cards for everybody whom the spec's `notify` names for this event."""
        items = []
        texts = instance_texts(why)
        for rule in self.settings.notify:
            if event not in rule.when:
                continue
            for receiver in self._receivers(rule.to):
                mark = f"card-{event}:{receiver}:{self._slot(entry)}"
                items.append(self._message(mark, OutboxKind.CARD, receiver, texts, link=entry.link))
        return tuple(items)

    def answers(self, answer: str) -> tuple[tuple[str, str], ...]:
        """Every waiting wish of the subject with the same answer."""
        return tuple((wish.id, answer) for wish in self.seen.wishes)

    def answer_comments(self, entry: Entry, why: Reason) -> tuple[OutboxItem, ...]:
        """A comment under each command that came from the issue, saying what really happened."""
        if not entry.issue:
            return ()
        texts = issue_texts(entry.subject, why, link=entry.link)
        return tuple(
            self._message(f"answer:{wish.source}", OutboxKind.ISSUE_COMMENT, entry.issue, texts)
            for wish in self.seen.wishes
            if wish.source.startswith("projects/")
        )

    def _receivers(self, to: str) -> tuple[str, ...]:
        if to != "requester":
            return (to,)
        seen = self.seen
        if seen.change is None or seen.resolution is None:
            return ()
        found = seen.resolution.found
        return tuple(sorted({found[email] for email in seen.change.requesters if email in found}))

    def _slot(self, entry: Entry) -> str:
        return entry.request.uuid if entry.request is not None else f"{entry.subject}#{entry.generation}"

    def _message(self, mark: str, kind: OutboxKind, to: str, texts: Texts, *, link: str = "") -> OutboxItem:
        return OutboxItem(mark=mark, kind=kind, to=to, texts=texts, subject=self.seen.subject, link=link)


def is_unfinished(seen: Observation, entry: Entry) -> bool:
    """Whether the stage has tasks left: what disappears with them is missed. A review step leaves nothing behind."""
    if step_of(seen.subject) is not None:
        return False
    return not seen.stage.is_finished if seen.stage is not None else entry.unfinished


def asked_reason(request: InstanceRequest) -> Reason:
    """Whom the request asks. A node asks its own people, whoever is entitled here."""
    if (node := node_of(request.definition_code)) is not None:
        return reason("askedNode", node=node)
    return reason("asked", who=", ".join(person.email for person in request.approvers))


def _pairs(value: object) -> tuple[tuple[str, str], ...]:
    return tuple(value) if isinstance(value, tuple) else ()
