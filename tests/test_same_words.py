"""The first promise: the same words, times and files whatever the chunks and workers."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests import sound
from tests.commands import run
from tests.conftest import samples_of
from tests.models import random_whisper

SETTINGS = [(0.5, 1), (1, 2), (5, 1), (2, 8)]
"""Minutes of a chunk, and workers."""

FORMATS = ("txt", "srt", "vtt", "tsv")


def outputs(recording: Path, folder: Path, chunks: float, workers: int, options: Sequence[str]) -> dict[str, Any]:
    """Everything that is written, with the metadata of the run taken out of the json."""
    place = folder / f"{chunks}-{workers}"
    done = run(recording, "--chunks", str(chunks), "--workers", str(workers), "-o", f"{place}/", "--formats",
               ",".join([*FORMATS, "json"]), *options, cwd=folder, timeout=1200)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = {name: (place / f"{recording.stem}.{name}").read_bytes() for name in FORMATS}
    whole = json.loads((place / f"{recording.stem}.json").read_text(encoding="utf-8"))
    metadata = whole.pop("run")
    assert (metadata["options"]["chunks"], metadata["options"]["workers"]) == (chunks, workers)
    return {**found, "json": whole}


def check_same(recording: Path, folder: Path, *options: str, at_least: int) -> dict[str, Any]:
    first, *others = [outputs(recording, folder, chunks, workers, options) for chunks, workers in SETTINGS]
    assert len({entry["window"] for entry in first["json"]["ledger"]}) >= at_least, "several windows, or nothing is shown"
    assert first["json"]["segments"]
    for other, setting in zip(others, SETTINGS[1:], strict=True):
        for name in first:
            assert other[name] == first[name], f"{name} differs for chunks and workers {setting}"
    return first


def telephone_call(folder: Path) -> NDArray[np.int16]:
    """The 30 s of a real telephone call that pyannote.audio ships."""
    found = importlib.util.find_spec("pyannote")
    places = [Path(place) / "audio/sample/sample.wav" for place in found.submodule_search_locations or ()] if found else []
    for place in places:
        if place.exists():
            return samples_of(place, folder)
    pytest.skip("pyannote.audio is not installed: its sample call is needed")


def test_pocketsphinx_on_a_real_call(tmp_path: Path) -> None:
    call = telephone_call(tmp_path)
    pause = np.zeros(16000, np.int16)
    sound.write_plain_wav(tmp_path / "call.wav", np.concatenate([call, pause, call[-96000:]]))
    check_same(tmp_path / "call.wav", tmp_path, "--engine", "pocketsphinx", at_least=2)


@pytest.mark.eval
@pytest.mark.parametrize("seconds", [90, pytest.param(None, marks=pytest.mark.slow)])
def test_pocketsphinx_on_read_speech(tmp_path: Path, evaluation: Path, seconds: int | None) -> None:
    whole = samples_of(evaluation / "asr" / "lj050_0159-0268.flac", tmp_path)
    part = whole if seconds is None else whole[:seconds * 16000]
    sound.write_plain_wav(tmp_path / "read.wav", part)
    found = check_same(tmp_path / "read.wav", tmp_path, "--engine", "pocketsphinx", at_least=len(part) // 16000 // 30)
    check_ledger(found["json"])


@pytest.mark.model
@pytest.mark.parametrize("options", [(), ("--no-word-timestamps",), ("--beam-size", "3", "--batch-size", "3")])
def test_faster_whisper_on_a_small_model(tmp_path: Path, speech: NDArray[np.int16], options: tuple[str, ...],
                                         small_whisper: Path) -> None:
    # Backwards, slower and louder, so that every window is another sound.
    parts = [speech, speech[::-1], np.repeat(speech, 2), (speech // 3)[::-1], speech[::2], speech[5000:], speech[90000:]]
    sound.write_plain_wav(tmp_path / "long.wav", np.concatenate([*parts, *parts[::-1]]))
    found = check_same(tmp_path / "long.wav", tmp_path, "--engine", "faster-whisper", "--model", str(small_whisper),
                       *options, at_least=8)
    check_ledger(found["json"])


@pytest.fixture(scope="session")
def small_whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_whisper.build_ctranslate2(tmp_path_factory.mktemp("models") / "ct2")


def check_ledger(transcript: dict[str, Any]) -> None:
    """The second promise: every second of speech is in one window, and every window has a status."""
    ledger = transcript["ledger"]
    assert all(entry["status"] in ("transcribed", "empty", "failed") for entry in ledger)
    assert all(one["end"] <= other["start"] for one, other in zip(ledger, ledger[1:])), "no second twice"
    status = {entry["window"]: entry["status"] for entry in ledger}
    assert sorted(status) == list(range(max(status) + 1)), "every window is told of"
    for segment in transcript["segments"]:
        assert segment["start"] <= segment["end"]
        assert any(entry["status"] == "transcribed" and entry["start"] - 1 <= segment["start"] <= entry["end"] + 1
                   for entry in ledger), "words come from windows that were transcribed"


def test_the_ledger_holds_every_second_that_the_detector_calls_speech(tmp_path: Path, speech: NDArray[np.int16]) -> None:
    from voicekit import audio
    from voicekit.engines.silero import SileroDetector
    from voicekit.planning.frames import detect
    from voicekit.planning.speech import ONSET, SHORTEST_SPEECH

    long = np.concatenate([speech, np.zeros(150_000, np.int16), speech[::-1], speech])
    path = sound.write_plain_wav(tmp_path / "long.wav", long)
    done = run(path, "--engine", "pocketsphinx", "-o", "out.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    ledger = json.loads((tmp_path / "out.json").read_text())["ledger"]
    recording = audio.decode(path, tmp_path)
    frames = detect(SileroDetector(), audio.blocks(recording))
    step = SileroDetector.frame / 16000
    speaking = frames.probabilities >= ONSET
    clicks = 0
    for index in np.flatnonzero(speaking):
        middle = frames.starts[index] / 16000 + step / 2
        if not any(entry["start"] <= middle <= entry["end"] for entry in ledger):
            around = speaking[max(0, index - 4):index + 5].sum() * step
            assert around < 2 * SHORTEST_SPEECH, f"{middle:.2f} s is speech and in no window"
            clicks += 1
    assert clicks < 10 and speaking.sum() > 500
