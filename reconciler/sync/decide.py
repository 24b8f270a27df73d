"""The decision table: one pure function from a situation to a decision. Rows are tried in order; every situation reaches one.

== ======================================== =========================== ===========================================
#  Subject or entry                          Instance                    Decision
== ======================================== =========================== ===========================================
1  a read failed, or an unknown status       any                         wait, back off
2  entry withdrawing                         any                         finish the withdrawal first
2  entry void                                any                         hold; when asked or after an hour: close
3  over                                      pending                     withdraw with the true reason
4  over                                      none, ended                 close
5  in flight, ours                           any                         wait
5  in flight, by someone else                pending                     withdraw, naming him
5  in flight, by someone else                any other                   wait
6  differs                                   pending                     withdraw; the next pass asks
7  differs in content or definition          ended                       close; the next pass asks
8  blocked                                   approved                    hold, never run
9  blocked: ground taken                     pending                     withdraw
9  blocked otherwise                         pending                     keep
10 blocked                                   none, ended                 hold with the reason
11 waiting, same                             approved and usable         run
12 waiting, same                             approved, not usable        hold; when asked: close
13 waiting, same                             rejected, sent back         tell and hold; when asked: close
14 waiting, same                             withdrawn, deleted, revoked tell and hold; when asked: close
15 waiting, same                             pending                     remind, expire, wait
16 waiting, quiet and not asked              none                        hold, say what to do
17 waiting                                   none                        send
== ======================================== =========================== ===========================================
"""

from __future__ import annotations

from typing import assert_never

from reconciler.sync.decisions import (
    Cause,
    Close,
    Decision,
    FinishWithdrawal,
    Hold,
    Outcome,
    Remind,
    Run,
    Send,
    Tell,
    Wait,
    Withdraw,
)
from reconciler.sync.situation import Answer, Blocked, Differs, Due, Phase, Reads, Situation, Stand, Worth

_CAUSE = {Differs.CONTENT: Cause.CONTENT, Differs.DEFINITION: Cause.DEFINITION, Differs.APPROVERS: Cause.APPROVERS}
_OUTCOME = {
    Answer.REJECTED: Outcome.REJECTED,
    Answer.SENT_BACK: Outcome.SENT_BACK,
    Answer.WITHDRAWN: Outcome.WITHDRAWN,
    Answer.DELETED: Outcome.DELETED,
    Answer.REVERTED: Outcome.REVERTED,
}
_STILL_OPEN = frozenset({Answer.PENDING, Answer.SENT_BACK})
"""Answers that Feishu still counts as pending: what ends a question must end these too."""


def decide(now: Situation) -> Decision:
    """Decide one subject. The same situation always gives the same decision; no clock, no state, no I/O."""
    if now.reads is Reads.FAILED:
        return Wait(1, backoff=True)
    if now.phase is Phase.WITHDRAWING:
        return FinishWithdrawal(2)
    if now.phase in (Phase.VOID, Phase.VOID_RIPE):
        return _void(now)
    match now.stand:
        case Stand.OVER:
            return Withdraw(3, Cause.ENDED) if now.answer in _STILL_OPEN else Close(4, Cause.ENDED)
        case Stand.IN_FLIGHT_OURS:
            return Wait(5)
        case Stand.IN_FLIGHT_OTHERS:
            return Withdraw(5, Cause.RUN_BY_HAND) if now.answer in _STILL_OPEN else Wait(5)
        case Stand.WAITING:
            return _waiting(now)
        case _:
            assert_never(now.stand)


def _void(now: Situation) -> Decision:
    if now.asked or now.phase is Phase.VOID_RIPE or now.stand is Stand.OVER:
        return Close(2, Cause.VOID_OVER)
    return Hold(2)


def _waiting(now: Situation) -> Decision:
    if now.differs is not Differs.NO and now.answer in _STILL_OPEN:
        return Withdraw(6, _CAUSE[now.differs])
    if now.differs in (Differs.CONTENT, Differs.DEFINITION) and now.answer is not Answer.NONE:
        return Close(7, _CAUSE[now.differs])
    if now.blocked is not Blocked.NO:
        return _blocked(now)
    match now.answer:
        case Answer.APPROVED:
            return _approved(now)
        case Answer.REJECTED | Answer.SENT_BACK:
            return _answered(now, row=13)
        case Answer.WITHDRAWN | Answer.DELETED | Answer.REVERTED:
            return _answered(now, row=14)
        case Answer.PENDING:
            return _pending(now)
        case Answer.NONE:
            return Hold(16) if now.quiet and not now.asked else Send(17)
        case _:
            assert_never(now.answer)


def _blocked(now: Situation) -> Decision:
    if now.answer is Answer.APPROVED:
        return Hold(8)
    if now.answer in _STILL_OPEN:
        return Withdraw(9, Cause.GROUND) if now.blocked is Blocked.GROUND else Hold(9)
    return Hold(10)


def _approved(now: Situation) -> Decision:
    if now.worth is Worth.USABLE:
        return Run(11)
    return Close(12, Cause.ASKED_AGAIN) if now.asked else Hold(12)


def _answered(now: Situation, *, row: int) -> Decision:
    if not now.asked:
        return Tell(row, _OUTCOME[now.answer])
    if now.answer is Answer.SENT_BACK:
        return Withdraw(row, Cause.ASKED_AGAIN)
    return Close(row, Cause.ASKED_AGAIN)


def _pending(now: Situation) -> Decision:
    if now.due is Due.EXPIRY:
        return Withdraw(15, Cause.EXPIRED)
    if now.asked:
        return Remind(15, asked=True)
    return Remind(15, asked=False) if now.due is Due.REMINDER else Wait(15)
