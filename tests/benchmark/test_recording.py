"""The recording of a benchmark: the same at every call, as long as was asked for, and speech to the detector."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import numpy as np
import pytest

from tests import sound
from tests.commands import SHORT
from tests.engines.whisper_cases import whispers_tokenizer
from tests.models import random_whisper
from tests.models.pico_cases import need_espeak
from voicekit import audio
from voicekit.benchmark import contest, models, recording
from voicekit.benchmark.contestants import Job, Voicekit
from voicekit.errors import NotAudioError


def test_the_spoken_one_is_the_same_again(tmp_path: Path) -> None:
    need_espeak()
    places = [tmp_path / name for name in ("one", "two")]
    for place in places:
        place.mkdir()
    first, again = (recording.make(place, 2.0) for place in places)
    assert first.path.read_bytes() == again.path.read_bytes()
    assert (first.name, first.seconds) == ("synthetic", 120.0)
    assert audio.decode(first.path, tmp_path, name="x").samples == 120 * 16_000


@pytest.mark.model
def test_the_spoken_one_is_packed_as_speech(tmp_path: Path) -> None:
    need_espeak()
    whispers_tokenizer()
    model = models.find(str(random_whisper.build_ctranslate2(tmp_path / "model", tokens=20)), 20, checkpoint=False)
    made = recording.make(tmp_path, 3.0)
    windows = contest.run(Voicekit(Job(made, model, "cpu", True)), tmp_path).result.windows
    filled = [end - start for start, end in windows[:-1]]
    assert np.mean(filled) > 20 and max(filled) <= 30
    assert sum(end - start for start, end in windows) > 0.9 * 180


def test_sentences_differ() -> None:
    rng = random.Random(3)
    assert len({recording.sentence(rng) for _ in range(200)}) > 190


def test_a_real_one_is_repeated_and_cut(tmp_path: Path) -> None:
    made = recording.make(tmp_path, 0.5, SHORT)
    assert (made.name, made.seconds) == ("short.mp3", 30.0)
    once, longer = (audio.decode(path, tmp_path, name="x") for path in (SHORT, made.path))
    assert longer.samples == 30 * 16_000
    beginning, after = audio.read(longer, 1.0, 5.0), audio.read(longer, once.source.duration + 1, once.source.duration + 5)
    assert np.corrcoef(beginning, after)[0, 1] > 0.99


def test_nothing_is_made_of_no_sound(tmp_path: Path) -> None:
    silent = sound.write_plain_wav(tmp_path / "empty.wav", np.zeros(0, np.int16))
    with pytest.raises(NotAudioError):
        recording.make(tmp_path, 0.5, silent)


def test_turns_are_taken_by_both_voices() -> None:
    need_espeak()
    blocks = list(itertools.islice(recording._spoken(), 6))
    assert all(np.abs(block).max() > 0.4 and block.dtype == np.float32 for block in blocks)
