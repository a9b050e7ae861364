"""The engines that hear overlap, through the main job: the same turns for any division, and pyannote's own."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import voicekit
from tests import sound
from tests.models import diarization_onnx, pyannote_models
from voicekit import audio
from voicekit.types import Transcript

pytestmark = [pytest.mark.model, pytest.mark.xdist_group("diarize")]


def runs(path: Path, engine: str, tmp_path: Path) -> list[Transcript]:
    """With one worker, with three and small chunks, and with another number of speakers from the same cache."""
    return [voicekit.transcribe(path, engine="pocketsphinx", language="en", diarize=engine, cache=tmp_path / f"kept-{number}",
                                workers=workers, chunks=chunks, max_speakers=most)
            for number, workers, chunks, most in ((0, 1, 5.0, None), (1, 3, 0.1, None), (1, 2, 5.0, 1))]


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")
def test_pyannote_in_pieces_is_pyannote_alone(tmp_path: Path) -> None:
    if importlib.util.find_spec("pyannote.audio") is None:
        pytest.skip("pyannote.audio is not installed")
    from tests.diarization import pyannote_serial

    folder = pyannote_models.community(tmp_path / "pipeline", fitted=True, segmentation_batch=8, embedding_batch=8)
    spoken = pyannote_models.conversation(50.0, seed=11).samples
    path = sound.write_plain_wav(tmp_path / "talk.wav", np.round(np.clip(spoken, -1, 1) * 32767).astype(np.int16))
    first, second, one = runs(path, f"pyannote:{folder}", tmp_path)
    recording = audio.decode(path, tmp_path / "pcm")
    samples = audio.read_pcm(recording, 0, recording.samples).astype(np.float32) / np.float32(32768)
    expected = pyannote_serial.run(pyannote_serial.pipeline(folder), samples).turns
    assert len({label for _, _, label in expected}) > 1 and len(expected) > 5
    pyannote_serial.assert_same(first.turns, expected)
    assert first.turns == second.turns and first.run.speakers is not None and second.run.speakers is not None
    assert (first.run.speakers.engine, first.run.speakers.device) == ("pyannote", "cpu")
    assert second.run.speakers.cache is not None and second.run.speakers.cache.computed == 2, "two pieces for two workers"
    assert one.run.speakers is not None and one.run.speakers.cache is not None
    assert {turn.speaker for turn in one.turns} == {"SPEAKER_00"} and one.run.speakers.cache.computed == 0


def test_onnx_models_tell_three_tones_apart(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    folder = diarization_onnx.build_tones(tmp_path / "models")
    talks = [(1.0, 6.0, 0), (7.0, 12.0, 1), (11.0, 16.0, 2), (17.0, 24.0, 0), (25.0, 30.0, 1), (31.0, 38.0, 2)]
    spoken = diarization_onnx.conversation(talks, 40.0)
    path = sound.write_plain_wav(tmp_path / "talk.wav", np.round(np.clip(spoken, -1, 1) * 32767).astype(np.int16))
    first, second, one = runs(path, f"onnx:{folder}", tmp_path)
    assert first.turns == second.turns
    assert [turn.speaker[-1] for turn in first.turns] == ["0", "1", "2", "0", "1", "2"]
    for turn, (start, end, _) in zip(first.turns, talks, strict=True):
        assert abs(turn.start - start) < 0.1 and abs(turn.end - end) < 0.1
    assert {turn.speaker for turn in one.turns} == {"SPEAKER_00"}
