from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests import sound
from tests.faults.runs import Case
from tests.models import pico_cases
from tests.models.pico_sound import RATE


@pytest.fixture(scope="session")
def calm(tmp_path_factory: pytest.TempPathFactory, pico: dict[str, Path]) -> Case:
    """About three minutes of talk, with one sample of full scale in the middle, and its undisturbed transcript."""
    folder = tmp_path_factory.mktemp("calm")
    talk = pico_cases.conversation(11, 180, "en")
    samples = talk.samples * np.float32(0.6)
    _, start, end = talk.words[len(talk.words) // 2]
    samples[round((start + end) / 2 * RATE)] = 1.0
    path = sound.write_plain_wav(folder / "talk.wav", np.round(samples * 32767).astype(np.int16))
    case = Case(path, pico["faster-whisper int8"], folder)
    case.run("out", cache="calm")
    assert set(case.status("out").values()) == {"transcribed"} and len(case.status("out")) >= 6
    return case


@pytest.fixture
def case(calm: Case, tmp_path: Path) -> Case:
    """The same, in a folder and with a cache of its own."""
    return Case(calm.recording, calm.model, tmp_path)
