"""A worker dies of one of several short recordings that it decodes together."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import sound
from tests.commands import command, environment
from tests.faults.runs import HERE
from tests.models import pico_cases
from tests.models.pico_sound import RATE

pytestmark = [pytest.mark.model, pytest.mark.xdist_group("pico")]

BAD = 3


@pytest.fixture(scope="module")
def talks(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Six of a few seconds; one of them has a sample of full scale."""
    pico_cases.need_espeak()
    folder = tmp_path_factory.mktemp("talks")
    paths = []
    for number in range(6):
        talk = pico_cases.conversation(number, 6 + number, "en")
        samples = talk.samples * np.float32(0.6)
        if number == BAD:
            samples[round(talk.words[2][1] * RATE)] = 1.0
        paths.append(sound.write_plain_wav(folder / f"{number}.wav", np.round(samples * 32767).astype(np.int16)))
    return paths


def transcribed(talks: list[Path], model: Path, folder: Path, code: int,
                fault: dict[str, Any] | None = None, workers: int = 1) -> list[dict[str, Any]]:
    """The transcripts."""
    folder.mkdir()
    changes = {"VOICEKIT_FAULT": json.dumps(fault), "PYTHONPATH": str(HERE)} if fault else {}
    done = subprocess.run(
        command(*talks, "--engine", "openvino", "--model", model, "--language", "en", "--workers", workers, "-o", "out/",
                "--formats", "json"),
        cwd=folder, text=True, capture_output=True, timeout=300, env=environment(folder, **changes))
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return [json.loads((folder / "out" / f"{path.stem}.json").read_text(encoding="utf-8")) for path in talks]


@pytest.mark.parametrize("do", ["kill", "raise", "memory"])
def test_it_costs_its_neighbours_no_word(talks: list[Path], pico: dict[str, Path], tmp_path: Path, do: str) -> None:
    model = pico["faster-whisper float32"]
    calm = transcribed(talks, model, tmp_path / "calm", 0)
    hurt = transcribed(talks, model, tmp_path / "hurt", 3, {"do": do, "loud": True})
    for number, (before, after) in enumerate(zip(calm, hurt, strict=True)):
        states = {entry["status"] for entry in after["ledger"]}
        assert states == ({"failed"} if number == BAD else {"transcribed"})
        if number != BAD:
            assert before["segments"] == after["segments"]


@pytest.mark.parametrize("workers", [1, 3])  # three are copies of one process
def test_what_happens_once_costs_nothing(talks: list[Path], pico: dict[str, Path], tmp_path: Path, workers: int) -> None:
    model = pico["faster-whisper float32"]
    calm = transcribed(talks, model, tmp_path / "calm", 0)
    fault = {"do": "kill", "loud": True, "once": str(tmp_path / "done")}
    hurt = transcribed(talks, model, tmp_path / "hurt", 0, fault, workers)
    assert [one["segments"] for one in calm] == [one["segments"] for one in hurt]
    assert any("tried again" in warning for one in hurt for warning in one["run"]["warnings"])
