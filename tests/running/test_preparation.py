"""Preparing part by part: what is told early is true of the whole, and what was heard once is not heard again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests import sound
from voicekit import audio
from voicekit.engines.silero import SileroDetector
from voicekit.errors import InputError, NotAudioError, UsageError, VoicekitError
from voicekit.options import RunOptions, SpeakerOptions, StoreOptions
from voicekit.planning.frames import detect
from voicekit.planning.speech import speech_spans
from voicekit.planning.windows import WindowPlan, plan_windows
from voicekit.running import hearing
from voicekit.running.preparation import Part, Prepared, prepare, preparing
from voicekit.store import Cache
from voicekit.types import InputFile

RATE = 16000


def several_minutes(speech: NDArray[np.int16]) -> NDArray[np.int16]:
    """Four minutes in which no two windows are the same."""
    parts = [speech, speech[::-1], np.repeat(speech, 2), np.zeros(7 * RATE, np.int16), (speech // 3)[::-1], speech[::2]]
    return np.concatenate([*parts, *(part[1000:] for part in parts)])


def recordings(speech: NDArray[np.int16]) -> dict[str, NDArray[np.int16]]:
    several = several_minutes(speech)
    rng = np.random.default_rng(1)
    voice = speech[2 * RATE:4 * RATE]
    return {
        "several minutes": several,
        "silence": np.zeros(100 * RATE, np.int16),
        "noise": rng.integers(-3000, 3000, 70 * RATE).astype(np.int16),
        "one long span": np.concatenate([voice[:RATE // 2]] * 180),
        "short": speech[:3000],
        "one sample": speech[:1],
        "as long as ten blocks": several[:100 * RATE],
        "as long as a mark": several[:60 * RATE],
        "speech, and then nothing": np.concatenate([speech, np.zeros(90 * RATE, np.int16)]),
    }


NAMES = tuple(recordings(np.zeros(RATE * 21, np.int16)))


def write(folder: Path, pcm: NDArray[np.int16], name: str = "talk") -> InputFile:
    path = sound.write_plain_wav(folder / f"{name}.wav", pcm)
    return InputFile(path, path.name)


def at_once(file: InputFile, folder: Path) -> Prepared:
    """The same without any streaming."""
    recording = audio.decode(file.path, folder, name=file.name)
    frames = detect(SileroDetector(), audio.blocks(recording))
    return Prepared(recording, speech_spans(frames, recording.source.duration), frames)


def check_same(found: Prepared, expected: Prepared) -> None:
    assert found.spans == expected.spans
    assert np.array_equal(found.frames.starts, expected.frames.starts)
    assert np.array_equal(found.frames.probabilities, expected.frames.probabilities)
    assert found.recording.source == expected.recording.source and found.recording.samples == expected.recording.samples
    assert found.windows(30.0) == expected.windows(30.0)


@pytest.mark.parametrize("name", NAMES)
def test_the_parts_are_the_whole(name: str, speech: NDArray[np.int16], tmp_path: Path) -> None:
    file = write(tmp_path, recordings(speech)[name])
    parts = list(preparing(file, tmp_path / "pcm"))
    assert [part.whole for part in parts] == [False] * (len(parts) - 1) + [True]
    check_same(Prepared.of(parts), at_once(file, tmp_path / "other"))


@pytest.mark.parametrize("name", NAMES)
def test_windows_of_the_parts_are_those_of_the_whole(name: str, speech: NDArray[np.int16], tmp_path: Path) -> None:
    file = write(tmp_path, recordings(speech)[name])
    windows = []
    recording = None
    plan = WindowPlan(lambda start, stop: audio.read_pcm(recording, start, stop), 30.0)
    for part in preparing(file, tmp_path / "pcm"):
        recording = part.recording
        windows += plan.add(part.spans, part.frames)
    windows += plan.end(recording.samples)
    whole = at_once(file, tmp_path / "other")
    read: Callable[[int, int], NDArray[np.int16]] = lambda start, stop: audio.read_pcm(whole.recording, start, stop)
    assert tuple(windows) == plan_windows(whole.spans, whole.frames, whole.recording.samples, read, 30.0)


def test_a_part_comes_before_the_file_is_decoded(speech: NDArray[np.int16], tmp_path: Path) -> None:
    pcm = several_minutes(speech)
    parts = preparing(write(tmp_path, pcm), tmp_path / "pcm")
    first = next(parts)
    assert first.spans and first.recording.samples <= 60 * RATE < len(pcm)
    assert audio.read_pcm(first.recording, 0, 10**9).tolist() == pcm[:first.recording.samples].tolist()
    parts.close()
    assert [str(path) for path in (tmp_path / "pcm").iterdir()] == [first.recording.pcm], "somebody may be reading it"


def test_a_file_that_is_cut_short(speech: NDArray[np.int16], tmp_path: Path) -> None:
    path = sound.write(tmp_path / "talk.mp3", several_minutes(speech).astype(np.float32) / 32768)
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])
    file = InputFile(path, path.name)
    parts = list(preparing(file, tmp_path / "pcm"))
    expected = at_once(file, tmp_path / "other")
    assert parts[-1].recording.partial and parts[-1].recording.warnings == expected.recording.warnings
    check_same(Prepared.of(parts), expected)


@pytest.mark.parametrize(("options", "content", "error"), [
    (RunOptions(max_duration=100.0), None, InputError),
    (RunOptions(speakers=SpeakerOptions(channels=True)), None, UsageError),
    (RunOptions(), b"", NotAudioError),
    (RunOptions(), b"no sound at all", NotAudioError),
])
def test_errors_leave_nothing_behind(options: RunOptions, content: bytes | None, error: type[VoicekitError],
                                     speech: NDArray[np.int16], tmp_path: Path) -> None:
    file = write(tmp_path, several_minutes(speech))
    if content is not None:
        file.path.write_bytes(content)
    (tmp_path / "pcm").mkdir()
    with pytest.raises(error):
        prepare(file, tmp_path / "pcm", options)
    assert not list((tmp_path / "pcm").iterdir())


def test_whoever_checks_can_end_it(speech: NDArray[np.int16], tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    def check() -> None:
        if enough:
            raise Enough

    enough: list[Part] = []
    file = write(tmp_path, several_minutes(speech))
    parts = preparing(file, tmp_path / "pcm", check=check)
    enough.append(next(parts))
    with pytest.raises(Enough):
        list(parts)
    with pytest.raises(Enough):
        prepare(file, tmp_path / "other", check=check)
    assert not list((tmp_path / "other").iterdir())


# ---- what is kept ----

Heard = Callable[[InputFile], tuple[Prepared, bool]]


@pytest.fixture
def heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Heard]:
    """Prepares a file with a store; tells also whether the detector had to listen."""
    loaded = hearing._detector
    calls: list[int] = []
    monkeypatch.setattr(hearing, "_detector", lambda: (calls.append(1), loaded())[1])
    told: list[str] = []

    def prepared(file: InputFile, store: StoreOptions = StoreOptions(str(tmp_path / "kept"))) -> tuple[Prepared, bool]:
        calls.clear()
        return prepare(file, tmp_path / "pcm", RunOptions(store=store), Cache.of(store, told.append)), bool(calls)

    yield prepared
    assert not told


def entries(folder: Path) -> list[Path]:
    """By when they were written."""
    return sorted((folder / "kept" / "results").rglob("*.json"), key=lambda path: path.stat().st_mtime_ns)


@pytest.mark.parametrize("name", NAMES)
def test_what_was_heard_is_not_heard_again(name: str, speech: NDArray[np.int16], tmp_path: Path, heard: Heard) -> None:
    pcm = recordings(speech)[name]
    first, listened = heard(write(tmp_path, pcm))
    assert listened
    again, listened = heard(write(tmp_path, pcm, "of another name"))
    assert not listened
    expected = at_once(write(tmp_path, pcm), tmp_path / "other")
    check_same(first, expected)
    assert again.spans == expected.spans and again.windows(30.0) == expected.windows(30.0)


def test_what_follows_is_heard_and_what_came_before_is_found(speech: NDArray[np.int16], tmp_path: Path,
                                                             heard: Heard) -> None:
    pcm = several_minutes(speech)
    heard(write(tmp_path, pcm[:130 * RATE]))
    kept = entries(tmp_path)
    file = write(tmp_path, pcm)
    found, listened = heard(file)
    assert listened, "the end is new"
    check_same(found, at_once(file, tmp_path / "other"))
    assert set(kept) < set(entries(tmp_path)) and len(entries(tmp_path)) == len(kept) + 1 + (len(pcm) >= 240 * RATE)
    assert not heard(file)[1] and not heard(write(tmp_path, pcm[:130 * RATE]))[1]


@pytest.mark.parametrize("which", [0, 1, -1])
@pytest.mark.parametrize("damage", ["missing", "broken", "of another recording"])
def test_what_is_missing_is_heard_again(which: int, damage: str, speech: NDArray[np.int16], tmp_path: Path,
                                        monkeypatch: pytest.MonkeyPatch, heard: Heard) -> None:
    file = write(tmp_path, several_minutes(speech))
    heard(file)
    before = {path: path.read_bytes() for path in entries(tmp_path)}
    path = entries(tmp_path)[which]
    if damage == "missing":
        path.unlink()
    elif damage == "broken":
        path.write_bytes(before[path][:-5])
    else:
        Cache(tmp_path / "kept", print).put(path.stem, {"steps": "AAI=" * 400, "probabilities": "AAAAAA=="})
    found, listened = heard(file)
    assert listened
    check_same(found, at_once(file, tmp_path / "other"))
    assert {path: path.read_bytes() for path in entries(tmp_path)} == before


def test_what_has_to_be_there_is_asked_for(speech: NDArray[np.int16], tmp_path: Path, heard: Heard) -> None:
    file = write(tmp_path, several_minutes(speech))
    folder = str(tmp_path / "kept")
    with pytest.raises(UsageError, match="was not planned before"):
        heard(file, StoreOptions(folder, since="transcribe"))
    assert not list((tmp_path / "pcm").iterdir())
    heard(file)
    assert not heard(file, StoreOptions(folder, since="transcribe"))[1]
    assert heard(file, StoreOptions(folder, since="plan"))[1], "from the plan on all is done again"
