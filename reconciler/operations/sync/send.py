"""Sending: intent first, then the create, then evidence. A slot's uuid makes a second request impossible."""

from __future__ import annotations

from dataclasses import replace

from reconciler.errors import ConflictError, ReconcilerError, ThrottledError, UnavailableError
from reconciler.ids import slot_uuid
from reconciler.operations.sync.records import Records, asked_reason
from reconciler.operations.sync.settings import PassResult, SyncPorts, SyncSettings
from reconciler.subjects.entry import Entry, EntryState, LedgerChange, OutboxItem
from reconciler.subjects.instance import AskedPerson, Dialect, FieldText, InstanceRequest
from reconciler.sync.assess import Assessment
from reconciler.sync.brief import node_brief
from reconciler.sync.fingerprint import digest_text
from reconciler.sync.form import FormFacts, render_form, render_title
from reconciler.sync.observation import Observation
from reconciler.sync.reasons import reason


class Sender:
    """Creates the request of the next slot for a waiting stage."""

    def __init__(self, ports: SyncPorts, settings: SyncSettings) -> None:
        self._ports = ports
        self._settings = settings

    async def send(self, seen: Observation, judged: Assessment, records: Records) -> PassResult:
        """Store the intent, create, and record the instance. A lost answer leaves INTENDED, which the next pass recovers."""
        held = records.blank(EntryState.INTENDED, reason("waiting"))
        generation = held.next_generation
        request = await self.request_for(seen, judged.fingerprint, generation)
        intended = replace(
            held,
            generation=generation,
            request=request,
            instance=None,
            link="",
            fingerprint=judged.fingerprint,
            entitled=seen.approvers,
            asked_at=None,
            answered_at=None,
            loss_since=None,
            crossed=False,
            run_tasks=(),
            run_at=None,
            spent=False,
            outcome="",
            reminded_at=None,
            actors=(),
            attempts=held.attempts + 1 if held.state is EntryState.INTENDED and held.request is not None else 1,
        )
        await self._ports.ledger.commit(records.change(intended, "intended"))
        try:
            code = await self._ports.approvals.create(request)
        except ConflictError:
            return PassResult(again_after=0.0)  # the slot is taken: the next pass reads whose it is
        except (UnavailableError, ThrottledError) as error:
            # It may exist: the next pass reads the slot, after the usual back-off. A node cannot tell what it was asked,
            # so what certainly did not arrive is taken back.
            if request.brief is not None and not _may_have_arrived(error):
                unasked = replace(records.moved(intended, EntryState.HELD, reason("waiting")), request=None)
                await self._ports.ledger.commit(LedgerChange(entry=unasked))
            raise
        except ReconcilerError as error:
            why = reason("brokenUpstream", why=str(error))
            refused = replace(intended, state=EntryState.HELD, reason=why, request=None, fingerprint="")
            await self._ports.ledger.commit(records.change(refused, "refused", records.status_comment(refused)))
            return PassResult(again_after=60.0)
        await self.record_asked(intended, code, records)
        return PassResult()

    async def record_asked(self, intended: Entry, code: str, records: Records) -> Entry:
        """The instance is known to exist: record it and tell those who asked."""
        if intended.request is None:
            raise AssertionError("an instance without a request")
        why = asked_reason(intended.request)
        asked = replace(
            records.moved(intended, EntryState.ASKED, why),
            instance=code,
            link=self._ports.approvals.link(code),
            asked_at=records.seen.now,
            attempts=0,
        )
        messages: list[OutboxItem | None] = [records.status_comment(asked)]
        messages += records.answer_comments(asked, why)
        messages += records.cards(asked, "asked", why)
        evidence = (
            ("digest", _digest(intended)),
            ("approvers", ", ".join(person.email for person in intended.request.approvers)),
        )
        change = records.change(asked, "asked", *messages, evidence=evidence, wishes=records.answers(why.text))
        await self._ports.ledger.commit(change)
        return asked

    async def request_for(self, seen: Observation, fingerprint: str, generation: int) -> InstanceRequest:
        """The request of one slot for what is observed: who is asked, by whom, and the whole form."""
        change, question, definition = seen.change, seen.question, seen.definition
        if change is None or question is None or definition is None:
            raise AssertionError("only a waiting stage with a definition is sent")
        settings = self._settings
        statements = await self._ports.subjects.statements(change, question)
        digest = digest_text(fingerprint, settings.integration, question.name, generation)
        facts = FormFacts(change, question, statements, digest)
        return InstanceRequest(
            uuid=slot_uuid(settings.identity, settings.integration, question.name, generation),
            definition_code=definition.code,
            node_key=definition.node_key,
            submitter=await self._submitter(seen),
            approvers=tuple(AskedPerson(email, open_id) for email, open_id in seen.resolved.items()),
            title=render_title(facts),
            form=_mapped(render_form(facts), dict(definition.widgets)),
            brief=node_brief(facts) if definition.dialect is not Dialect.FEISHU else None,
        )

    async def _submitter(self, seen: Observation) -> str:
        change = seen.change
        found = seen.resolution.found if seen.resolution is not None else {}
        if change is not None:
            creator = change.issue.creator if change.issue is not None else change.creator
            for email in (creator, *sorted(change.requesters)):
                if email in found:
                    return found[email]
        if seen.gate is not None and seen.gate.external_node is not None:
            return ""
        return await self._ports.approvals.bot()


def _may_have_arrived(error: UnavailableError | ThrottledError) -> bool:
    return isinstance(error, UnavailableError) and error.ambiguous


def _mapped(form: tuple[FieldText, ...], widgets: dict[str, str]) -> tuple[FieldText, ...]:
    """The form under the widget ids of an adopted definition; fields that it does not map are left out."""
    if not widgets:
        return form
    return tuple(replace(field, id=widgets[field.id]) for field in form if field.id in widgets)


def _digest(entry: Entry) -> str:
    return entry.request.form[-1].text("en-US") if entry.request is not None else ""
