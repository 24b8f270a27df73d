"""One pass per key at a time, and exactly one more for any number of wake-ups during a pass."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from reconciler.daemon.schedule import Schedule


def test_a_wake_up_during_a_pass_gives_exactly_one_more() -> None:
    schedule: Schedule[str] = Schedule()
    schedule.wake("a")
    assert schedule.take(0) == "a"
    for _ in range(3):
        schedule.wake("a")
    assert schedule.take(0) is None
    schedule.finish("a", again_at=None)
    assert schedule.take(0) == "a"
    schedule.finish("a", again_at=None)
    assert schedule.take(0) is None


def test_a_wake_up_overrides_a_later_look() -> None:
    schedule: Schedule[str] = Schedule()
    schedule.wake("a")
    schedule.take(0)
    schedule.finish("a", again_at=100)
    schedule.wake("a")
    assert schedule.take(1) == "a"
    schedule.finish("a", again_at=None)
    assert schedule.take(1_000) is None
    assert schedule.next_due() is None


def test_a_wake_up_during_a_pass_replaces_the_later_look_it_asks_for() -> None:
    schedule: Schedule[str] = Schedule()
    schedule.wake("a")
    schedule.take(0)
    schedule.wake("a")
    schedule.finish("a", again_at=50)
    assert schedule.take(0) == "a"
    schedule.finish("a", again_at=None)
    assert schedule.take(100) is None


def test_a_later_look_comes_at_its_time() -> None:
    schedule: Schedule[str] = Schedule()
    for key, at in (("late", 20.0), ("early", 10.0)):
        schedule.wake(key)
        schedule.take(0)
        schedule.finish(key, again_at=at)
    assert schedule.next_due() == 10
    assert schedule.take(9.9) is None
    assert schedule.take(20) == "early"
    assert schedule.take(20) == "late"


KEYS = st.sampled_from("abc")


class ScheduleModel(RuleBasedStateMachine):
    """The same operations on the schedule and on sets that say what must hold."""

    def __init__(self) -> None:
        super().__init__()
        self.schedule: Schedule[str] = Schedule()
        self.now = 0.0
        self.ready: list[str] = []
        self.running: set[str] = set()
        self.owed: set[str] = set()
        self.due: dict[str, float] = {}

    @rule(key=KEYS)
    def wake(self, key: str) -> None:
        self.schedule.wake(key)
        self._wake(key)

    @rule()
    def take(self) -> None:
        for key in sorted((key for key, at in self.due.items() if at <= self.now), key=lambda key: self.due[key]):
            self._wake(key)
        taken = self.schedule.take(self.now)
        if not self.ready:
            assert taken is None
            return
        assert taken in self.ready
        assert taken not in self.running
        self.ready.remove(taken)
        self.running.add(taken)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), after=st.none() | st.sampled_from([0.0, 1.0, 7.0]))
    def finish(self, data: st.DataObject, after: float | None) -> None:
        key = data.draw(st.sampled_from(sorted(self.running)))
        self.schedule.finish(key, again_at=None if after is None else self.now + after)
        self.running.remove(key)
        if key in self.owed:
            self.owed.remove(key)
            self._wake(key)
        elif after is not None:
            self.due[key] = self.now + after

    @rule(seconds=st.sampled_from([0.5, 3.0, 10.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def numbers_agree(self) -> None:
        assert self.schedule.ready == len(self.ready)
        assert self.schedule.running == len(self.running)
        assert self.schedule.delayed == len(self.due)
        assert self.schedule.next_due() == min(self.due.values(), default=None)

    def _wake(self, key: str) -> None:
        if key in self.running:
            self.owed.add(key)
        elif key not in self.ready:
            self.due.pop(key, None)
            self.ready.append(key)


ScheduleModel.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestScheduleModel = ScheduleModel.TestCase
