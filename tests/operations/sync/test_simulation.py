"""The gate loop under simulation: everything people and upstreams can do, faults at every await, invariants on the world's logs.

Every failure names its seed: `python -m pytest … --seed N` is not needed, `play(N)` in a shell replays it.
"""

from __future__ import annotations

import pytest
from fakes.mirrored_ledger import MirroredLedger
from fakes.simulation import ACTIONS, BETWEEN_PASSES, Simulation, play
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

STEPS_IN_CI = 10_000
STEPS_AT_NIGHT = 1_000_000
PER_SEED = 80


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("block", range(5))
def test_ten_thousand_steps_break_no_invariant(block):
    seeds = STEPS_IN_CI // PER_SEED // 5
    for seed in range(block * seeds, (block + 1) * seeds):
        play(seed, steps=PER_SEED)


@pytest.mark.slow
@pytest.mark.nightly
@pytest.mark.timeout(0)
def test_a_million_steps_break_no_invariant():
    for seed in range(1_000, 1_000 + STEPS_AT_NIGHT // PER_SEED):
        play(seed, steps=PER_SEED)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_thousand_steps_on_the_real_store_break_no_invariant(tmp_path):
    """The SQL ledger on a file: lost, restored from old copies, and compared answer by answer with the one in memory."""
    steps = lost = restored = crashed = 0
    for seed in range(25):
        folder = tmp_path / str(seed)
        folder.mkdir()
        ledger = MirroredLedger(folder)
        sim = play(seed, steps=80, calm_every=40, ledger=ledger)
        ledger.close()
        steps += sim.steps
        lost += ledger.losses
        restored += ledger.restores
        crashed += sum("crashed at ledger" in line for line in sim.trail)
    assert steps >= 2_000
    assert lost >= 1
    assert restored >= 1
    assert crashed >= 10


def test_a_seed_plays_the_same_run_twice():
    first, second = play(7, steps=40), play(7, steps=40)
    assert first.trail == second.trail
    assert [r.tasks for r in first.world.runs] == [r.tasks for r in second.world.runs]


def test_the_simulation_really_runs_stages_and_meets_faults():
    runs = crashes = faults = 0
    for seed in range(20):
        sim = play(seed)
        runs += len(sim.world.runs)
        crashes += sum("crashed" in line for line in sim.trail)
        faults += sum("unreachable" in line or "slow down" in line for line in sim.trail)
    assert runs > 5
    assert crashes > 5
    assert faults > 5


class GateMachine(RuleBasedStateMachine):
    """Hypothesis chooses what happens and where it breaks, and shrinks what it finds."""

    def __init__(self) -> None:
        super().__init__()
        self.sim = Simulation(_Never())

    @rule(number=st.integers(0, len(ACTIONS) - 1), choices=st.randoms(use_true_random=False))
    def somebody_acts(self, number, choices):
        self.sim.choices = choices
        self.sim.act((ACTIONS[number],))

    @rule(number=st.integers(0, len(BETWEEN_PASSES) - 1), choices=st.randoms(use_true_random=False))
    def the_operator_acts(self, number, choices):
        self.sim.choices = choices
        self.sim.act((BETWEEN_PASSES[number],))

    @rule(choices=st.randoms(use_true_random=False))
    def the_loop_turns(self, choices):
        self.sim.choices = choices
        self.sim.turn()

    @rule(choices=st.randoms(use_true_random=False))
    def it_calms_down(self, choices):
        self.sim.choices = choices
        self.sim.calm()

    @invariant()
    def holds(self):
        self.sim.check_always()


class _Never:
    """Choices before hypothesis gives its own: the first option, and nothing goes wrong."""

    def choice(self, options):
        return options[0]

    def random(self):
        return 1.0


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_state_machine_breaks_no_invariant():
    run_state_machine_as_test(
        GateMachine,
        settings=settings(
            max_examples=40,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )


@given(seed=st.integers(0, 2**32))
@settings(max_examples=5, deadline=None)
def test_any_seed_settles(seed):
    play(seed, steps=20, calm_every=10)
