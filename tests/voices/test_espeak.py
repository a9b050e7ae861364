from __future__ import annotations

import gc
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from voicekit.errors import EngineMissingError, ModelError
from voicekit.protocols import VoiceSpec
from voicekit.spoken import SpelledWord, Spoken
from voicekit.voices import espeak, espeak_library
from voicekit.voices.espeak import Espeak, EspeakSynthesizer

pytestmark = pytest.mark.skipif(espeak.library() is None,
                                reason="espeak-ng's library is not installed: nothing can be spoken")


def sentence(text: str) -> list[SpelledWord]:
    words = []
    for each in text.split():
        bare = each.rstrip(",.!?")
        words.append(SpelledWord(bare, each[len(bare):]))
    return words


def synthesizer(name: str) -> EspeakSynthesizer:
    adapter = Espeak()
    voice = adapter.voice(name)
    assert voice is not None
    model = adapter.find(voice)
    assert model is not None
    return adapter.load(VoiceSpec(voice, model))


RUSSIAN = sentence("Мама мыла раму, и всё было хорошо.")


def test_what_was_said_before_changes_nothing() -> None:
    fresh = synthesizer("ru").speak(RUSSIAN, "ru")
    worn = synthesizer("ru")
    for other in ("Совсем другое предложение, которое длиннее.", "Да!", "Мама мыла раму, и всё было хорошо."):
        worn.speak(sentence(other), "ru", 1.3)
    again = worn.speak(RUSSIAN, "ru")
    assert np.array_equal(fresh.samples, again.samples)
    assert fresh.words == again.words


@pytest.mark.parametrize("name", ["ru+f3", "ru+whisper", "ru+klatt", "en-us+croak", "en-gb+m3"])
def test_noisy_variants_repeat_too(name: str) -> None:
    one = synthesizer(name)
    first = one.speak(RUSSIAN, "ru")
    one.speak(sentence("something else"), "ru")
    assert np.array_equal(first.samples, one.speak(RUSSIAN, "ru").samples)


def test_the_sound_is_speech_in_floats() -> None:
    spoken = synthesizer("ru").speak(RUSSIAN, "ru")
    assert spoken.rate == 22050
    assert spoken.samples.dtype == np.float32
    assert 0.1 < np.abs(spoken.samples).max() <= 1.0
    assert 1.2 < len(spoken.samples) / spoken.rate < 3.5


def check_times(spoken: Spoken, words: list[SpelledWord]) -> None:
    spans = [span for span in spoken.words if span is not None]
    assert [span is None for span in spoken.words] == [not word.text for word in words]
    assert all(span.start < span.end for span in spans)
    assert all(before.end <= after.start + 1e-9 for before, after in pairwise(spans))
    assert spans[-1].end <= len(spoken.samples) / spoken.rate + 1e-9


def test_words_that_are_spoken_as_one_have_times_of_their_own() -> None:
    words = sentence("the cat in the hat of a kind")
    spoken = synthesizer("en-us").speak(words, "en")
    check_times(spoken, words)
    assert all(span is not None and span.duration > 0.03 for span in spoken.words)


def test_a_pause_belongs_to_no_word() -> None:
    words = sentence("one, two")
    first, second = synthesizer("en-us").speak(words, "en").words
    assert first is not None and second is not None
    assert second.start - first.end > 0.08


def test_words_without_text_and_words_of_several_words() -> None:
    words = [SpelledWord(""), SpelledWord("сто двадцать пять"), SpelledWord("", "—"), SpelledWord("рублей", "."),
             SpelledWord("", "!")]
    spoken = synthesizer("ru").speak(words, "ru")
    check_times(spoken, words)
    assert spoken.words[1] is not None and spoken.words[3] is not None
    assert spoken.words[1].duration > 2 * spoken.words[3].duration


def test_pace() -> None:
    one = synthesizer("en-us")
    words = sentence("a sentence that is said at several paces")
    lengths = [len(one.speak(words, "en", pace).samples) for pace in (0.01, 0.6, 1.0, 1.6, 99.0)]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[1] / lengths[3] == pytest.approx(1.6 / 0.6, rel=0.25)


def test_a_long_text() -> None:
    words = sentence(" ".join(["слово и ещё одно, длиннее;"] * 300))
    check_times(synthesizer("ru").speak(words, "ru", 2.0), words)


def test_nothing_to_say() -> None:
    with pytest.raises(ValueError, match="nothing"):
        synthesizer("ru").speak([SpelledWord("", ".")], "ru")


def test_stress_is_heard() -> None:
    one = synthesizer("ru")
    castle = one.speak([SpelledWord("замок", stressed=(1,))], "ru")
    lock = one.speak([SpelledWord("замок", stressed=(3,))], "ru")
    assert not np.array_equal(castle.samples[:len(lock.samples)], lock.samples[:len(castle.samples)])


def test_a_process_that_was_killed_is_started_again() -> None:
    one = synthesizer("ru")
    before = one.speak(RUSSIAN, "ru")
    one._process._process.kill()
    one._process._process.wait()
    assert np.array_equal(before.samples, one.speak(RUSSIAN, "ru").samples)


def test_its_process_ends_with_it() -> None:
    one = synthesizer("ru")
    process = one._process._process
    del one
    gc.collect()
    assert process.poll() == 0


def test_without_fork_each_sentence_has_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with_fork = synthesizer("ru").speak(RUSSIAN, "ru")
    script = tmp_path / "without_fork.py"
    script.write_text(f"import os, runpy\ndel os.fork\nrunpy.run_path({str(espeak_library.SCRIPT)!r}, run_name='__main__')\n")
    monkeypatch.setattr(espeak_library, "SCRIPT", script)
    one = synthesizer("ru")
    for _ in range(3):
        spoken = one.speak(RUSSIAN, "ru")
        assert np.array_equal(with_fork.samples, spoken.samples)
        assert with_fork.words == spoken.words


def test_over_a_hundred_languages_and_their_variants() -> None:
    adapter = Espeak()
    languages = {voice.languages[0] for voice in adapter.voices()}
    assert len(languages) > 100
    assert {"ru", "en", "uk", "be", "zh", "no", "de"} <= languages
    russian = adapter.default("ru")
    assert russian is not None and russian.name == "ru"
    assert adapter.default("xx") is None
    variants = adapter.variants(russian)
    assert [voice.gender for voice in variants[:4]] == ["female", "male", "female", "male"]
    assert adapter.voice("ru+nobody") is None and adapter.voice("ru+../x") is None
    assert adapter.find(russian) == adapter.fetch(russian)
    assert adapter.version().startswith("espeak-ng 1.")


def test_a_voice_that_is_not_there() -> None:
    russian = Espeak().default("ru")
    assert russian is not None
    with pytest.raises(ModelError, match="no voice 'xx'"):
        Espeak().fetch(type(russian)("espeak", "xx", ("xx",), ""))


def test_the_program_without_the_library_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(espeak, "library", lambda: None)
    program = tmp_path / "espeak-ng"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("espeak-ng")
    assert not Espeak().installed()
    with pytest.raises(EngineMissingError, match="The program espeak-ng is here, but"):
        Espeak().load(VoiceSpec(espeak.Voice("espeak", "ru", ("ru",), ""), None))
    monkeypatch.setenv("PATH", "")
    assert "espeakng-loader" in Espeak().how_to_install()


def test_the_library_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    loader = pytest.importorskip("espeakng_loader", reason="espeakng-loader is not installed")
    process = espeak.Process(loader.get_library_path(), loader.get_data_path())
    answer = process.ask({"text": "Мама мыла раму", "voice": "ru", "speed": 175})
    assert len(answer.sound) > 22050
    assert [place for place, _, _ in answer.words] == [1, 6, 11]
    process._end()
