from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests import sound
from tests.models import espeak
from tests.prosody import cases
from tests.prosody.cases import BEFORE, Pair
from voicekit.options import Quality
from voicekit.prosody import measures
from voicekit.prosody.loudness import loudness, speaking
from voicekit.prosody.measures import Measures, hear
from voicekit.prosody.pitch import STEP, register, track
from voicekit.prosody.transfer import transfer
from voicekit.spoken import Fitted, Register, Spoken

QUALITIES: tuple[Quality, ...] = ("fast", "normal", "high")


def fitted(pair: Pair, quality: Quality = "normal", room: float | None = None) -> Fitted:
    speaker, voice = (register([track(samples, rate)]) for samples, rate in (
        (pair.original, espeak.RATE), (pair.spoken.samples, pair.spoken.rate)))
    return transfer(pair.original, BEFORE, pair.anchors, pair.spoken, speaker, voice,
                    pair.room if room is None else room, quality)


def placed(pair: Pair, made: Fitted) -> np.ndarray:
    result = np.zeros(round(len(pair.original) / espeak.RATE * made.rate), np.float32)
    first = round((BEFORE - made.lead) * made.rate)
    assert first + len(made.samples) <= len(result)
    result[first:first + len(made.samples)] = made.samples
    return result


def compared(pair: Pair, made: Fitted) -> Measures:
    return measures.compare(hear(pair.original, espeak.RATE), hear(placed(pair, made), made.rate),
                            register([track(pair.original, espeak.RATE)]),
                            register([track(pair.spoken.samples, pair.spoken.rate)]))


@pytest.mark.parametrize("text, who, voice, settings", [
    (cases.ENGLISH, "en-us+f4", "en-us+m1", {"speed": 180, "pitch": 60, "liveliness": 70}),
    (cases.ENGLISH, "en-us+m3", "en-us+f2", {"speed": 140, "pitch": 40, "liveliness": 60}),
    (cases.RUSSIAN, "ru+m3", "ru+f2", {"speed": 150, "pitch": 40, "liveliness": 70}),
    (cases.RUSSIAN, "ru+f3", "ru", {"speed": 175, "pitch": 60, "liveliness": 60})])
def test_prosody_is_the_originals(text: str, who: str, voice: str, settings: dict[str, int]) -> None:
    pair = cases.pair(text, who, voice, **settings)
    found = compared(pair, fitted(pair))
    assert found.f0_rmse is not None and found.f0_rmse <= 80
    assert found.f0_correlation is not None and found.f0_correlation >= 0.9
    assert found.energy_correlation is not None and found.energy_correlation >= 0.6
    assert found.overlap is not None and found.overlap >= 0.95
    assert found.duration_error == 0
    plain = compared(pair, fitted(pair, "fast"))
    assert plain.f0_correlation is not None and plain.f0_correlation < found.f0_correlation


def test_world_takes_over_where_the_shift_is_large() -> None:
    pair = cases.pair(who="en-us+m3", voice="en-us+m1", pitch=50, liveliness=70)
    speaker, own = (register([track(samples, rate)]) for samples, rate in (
        (pair.original, espeak.RATE), (pair.spoken.samples, cases.RATE)))
    assert speaker is not None and own is not None
    for rise, same in ((0.0, True), (0.5, False)):
        voice = Register(own.mean + rise, own.deviation)
        high, normal = (transfer(pair.original, BEFORE, pair.anchors, pair.spoken, speaker, voice, pair.room, quality)
                        for quality in ("high", "normal"))
        assert np.array_equal(high.samples, normal.samples) == same
        for made in (high, normal):
            found = measures.compare(hear(pair.original, espeak.RATE), hear(placed(pair, made), made.rate), speaker, voice)
            assert found.f0_rmse_fine is not None and found.f0_rmse_fine < 60
            assert found.gross_pitch_error is not None and found.gross_pitch_error < 0.03


def onto_itself() -> Pair:
    """The original is the voice: the same samples."""
    pair = cases.pair(who="en-us+m3", voice="en-us+m3", rate=espeak.RATE)
    inner = slice(round(BEFORE * espeak.RATE), -round(BEFORE * espeak.RATE))
    np.testing.assert_array_equal(pair.spoken.samples, pair.original[inner])
    return pair


@pytest.mark.parametrize("quality", QUALITIES)
def test_a_sentence_onto_itself_changes_little(quality: Quality) -> None:
    pair = onto_itself()
    made = fitted(pair, quality)
    assert made.stretch == pytest.approx(1, abs=0.01)
    assert made.notes == ()
    theirs, ours = spectrum(pair.original), spectrum(placed(pair, made))
    assert np.linalg.norm(ours - theirs) < 0.2 * np.linalg.norm(theirs)
    found = compared(pair, made)
    assert found.f0_rmse is not None and found.f0_rmse < 30
    assert found.energy_correlation is not None and found.energy_correlation > 0.99


def spectrum(samples: np.ndarray) -> np.ndarray:
    """Magnitudes, shape (frames, frequencies), of 32 ms each 8 ms."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, 512)[::128]
    return np.abs(np.fft.rfft(frames * np.hanning(512)))


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("delay", [0.0, 0.137])
def test_the_onset_is_the_originals(quality: Quality, delay: float) -> None:
    pair = cases.pair()
    quiet = np.zeros(round(delay * cases.RATE), np.float32)
    later = tuple(span and replace(span, start=span.start + delay, end=span.end + delay) for span in pair.spoken.words)
    spoken = Spoken(np.concatenate([quiet, pair.spoken.samples]), cases.RATE, later)
    made = fitted(replace(pair, spoken=spoken), quality)
    assert made.words[0] is not None and made.words[0].start == pytest.approx(0, abs=1e-6)
    heard = np.flatnonzero(speaking(loudness(made.samples, made.rate)))[0] * STEP - made.lead
    theirs = np.flatnonzero(speaking(loudness(pair.original, espeak.RATE)))[0] * STEP - BEFORE
    assert abs(heard - theirs) < 0.05


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("part", [0.9, 0.6, 0.3])
def test_it_never_runs_past_its_room(quality: Quality, part: float) -> None:
    pair = cases.pair()
    room = pair.anchors[-1].end * part
    made = fitted(pair, quality, room)
    assert len(made.samples) <= (room + made.lead) * made.rate
    assert any("left out" in note for note in made.notes) == (part < 0.5)
    assert np.abs(made.samples[-5:]).max() < 0.02


@pytest.mark.parametrize("quality", QUALITIES)
def test_no_jumps_that_the_inputs_do_not_have(quality: Quality) -> None:
    pair = cases.pair(cases.RUSSIAN, "ru+f2", "ru+m3", speed=130)
    steepest = np.abs(np.diff(pair.spoken.samples)).max()
    made = fitted(pair, quality)
    assert np.abs(np.diff(made.samples, prepend=0, append=0)).max() < 2 * steepest
    assert abs(made.samples[0]) < 0.01 and abs(made.samples[-1]) < 0.01


@pytest.mark.parametrize("quality", QUALITIES)
def test_the_same_to_the_bit(quality: Quality) -> None:
    pair = cases.pair()
    first, second = fitted(pair, quality), fitted(pair, quality)
    np.testing.assert_array_equal(first.samples, second.samples)
    assert (first.words, first.lead, first.notes) == (second.words, second.lead, second.notes)


@pytest.mark.parametrize("quality", QUALITIES)
def test_pauses_are_silent(quality: Quality) -> None:
    pair = cases.pair()
    gap, cut = 0.8, pair.anchors[8].start
    place = round((BEFORE + cut) * espeak.RATE)
    original = np.concatenate([pair.original[:place], sound.silence(gap), pair.original[place:]])
    anchors = tuple(span if span.start < cut else replace(span, start=span.start + gap, end=span.end + gap)
                    for span in pair.anchors)
    made = fitted(replace(pair, original=original, anchors=anchors), quality)
    if quality != "fast":
        middle = round((cut + 0.3 + made.lead) * made.rate)
        assert np.abs(made.samples[middle:middle + round(0.3 * made.rate)]).max() < 1e-3


@pytest.mark.parametrize("quality", QUALITIES)
def test_hopeless_input_still_gives_a_sentence(quality: Quality) -> None:
    pair = cases.pair()
    words = len(pair.anchors)
    nothing = transfer(pair.original, BEFORE, pair.anchors, replace(pair.spoken, samples=np.zeros(100, np.float32)),
                       None, None, 3.0, quality)
    assert len(nothing.samples) == 0 and nothing.notes
    assert len(transfer(pair.original, BEFORE, pair.anchors, pair.spoken, None, None, 0.0, quality).samples) == 0
    for original in (sound.silence(4), sound.noise(3, 4), np.zeros(0, np.float32)):
        for anchors in (pair.anchors, (None,) * words):
            for spoken in (pair.spoken.words, (None,) * words):
                made = transfer(original, BEFORE, anchors, replace(pair.spoken, words=spoken), None, None, 5.0, quality)
                assert np.all(np.isfinite(made.samples)) and np.any(made.samples)
                assert np.abs(made.samples).max() <= 1


def test_loudness_stays_within_twelve_decibels_and_the_level_is_kept() -> None:
    pair = onto_itself()
    swell = 10 ** (np.linspace(-40, 0, len(pair.original)) / 20)
    made = fitted(replace(pair, original=(pair.original * swell).astype(np.float32)))
    power = np.sum(made.samples.astype(float) ** 2) / np.sum(pair.spoken.samples.astype(float) ** 2)
    assert abs(10 * np.log10(power)) < 3
    third = len(made.samples) // 3
    rise = 10 * np.log10(np.mean(made.samples[-third:] ** 2) / np.mean(made.samples[:third] ** 2))
    plain = 10 * np.log10(np.mean(pair.spoken.samples[-third:] ** 2) / np.mean(pair.spoken.samples[:third] ** 2))
    assert 6 < rise - plain <= 24.5
