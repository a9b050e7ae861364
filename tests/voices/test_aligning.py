from __future__ import annotations

import numpy as np
import pytest

from tests.voices.test_espeak import sentence, synthesizer
from voicekit.spoken import SpelledWord
from voicekit.voices import aligning, espeak

needs_espeak = pytest.mark.skipif(espeak.library() is None, reason="espeak-ng's library is not installed")

SENTENCES = {
    "ru": ("Сегодня утром мы пошли в лес, чтобы собрать грибы и ягоды.", "Если завтра будет дождь, мы останемся дома."),
    "en": ("The weather was cold, but the children played outside all day.", "She looked at the garden."),
}


@needs_espeak
@pytest.mark.parametrize(("name", "language", "pace"), [
    ("ru+f3", "ru", 0.85), ("ru+m3", "ru", 1.2), ("en-us+f2", "en", 1.0), ("en-gb+klatt", "en", 0.9)])
def test_another_voice_is_aligned_to_within_hundredths_of_a_second(name: str, language: str, pace: float) -> None:
    errors = []
    for text in SENTENCES[language]:
        words = sentence(text)
        spoken = synthesizer(name).speak(words, language, pace)
        found = aligning.align(spoken.samples, spoken.rate, words, language)
        errors += [abs(true.start - got.start) for true, got in zip(spoken.words, found, strict=True) if true and got]
    assert np.mean(errors) < 0.015
    assert max(errors) < 0.08


@needs_espeak
def test_silence_around_and_another_rate_do_not_matter() -> None:
    words = sentence(SENTENCES["ru"][1])
    spoken = synthesizer("ru+f3").speak(words, "ru")
    padded = np.concatenate([np.zeros(8000, np.float32), spoken.samples[::2], np.zeros(3000, np.float32)])
    found = aligning.align(padded, spoken.rate // 2, words, "ru")
    offset = 8000 / (spoken.rate // 2)
    assert all(abs(got.start - offset - true.start) < 0.08 for true, got in zip(spoken.words, found, strict=True)
               if true and got)


def test_without_a_guide_words_share_the_speech_by_their_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(espeak, "guide", lambda language: None)
    sound = np.zeros(16000, np.float32)
    sound[4000:12000] = np.sin(np.arange(8000) * 0.1)
    words = [SpelledWord("abc"), SpelledWord(""), SpelledWord("abc")]
    first, none, second = aligning.align(sound, 16000, words, "en")
    assert none is None and first is not None and second is not None
    assert (first.start, second.end) == (pytest.approx(0.25, abs=0.011), pytest.approx(0.75, abs=0.011))
    assert first.end == pytest.approx(second.start)
    assert first.duration == pytest.approx(second.duration)


def test_silence_has_words_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(espeak, "guide", lambda language: None)
    for length in (0, 5, 16000):
        (span,) = aligning.align(np.zeros(length, np.float32), 16000, [SpelledWord("abc")], "en")
        assert span is not None and 0 <= span.start <= span.end <= length / 16000
