"""That the speech of the tests is the same whatever was said before, and is what was asked for."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from tests.commands import ROOT
from tests.models import espeak, pico_cases

TEXT = "Yesterday my older brother found a red phone."
SETTINGS = {"speed": 150, "pitch": 40, "liveliness": 70}
VOICES = ("en-us+f4", "en-us+m3", "ru+Andrea")

OTHERS = tuple((f"And {number} other sentences, which are not as long.", f"{accent}+{speaker}")
               for number, speaker in enumerate(("m1", "f2", "whisper", "klatt3", "Michael"))
               for accent in ("en-us", "en-gb-x-rp", "ru", "de"))


@pytest.fixture(autouse=True)
def library() -> None:
    pico_cases.need_espeak()


def fingerprint(spoken: espeak.Spoken) -> str:
    return hashlib.sha256(spoken.samples.tobytes() + repr(spoken.words).encode()).hexdigest()


def in_a_fresh_process(voice: str) -> str:
    """What the sentence is where it is the first that a process says."""
    code = ("from tests.models import espeak, test_espeak as test\n"
            f"print(test.fingerprint(espeak.speak(test.TEXT, {voice!r}, **test.SETTINGS)))")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_same_whatever_was_said_before() -> None:
    fresh = {voice: in_a_fresh_process(voice) for voice in VOICES}
    assert len(set(fresh.values())) == len(VOICES)
    assert len(OTHERS) == 20
    for number, (text, voice) in enumerate(OTHERS):
        espeak.speak(text, voice, 130 + 3 * number, 25 + 2 * number, 70 - 2 * number)
    worn = {voice: fingerprint(espeak.speak(TEXT, voice, **SETTINGS)) for voice in VOICES}
    assert worn == fresh


def test_speed_pitch_and_liveliness() -> None:
    """Each does what it says; liveliness is how far the pitch moves."""
    from voicekit.prosody.pitch import register, track

    def said(**settings: int) -> tuple[float, float, float]:
        made = espeak.speak(TEXT, "en-us+m3", **settings)
        found = register([track(made.samples, espeak.RATE)])
        assert found is not None
        return len(made.samples) / espeak.RATE, found.mean, found.deviation

    length, mean, deviation = said()
    assert said(speed=120)[0] > 1.2 * length
    assert said(pitch=80)[1] > mean + 0.2
    assert said(liveliness=90)[2] > 1.3 * deviation


def test_where_the_words_are() -> None:
    spoken = espeak.speak(TEXT, "en-us")
    assert [TEXT[place:].split()[0] for place, _, _ in spoken.words] == TEXT.split()
    starts, ends = (np.array([word[index] for word in spoken.words]) for index in (1, 2))
    assert np.all(starts < ends) and np.all(ends[:-1] == starts[1:])
    assert starts[0] < 0.05 and ends[-1] == pytest.approx(len(spoken.samples) / espeak.RATE)


def test_what_cannot_be_said() -> None:
    with pytest.raises(ValueError, match="no voice 'nobody'"):
        espeak.speak(TEXT, "nobody")
    with pytest.raises(OSError, match="could not speak"):
        espeak.speak("", "en-us")
