"""Filterbank energies against torchaudio's, powerset classes and stretched masks against pyannote's and torch's."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.models.diarization_onnx import require_pyannote
from voicekit.diarization import powerset
from voicekit.diarization.fbank import BANDS, HOP, fbank, frame_count
from voicekit.diarization.onnx_engine import _nearest


def kaldi(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """What WeSpeaker's models were trained on, as torchaudio computes it."""
    require_pyannote()
    import torch
    from torchaudio.compliance import kaldi

    scaled = torch.from_numpy(samples)[None] * 32768
    return np.asarray(kaldi.fbank(scaled, num_mel_bins=80, frame_length=25, frame_shift=10, dither=0.0,
                                  sample_frequency=16_000, window_type="hamming", use_energy=False))


def sounds() -> dict[str, NDArray[np.float32]]:
    random = np.random.default_rng(0)
    time = np.arange(160_000) / 16_000
    noise = random.standard_normal(160_000)
    return {name: sound.astype(np.float32) for name, sound in {
        "noise": 0.1 * noise,
        "quiet noise after zeros": np.where(time < 5, 0, 1e-3 * noise),
        "tone": 0.3 * np.sin(2 * np.pi * 440 * time),
        "offset": 0.5 + 0.01 * noise,
        "zeros": np.zeros(160_000),
        "one frame": 0.1 * noise[:400],
        "almost two": 0.1 * noise[:559],
    }.items()}


@pytest.mark.parametrize("name", list(sounds()))
def test_energies_are_kaldis(name: str) -> None:
    sound = sounds()[name]
    found, theirs = fbank(sound), kaldi(sound)
    assert found.shape == theirs.shape == (frame_count(len(sound)), BANDS)
    assert found.dtype == np.float32
    assert np.abs(found - theirs).max() < 1e-3


def test_energies_of_speech_are_kaldis(speech: NDArray[np.int16]) -> None:
    sound = speech.astype(np.float32) / 32768
    assert np.abs(fbank(sound) - kaldi(sound)).max() < 1e-3


def test_frames_of_a_piece_are_those_of_the_whole() -> None:
    sound = sounds()["noise"]
    whole = fbank(sound)
    for first in (0, 1, 100, 517):
        piece = fbank(sound[first * HOP:first * HOP + 50_000])
        assert piece.tobytes() == whole[first:first + len(piece)].tobytes()


@pytest.mark.parametrize("samples", [0, 1, 399])
def test_less_than_a_frame(samples: int) -> None:
    assert fbank(np.zeros(samples, np.float32)).shape == (0, BANDS)


@pytest.mark.parametrize(("speakers", "at_once"), [(3, 2), (4, 2), (3, 3), (1, 1)])
def test_classes_are_pyannotes(speakers: int, at_once: int) -> None:
    require_pyannote()
    import torch
    from pyannote.audio.utils.powerset import Powerset

    theirs = Powerset(speakers, at_once)
    table = powerset.classes(speakers, at_once)
    assert np.array_equal(table, theirs.mapping.numpy())
    scores = np.random.default_rng(1).standard_normal((5, 40, len(table))).astype(np.float32)
    expected = theirs.to_multilabel(torch.from_numpy(scores)).numpy()
    assert np.array_equal(powerset.to_speakers(scores, table), expected)


def test_a_stretched_mask_is_torchs() -> None:
    torch = pytest.importorskip("torch")
    mask = (np.random.default_rng(2).random(589) < 0.5).astype(np.uint8)
    for frames in (998, 589, 100, 1):
        theirs = torch.nn.functional.interpolate(torch.from_numpy(mask)[None, None].float(), size=frames, mode="nearest")
        assert np.array_equal(_nearest(mask, frames), theirs[0, 0].numpy() > 0.5)
