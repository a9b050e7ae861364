"""Workers begin while a file is still being decoded, and nothing in the result shows it."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests import sound
from tests.models import random_whisper
from tests.running.test_preparation import several_minutes
from voicekit.errors import InputError
from voicekit.options import EngineOptions, PlanOptions, RunOptions, StoreOptions
from voicekit.pipeline import transcribe_files
from voicekit.running import ahead
from voicekit.running.events import Notice, Planned, RunEvent, Working
from voicekit.running.preparation import Outcome, Part, Prepared
from voicekit.types import InputFile, Transcript

pytestmark = [pytest.mark.model, pytest.mark.xdist_group("overlap")]

Preparing = Callable[..., Iterator[Part]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_whisper.build_ctranslate2(tmp_path_factory.mktemp("models") / "ct2")


@pytest.fixture
def talk(speech: NDArray[np.int16], tmp_path: Path) -> InputFile:
    """Four minutes, in about ten windows."""
    return InputFile(sound.write_plain_wav(tmp_path / "talk.wav", several_minutes(speech)), "talk.wav")


def options(model: Path, store: Path | None = None, language: str | None = "en", workers: int = 2) -> RunOptions:
    return RunOptions(language=language, engine=EngineOptions("faster-whisper", str(model), device="cpu", batch_size=2),
                      plan=PlanOptions(1.0, workers), store=StoreOptions(str(store) if store else None, store is not None),
                      word_timestamps=False, beam_size=1)


def run(files: Sequence[InputFile], wanted: RunOptions) -> tuple[list[Outcome], list[RunEvent]]:
    events: list[RunEvent] = []
    return list(transcribe_files(files, wanted, events.append)), events


def at_once(preparing: Preparing) -> Preparing:
    """All of a file in one part."""
    def prepared(*arguments: Any) -> Iterator[Part]:
        yield Prepared.of(list(preparing(*arguments))).part

    return prepared


def batches(transcript: Transcript) -> dict[int, int]:
    """By window, the first window of those that a worker was given together with it."""
    work = [entry for entry in transcript.run.timeline if entry.stage == "transcribe" and entry.fate == "done"]
    assert len({entry.index for entry in work}) == len(work)
    return {entry.index: entry.batch for entry in work}


def said(transcript: Transcript) -> Transcript:
    """All but how it was made."""
    return dataclasses.replace(transcript, run=dataclasses.replace(transcript.run, timeline=(), wall_seconds=0, cache=None))


def test_windows_batches_and_words_are_those_of_the_whole(talk: InputFile, model: Path, tmp_path: Path,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = options(model, tmp_path / "kept")
    (first,), _ = run([talk], wanted)
    assert first.transcript and len(batches(first.transcript)) >= 7
    kept = sorted(path for path in (tmp_path / "kept" / "results").rglob("*.json") if b'"segments"' in path.read_bytes())
    for forgotten in (kept, kept[::2], kept[1::3]):
        found = []
        for preparing in (ahead.preparing, at_once(ahead.preparing)):
            for path in forgotten:
                path.unlink()
            with monkeypatch.context() as patch:
                patch.setattr(ahead, "preparing", preparing)
                (outcome,), events = run([talk], wanted)
            assert outcome.transcript and outcome.transcript.run.cache
            assert outcome.transcript.run.cache.computed == len(forgotten)
            (planned,) = [event for event in events if isinstance(event, Planned) and event.whole]
            assert (planned.windows, planned.found) == (len(kept), len(kept) - len(forgotten))
            found.append(outcome.transcript)
        assert batches(found[0]) == batches(found[1]) and len(batches(found[0])) == len(forgotten)
        assert said(found[0]) == said(found[1]) == said(first.transcript)


def test_a_worker_has_a_batch_before_the_file_is_decoded(talk: InputFile, model: Path,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()
    early: list[bool] = []
    preparing = ahead.preparing

    def waiting(*arguments: Any) -> Iterator[Part]:
        """Keeps the end of the file back until a worker has begun."""
        for part in preparing(*arguments):
            if part.whole:
                early.append(begun.wait(timeout=60))
            yield part

    monkeypatch.setattr(ahead, "preparing", waiting)
    events: list[RunEvent] = []

    def observe(event: RunEvent) -> None:
        events.append(event)
        if isinstance(event, Working):
            begun.set()

    (outcome,) = transcribe_files([talk], options(model), observe)
    assert outcome.transcript and early == [True]
    planned = [event for event in events if isinstance(event, Planned)]
    assert [event.whole for event in planned] == [False] * (len(planned) - 1) + [True]
    assert all(one.to_do <= other.to_do and one.windows <= other.windows for one, other in zip(planned, planned[1:]))
    assert planned[-1].duration == outcome.transcript.source.duration
    assert planned[-1].windows == len(batches(outcome.transcript))
    prepared = next(entry for entry in outcome.transcript.run.timeline if entry.stage == "prepare")
    assert (prepared.start, prepared.end) == (0.0, outcome.transcript.source.duration)


def test_a_file_that_breaks_off_while_workers_are_on_it(talk: InputFile, model: Path, tmp_path: Path, speech: NDArray[np.int16],
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    good = InputFile(sound.write_plain_wav(tmp_path / "good.wav", speech), "good.wav")
    begun = threading.Event()
    preparing = ahead.preparing

    def breaking(file: InputFile, *rest: Any) -> Iterator[Part]:
        for part in preparing(file, *rest):
            if part.whole and file is talk:
                assert begun.wait(timeout=60)
                raise InputError("The disk is gone.", "Find it.")
            yield part

    def observe(event: RunEvent) -> None:
        if isinstance(event, Working) and event.source == talk.name:
            begun.set()

    monkeypatch.setattr(ahead, "preparing", breaking)
    wanted = dataclasses.replace(options(model), temp_dir=str(tmp_path))
    found = {outcome.file.name: outcome for outcome in transcribe_files([talk, good], wanted, observe)}
    assert found["talk.wav"].transcript is None and "The disk is gone" in str(found["talk.wav"].error)
    assert found["good.wav"].transcript and not found["good.wav"].error
    assert not list(tmp_path.glob("voicekit-*"))


def test_an_error_in_a_worker_ends_the_decoding(talk: InputFile, model: Path, speech: NDArray[np.int16], tmp_path: Path,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    """The model cannot be read: that is known before the file is decoded, and then nobody wants the rest of it."""
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in model.iterdir():
        (broken / path.name).write_bytes(path.read_bytes()[:1000 if path.suffix == ".bin" else None])
    following = InputFile(sound.write_plain_wav(tmp_path / "following.wav", speech), "following.wav")
    left: list[str] = []
    preparing = ahead.preparing

    def waiting(file: InputFile, folder: Path, wanted: RunOptions, cache: Any, check: Callable[[], None]) -> Iterator[Part]:
        for part in preparing(file, folder, wanted, cache, check):
            if file is following:
                left.extend(str(path) for path in folder.glob("*.pcm") if str(path) != part.recording.pcm)
            assert file is following or not part.whole, "it was decoded to its end"
            yield part
            while file is talk and part.recording.samples > 100 * 16000:
                check()
                time.sleep(0.01)

    monkeypatch.setattr(ahead, "preparing", waiting)
    found, _ = run([talk, following], options(broken))
    assert [outcome.file for outcome in found] == [talk, following]
    assert all(outcome.error is not None and outcome.transcript is None for outcome in found)
    assert left == [], "what was decoded is removed"


def test_a_run_that_joins_another_begins_at_the_end(talk: InputFile, model: Path, tmp_path: Path) -> None:
    wanted = options(model, tmp_path / "kept", workers=1)
    (first,), _ = run([talk], wanted)
    place = tmp_path / "kept" / "running"
    for path in (tmp_path / "kept" / "results").rglob("*.json"):
        if b'"segments"' in path.read_bytes():  # one of them is the first window, after which the job is called
            (place / f"{path.stem[:32]}.another").write_text("0.0")
            path.unlink()
    (outcome,), events = run([talk], wanted)
    assert first.transcript and outcome.transcript and said(outcome.transcript) == said(first.transcript)
    assert any(isinstance(event, Notice) and "share the work" in event.message for event in events)
    work = [entry for entry in outcome.transcript.run.timeline if entry.stage == "transcribe"]
    starts = list(dict.fromkeys(entry.batch for entry in work))
    assert starts == sorted(starts, reverse=True) and len(starts) > 3
    assert batches(outcome.transcript) == batches(first.transcript)


def test_other_workers_load_the_model_while_one_tells_the_language(talk: InputFile, model: Path) -> None:
    (outcome,), events = run([talk], options(model, language=None))
    assert outcome.transcript
    what = [(event.slot, event.what) for event in events if isinstance(event, Working)]
    # Which of them has loaded its model first is chance: that one tells the language.
    telling = next(slot for slot, task in what if task == "language")
    assert any(slot != telling and task == "loading the model" for slot, task in what)
    first_window = next(place for place, (_, task) in enumerate(what) if task not in ("language", "loading the model"))
    assert what.index((telling, "language")) < first_window


def test_no_worker_begins_with_more_than_its_share(speech: NDArray[np.int16], model: Path, tmp_path: Path) -> None:
    """More windows than a batch has, known bit by bit, for as many workers as have to share one."""
    long = InputFile(sound.write_plain_wav(tmp_path / "long.wav", np.tile(several_minutes(speech), 4)), "long.wav")
    wanted = dataclasses.replace(options(model, workers=4), engine=EngineOptions("openvino", str(model), device="cpu"))
    (outcome,), _ = run([long], wanted)
    assert outcome.transcript
    sizes = Counter(batches(outcome.transcript).values())
    assert sizes.total() > 16 and max(sizes.values()) <= -(-sizes.total() // 4)


def test_many_files_one_after_the_other(speech: NDArray[np.int16], model: Path, tmp_path: Path) -> None:
    files = [InputFile(sound.write_plain_wav(tmp_path / f"{number}.wav", speech[number * 1000:][:60000]), f"{number}.wav")
             for number in range(12)]
    found, _ = run(files, options(model))
    assert [outcome.file for outcome in found if outcome.transcript] and {outcome.file for outcome in found} == set(files)
    assert all(outcome.transcript for outcome in found)
