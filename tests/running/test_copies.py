"""A run whose workers are copies of one process."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests import sound
from tests.models import pico_cases
from tests.running.test_overlap import run
from tests.running.test_short_files import options
from voicekit.options import PlanOptions
from voicekit.planning.machine import Machine, this_machine
from voicekit.running.crew import choose_crew
from voicekit.types import InputFile

pytestmark = [pytest.mark.model, pytest.mark.xdist_group("pico"),
              pytest.mark.skipif(not this_machine().forks, reason="copies of a process need Linux since 5.3")]


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InputFile]:
    pico_cases.need_espeak()
    path = tmp_path_factory.mktemp("copies") / "talk.wav"
    yield InputFile(sound.write_plain_wav(path, pico_cases.conversation(3, 240, "en").pcm()), path.name)


def generations(stop: threading.Event, found: list[tuple[int, int]]) -> None:
    """The most children, and grandchildren, that this process has at once."""
    me = psutil.Process()
    while not stop.wait(0.05):
        with contextlib.suppress(psutil.NoSuchProcess):  # one that ends meanwhile
            parents = [child.ppid() for child in me.children(recursive=True)]
            found.append((parents.count(me.pid), len(parents) - parents.count(me.pid)))


def test_the_model_is_loaded_once_and_the_words_are_those_of_one_worker(talk: InputFile, pico: dict[str, Path]) -> None:
    wanted = options(pico["faster-whisper float32"])
    (alone,), _ = run([talk], dataclasses.replace(wanted, plan=PlanOptions(workers=1)))
    stop, found = threading.Event(), list[tuple[int, int]]()
    watching = threading.Thread(target=generations, args=(stop, found))
    watching.start()
    try:
        (together,), _ = run([talk], dataclasses.replace(wanted, plan=PlanOptions(workers=4)))
    finally:
        stop.set()
        watching.join()
    assert alone.transcript is not None and together.transcript is not None
    assert alone.transcript.segments == together.transcript.segments
    workers = {entry.worker for entry in together.transcript.run.timeline if entry.stage == "transcribe"}
    assert len(workers) > 1
    assert max(grand for _, grand in found) >= len(workers), "they are children of the process that loaded the model"
    assert not any("spawn_main" in " ".join(child.cmdline()) for child in psutil.Process().children(recursive=True))


def test_beams_leave_room_for_fewer_workers(pico: dict[str, Path]) -> None:
    wanted = dataclasses.replace(options(pico["faster-whisper float32"]), plan=PlanOptions())
    machine = Machine(cores=2, memory=10**12, gpus=0, forks=True)
    crew = choose_crew(wanted, machine)
    assert crew.choice.model is not None and crew.plan.workers == 2
    size, share = crew.choice.model.bytes, crew.choice.adapter.profile.window_share
    need = 1.2 * size + 200e6 + 2 * (100e6 + crew.plan.batch_size * share * size)
    narrow = dataclasses.replace(machine, memory=round(need / 0.8) + 1)
    assert choose_crew(wanted, narrow).plan.workers == 2
    assert choose_crew(dataclasses.replace(wanted, beam_size=5), narrow).plan.workers == 1
