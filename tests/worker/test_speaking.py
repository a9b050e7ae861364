"""Sentences to sound, in this process: several speakers, what cannot be said, and what is said too fast."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import sound
from tests.models import espeak
from voicekit import audio, voices
from voicekit.execution.work import SlotContext
from voicekit.protocols import VoiceSpec
from voicekit.spoken import Sentence
from voicekit.stages.revoicing import Manner
from voicekit.types import Chunk, Recording, Word
from voicekit.worker.reports import BatchBegun, BatchDone
from voicekit.worker.speaking import CastTask, SpeakTask, cast_voices, rooms, speak_chunk

HERE = SlotContext(0, "cpu", 1)
TEXT = {"A": "Good morning everybody, this is the first of them.", "B": "And here is somebody else who has another voice."}


def spec(name: str) -> VoiceSpec:
    voice = voices.parse(f"espeak:{name}", "en")
    assert voice is not None
    model = voices.adapter("espeak").find(voice)
    assert model is not None
    return VoiceSpec(voice, model)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> tuple[Recording, tuple[Sentence, ...]]:
    """A man and a woman, four sentences, with the times of their words."""
    if espeak.library() is None:
        pytest.skip("espeak-ng is not installed")
    folder = tmp_path_factory.mktemp("two")
    parts, sentences, now = [np.zeros(8000, np.float32)], [], 0.5
    for index, label in enumerate("ABAB"):
        spoken = espeak.speak(TEXT[label], "en-us+m3" if label == "A" else "en-us+f2")
        words = tuple(Word(now + start, now + end, f" {word}", 1.0, label) for word, (_, start, end)
                      in zip(TEXT[label].split(), spoken.words, strict=False))
        sentences.append(Sentence(index, words[0].start, words[-1].end, words, label))
        parts += [spoken.samples, np.zeros(8000, np.float32)]
        now += len(spoken.samples) / 16000 + 0.5
    pcm = np.rint(np.concatenate(parts) * 20000).astype(np.int16)
    return audio.decode(sound.write_plain_wav(folder / "two.wav", pcm), folder), tuple(sentences)


def speak(recording: Recording, sentences: tuple[Sentence, ...], folder: Path, cast: Any, manner: Manner) -> dict[int, Any]:
    told: list[Any] = []
    task = SpeakTask(Chunk(0, recording, tuple((one,) for one in sentences)), rooms(sentences, recording.source.duration),
                     cast, manner, str(folder), None)
    receipt = speak_chunk(task, HERE, told.append)
    assert receipt.devices == ("cpu",)
    assert sum(isinstance(one, BatchBegun) for one in told) == len(sentences)
    return {index: result for one in told if isinstance(one, BatchDone) for index, result in one.results.items()}


def test_every_speaker_gets_a_voice_that_fits(recording: tuple[Recording, tuple[Sentence, ...]], tmp_path: Path) -> None:
    sound_of, sentences = recording
    manner = Manner("en", "normal", False)
    others = tuple(spec(name) for name in ("en-us+f2", "en-us+m3"))
    cast = cast_voices(CastTask(sound_of, sentences, {}, spec("en-us"), others, manner), HERE, lambda _: None)
    genders = {label: chosen.voice.gender for label, chosen in cast.voices.items()}
    assert genders["B"] == "female" and cast.voices["A"] != cast.voices["B"]
    low, high = cast.speakers["A"], cast.speakers["B"]
    assert low is not None and high is not None and low.mean < high.mean
    given = {"A": spec("en-us+f2")}
    cast = cast_voices(CastTask(sound_of, sentences, given, spec("en-us"), (), manner), HERE, lambda _: None)
    assert cast.voices["A"].voice.name == "en-us+f2" and cast.voices["B"].voice.name == "en-us"
    results = speak(sound_of, sentences, tmp_path, cast, manner)
    assert all(one.status == "spoken" and Path(one.pcm).stat().st_size == 2 * one.samples for one in results.values())


def cast_of(recording: Recording, sentences: tuple[Sentence, ...], manner: Manner) -> Any:
    return cast_voices(CastTask(recording, sentences, {}, spec("en-us"), (), manner), HERE, lambda _: None)


def test_what_cannot_be_said_is_silence(recording: tuple[Recording, tuple[Sentence, ...]], tmp_path: Path) -> None:
    sound_of, _ = recording
    words = (Word(1.0, 2.0, " \U0001f600", 1.0),)
    sentences = (Sentence(0, 1.0, 2.0, words), Sentence(1, 3.0, 4.0, (Word(3.0, 4.0, " Hello.", 1.0),)))
    manner = Manner("en", "normal", False)
    results = speak(sound_of, sentences, tmp_path, cast_of(sound_of, sentences, manner), manner)
    assert results[0].status == "skipped" and "\U0001f600" in results[0].reason and not results[0].pcm
    assert results[1].status == "spoken"


def test_too_much_in_too_little_time_is_capped_and_told(recording: tuple[Recording, tuple[Sentence, ...]],
                                                        tmp_path: Path) -> None:
    sound_of, _ = recording
    text = "an extraordinarily complicated parliamentary investigation of international telecommunication".split()
    words = tuple(Word(1.0 + index * 0.1, 1.1 + index * 0.1, f" {word}", 1.0) for index, word in enumerate(text))
    sentences = (Sentence(0, 1.0, words[-1].end, words), Sentence(1, words[-1].end, 4.0, (Word(words[-1].end, 4.0, " Yes.", 1.0),)))
    for prosody in ("fast", "normal"):
        manner = Manner("en", prosody, False)  # type: ignore[arg-type]
        results = speak(sound_of, sentences, tmp_path, cast_of(sound_of, sentences, manner), manner)
        assert results[0].status == "spoken" and results[0].notes, results[0]
        assert results[0].samples / results[0].rate <= words[-1].end - 1.0 + results[0].lead + 0.01, "it ends in time"


def test_people_who_speak_at_once_are_both_heard(recording: tuple[Recording, tuple[Sentence, ...]], tmp_path: Path) -> None:
    sound_of, _ = recording
    sentences = tuple(Sentence(index, start, start + 1.0, (Word(start, start + 1.0, " Wonderful", 1.0, label),), label)
                      for index, (start, label) in enumerate([(1.0, "A"), (1.2, "B")]))
    assert rooms(sentences, 10.0) == {0: 1.0, 1: pytest.approx(8.8)}
    manner = Manner("en", "normal", False)
    results = speak(sound_of, sentences, tmp_path, cast_of(sound_of, sentences, manner), manner)
    assert all(one.status == "spoken" and one.samples > 0.5 * one.rate for one in results.values())
