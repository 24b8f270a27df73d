"""`sync` killed with SIGKILL again and again while stages flow: nothing asked twice, nothing run unapproved, nothing lost.

Both upstreams are driven through their own APIs only, and what they hold is what is judged.
"""

from __future__ import annotations

import itertools
import random
import time
from collections import Counter

import pytest
from processes.world import People, Place, Zygote, digest_of, sandbox

KILLS = 200
CHANGES = 25
"""Two stages each: fifty stages flow."""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_hundred_kills_lose_and_repeat_nothing(tmp_path):
    chance = random.Random(20261125)
    with sandbox() as urls:
        place = Place(tmp_path, urls)
        people = People(urls["bytebase"], urls["feishu"])
        place.run("apply", "--yes", "--create-definition", "stage-gate")
        definition = place.definition
        bob = people.open_id("bob")
        plans: list[str] = []
        approved: set[str] = set()
        zygote = Zygote(place)
        try:
            for kill in range(KILLS):
                if len(plans) < CHANGES and kill % (KILLS // CHANGES // 2 or 1) == 0:
                    plans.append(people.change(kill))
                process = zygote.start("sync", "--no-http")
                if kill % 3:
                    # Most kills fall into its work; the others may fall into its start.
                    zygote.wait_until_ready()
                end = time.monotonic() + chance.uniform(0.0, 0.8)
                while time.monotonic() < end:
                    if kill % 3 == 0:
                        _approve_one(people, definition, bob, approved, chance)
                    time.sleep(0.05)
                zygote.kill(process)
            process = zygote.start("sync", "--no-http")
            zygote.wait_until_ready()
            _finish(people, definition, bob, approved, plans, chance)
            assert zygote.kill(process, 15) == 0
        finally:
            zygote.close()
        _judge(people, definition, plans)


def _approve_one(people: People, definition: str, who: str, approved: set[str], chance: random.Random) -> None:
    waiting = [code for code in people.pending(definition) if code not in approved]
    if waiting:
        code = chance.choice(waiting)
        people.approve(people.instance(code), who)
        approved.add(code)


def _finish(
    people: People, definition: str, who: str, approved: set[str], plans: list[str], chance: random.Random
) -> None:
    end = time.monotonic() + 150
    while time.monotonic() < end:
        _approve_one(people, definition, who, approved, chance)
        if all(set(itertools.chain(*people.statuses(plan).values())) == {"DONE"} for plan in plans):
            return
    raise AssertionError({plan: people.statuses(plan) for plan in plans})


def _judge(people: People, definition: str, plans: list[str]) -> None:
    instances = people.instances(definition)
    digests = Counter(digest_of(instance) for instance in instances)
    assert max(digests.values()) == 1, f"asked twice: {digests.most_common(3)}"
    subjects = Counter(digest_of(instance).split(" ")[1].split("#")[0] for instance in instances)
    assert len(subjects) == 2 * len(plans)
    assert set(subjects.values()) == {1}, f"a second request for unchanged content: {subjects.most_common(3)}"
    assert {instance["status"] for instance in instances} == {"APPROVED"}
    for plan in plans:
        runs = people.runs(plan)
        assert len(runs) == 2
        assert set(runs.values()) == {1}, f"run twice: {runs}"
