"""How long workers stay on a core."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
from typing import Any

import pytest

from tests.execution import jobs
from tests.execution.test_slots import contexts, ends
from voicekit.execution import turns
from voicekit.execution.slots import Slots
from voicekit.execution.zygote import Zygote
from voicekit.planning.machine import this_machine

EXPECTED = turns.LONGEST if turns.turn() else 0.0
"""0 where the system has no turns to give."""


@pytest.mark.parametrize("zygote", [None, pytest.param(Zygote(jobs.load, "a model"), marks=pytest.mark.skipif(
    not this_machine().forks, reason="copies of a process need Linux since 5.3"))], ids=["spawned", "copied"])
def test_workers_have_long_turns_and_the_run_has_its_own(zygote: Zygote | None) -> None:
    before = turns.turn(), os.nice(0)
    events: queue.Queue[Any] = queue.Queue()
    with Slots[int](contexts(2), events, zygote) as slots:
        for number in range(2):
            slots.submit(number, jobs.tell_the_turn, None)
        found = [event.result for event in ends(events, 2)]
    assert found == [(pytest.approx(EXPECTED), os.nice(0))] * 2
    assert (turns.turn(), os.nice(0)) == before


def test_nobody_becomes_more_important() -> None:
    code = ("import os; from voicekit.execution import turns; os.nice(5); turns.ask_for_long_turns(); "
            "print(round(turns.turn(), 4), os.nice(0))")
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert [float(one) for one in said] == [EXPECTED, os.nice(0) + 5]


def test_a_system_that_knows_no_turns_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    before = turns.turn()
    monkeypatch.setattr(turns.sys, "platform", "darwin")
    turns.ask_for_long_turns()
    assert turns.turn() == 0
    monkeypatch.undo()
    assert turns.turn() == before
