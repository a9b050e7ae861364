"""A recorded telephone call, a channel for each end: who said what, through the main job."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests import sound
from tests.commands import run
from tests.models import pico_cases
from tests.models.pico_cases import Talk

pytestmark = [pytest.mark.model, pytest.mark.xdist_group("pico")]


@pytest.fixture(scope="module")
def talk() -> Talk:
    return pico_cases.talk(21, ["en"] * 6, voices=["en-us+m6", "en-us+f4"], noisy=False, pause=(0.5, 1.0))


def spans(talk: Talk) -> list[tuple[float, float]]:
    """When each sentence is said: words are further apart between them than within."""
    starts = [0, *(index for index in range(1, len(talk.words)) if talk.words[index][1] - talk.words[index - 1][2] > 0.45)]
    found = [(talk.words[first][1], talk.words[after - 1][2])
             for first, after in zip(starts, [*starts[1:], len(talk.words)], strict=True)]
    assert len(found) == len(talk.sentences)
    return found


@pytest.fixture(scope="module")
def call(talk: Talk, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sentences in turn from the left and from the right; a tenth of each leaks to the other side."""
    both = np.zeros((2, len(talk.samples)), np.float32)
    said = spans(talk)
    edges = [0.0, *((end + start) / 2 for (_, end), (start, _) in zip(said, said[1:], strict=False)), len(talk.samples) / 16000]
    for number, (start, end) in enumerate(zip(edges, edges[1:], strict=False)):
        part = slice(round(start * 16000), round(end * 16000))
        both[number % 2, part] = talk.samples[part]
    return sound.write(tmp_path_factory.mktemp("call") / "call.wav", both + 0.1 * both[::-1], layout="stereo")


def test_each_end_of_the_line_is_a_speaker(call: Path, talk: Talk, pico: dict[str, Path], tmp_path: Path) -> None:
    done = run(call, "--model", str(pico["faster-whisper int8"]), "--language", "en", "--channels-as-speakers",
               "--speaker-names", "Agent,Customer", "-o", "out.json", "-o", "out.rttm", "-o", "out.txt", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    words = [word for segment in found["segments"] for word in segment["words"]]
    assert len(words) > 20 and {word["speaker"] for word in words} == {"Agent", "Customer"}
    for word in words:
        middle = word["start"] / 2 + word["end"] / 2
        nearest = min(range(6), key=lambda number: max(spans(talk)[number][0] - middle, middle - spans(talk)[number][1]))
        assert word["speaker"] == ("Agent", "Customer")[nearest % 2], word
    turns = [line.split() for line in (tmp_path / "out.rttm").read_text(encoding="utf-8").splitlines()]
    assert [turn[7] for turn in turns] == ["Agent", "Customer"] * 3
    for turn, (start, _) in zip(turns, spans(talk), strict=True):
        assert abs(float(turn[3]) - start) < 0.3
    assert "Agent" in (tmp_path / "out.txt").read_text(encoding="utf-8")


def test_one_channel_cannot_be_told_apart(talk: Talk, pico: dict[str, Path], tmp_path: Path) -> None:
    path = sound.write_plain_wav(tmp_path / "mono.wav", talk.pcm())
    done = run(path, "--model", str(pico["faster-whisper int8"]), "--channels-as-speakers", cwd=tmp_path)
    assert done.returncode == 2 and "has one channel" in done.stderr and "--diarize" in done.stderr
