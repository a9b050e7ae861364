"""Silero's network, laid out anew, is the network that faster-whisper ships."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from voicekit.engines import silero, silero_graph
from voicekit.engines.silero import SileroDetector
from voicekit.engines.silero_graph import laid_out

RATE = 16000


def shipped(monkeypatch: pytest.MonkeyPatch) -> SileroDetector:
    """The detector as it is with a file that nothing is known of."""
    with monkeypatch.context() as patch:
        patch.setattr(silero_graph, "_KNOWN", "another")
        return SileroDetector()


def sounds(speech: NDArray[np.int16]) -> dict[str, NDArray[np.float32]]:
    rng = np.random.default_rng(5)
    return {
        "speech": speech.astype(np.float32) / np.float32(32768),
        "noise": (rng.integers(-20000, 20000, 40 * RATE) / 32768).astype(np.float32),
        "silence": np.zeros(3 * RATE, np.float32),
        "short": (rng.integers(-20000, 20000, 700) / 32768).astype(np.float32),
        "one sample": np.ones(1, np.float32) / 2,
    }


def test_the_installed_file_is_the_one_this_was_written_for() -> None:
    """If this fails, faster-whisper ships another network: speech is found all the same, in three times the time."""
    network = laid_out(silero._model_file())
    assert network is not None
    onnx.checker.check_model(onnx.load_from_string(network), full_check=True)


def test_it_says_what_the_shipped_network_says(speech: NDArray[np.int16], monkeypatch: pytest.MonkeyPatch) -> None:
    new, old = SileroDetector(), shipped(monkeypatch)
    for name, sound in sounds(speech).items():
        found, expected = (np.concatenate(list(detector.probabilities([sound]))) for detector in (new, old))
        assert len(found) == len(expected) == -(-len(sound) // silero._FRAME)
        # To the last bit on the processors this was measured on; another may round products of another shape otherwise.
        assert np.abs(found - expected).max() < 1e-5, name
        assert name != "speech" or expected.max() > 0.9 > 0.1 > expected.min()


def test_an_unknown_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "silero_vad_v9.onnx"
    path.write_bytes(silero._model_file().read_bytes()[:-1] + b"?")
    assert laid_out(path) is None


def test_how_many_frames_are_computed_at_once_changes_nothing(speech: NDArray[np.int16],
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    sound, detector = sounds(speech)["speech"], SileroDetector()
    whole = np.concatenate(list(detector.probabilities([sound])))
    for count in (8, 24, 1000):
        monkeypatch.setattr(silero, "_FRAMES_PER_CALL", count)
        assert np.array_equal(np.concatenate(list(detector.probabilities([sound]))), whole)
