from __future__ import annotations

import sys

import numpy as np
import pytest

from tests import sound
from tests.prosody import cases
from voicekit.errors import EngineMissingError
from voicekit.prosody.pitch import STEP, Pitch, register, track, without_slips


def buzz(f0: np.ndarray, rate: int = 16000) -> np.ndarray:
    """Pulses at an F0 given per 5 ms frame, through a small resonance."""
    phase = np.cumsum(np.interp(np.arange(int(len(f0) * STEP * rate)) / rate / STEP, np.arange(len(f0)), f0) / rate)
    pulses = np.diff(np.floor(phase), prepend=0)
    ring = np.exp(-np.arange(200) / 25) * np.cos(2 * np.pi * 700 * np.arange(200) / rate)
    return np.convolve(pulses, ring)[:len(pulses)].astype(np.float32) * 0.3


@pytest.mark.parametrize("fine", [True, False])
@pytest.mark.parametrize("rate", [16000, 22050, 48000])
def test_a_gliding_voice(rate: int, fine: bool) -> None:
    wanted = np.linspace(110, 220, 300)
    found = track(buzz(wanted, rate), rate, fine=fine).f0[20:280]
    assert np.mean(found > 0) > 0.95
    assert np.median(np.abs(1200 * np.log2(found[found > 0] / wanted[20:280][found > 0]))) < 15


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(16000), np.ones(10), sound.noise(1, 0.02)],
                         ids=["none", "silence", "ten", "short"])
def test_what_has_no_pitch(samples: np.ndarray) -> None:
    found = track(samples.astype(np.float32), 16000)
    assert not found.voiced.any()
    assert len(found.f0) == int(len(samples) / 16000 / STEP) + 1
    assert np.all(np.isfinite(found.filled()))


def contour() -> np.ndarray:
    """Two seconds with a pause, gliding over half an octave."""
    f0 = 150 * 2 ** (0.25 * np.sin(np.arange(400) / 60))
    f0[180:210] = 0
    return f0


@pytest.mark.parametrize("factor", [0.5, 2.0])
@pytest.mark.parametrize("where", [(60, 90), (100, 103), (0, 30), (370, 400), (210, 260), (150, 180), (40, 120)])
def test_an_octave_slip_is_put_right(factor: float, where: tuple[int, int]) -> None:
    slipped = contour()
    slipped[slice(*where)] *= factor
    np.testing.assert_allclose(without_slips(slipped), contour())


def test_several_slips_at_once() -> None:
    slipped = contour()
    slipped[20:45] *= 2
    slipped[100:140] *= 0.5
    slipped[300:330] *= 2
    np.testing.assert_allclose(without_slips(slipped), contour())


def test_what_is_no_slip_is_left() -> None:
    np.testing.assert_array_equal(without_slips(contour()), contour())
    lively = contour()
    lively[210:] *= 1.6  # a word said higher
    np.testing.assert_array_equal(without_slips(lively), lively)
    assert not np.any(without_slips(np.zeros(50)))


def test_a_wrong_frame_at_an_edge_does_not_move_the_whole() -> None:
    """A stretch was doubled because its first frame, half as high, jumped."""
    f0 = np.zeros(200)
    f0[40:80], f0[81:84], f0[84:120] = 100, 150, 100
    f0[84], f0[79] = 62, 68
    fixed = without_slips(f0)
    np.testing.assert_allclose(fixed[86:120], 100)
    np.testing.assert_allclose(fixed[40:78], 100)


def test_register_is_that_of_the_voice() -> None:
    rng = np.random.default_rng(1)
    f0 = np.exp(5 + 0.15 * rng.standard_normal(5000))
    f0[::50] *= 2  # slips that were not found
    f0[::7] = 0
    found = register([Pitch(f0[:2000]), Pitch(f0[2000:])])
    assert found is not None
    assert found.mean == pytest.approx(5, abs=0.01)
    assert found.deviation == pytest.approx(0.15, abs=0.01)
    assert register([]) is None
    assert register([Pitch(np.zeros(10))]) is None


def test_high_and_low_speakers_are_told_apart() -> None:
    high, low = (register([track(cases.say(cases.ENGLISH, voice).samples, cases.RATE)])
                 for voice in ("en-us+f4", "en-us+m1"))
    assert high is not None and low is not None
    assert high.mean > low.mean + 0.4


def test_without_pyworld(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyworld", None)
    with pytest.raises(EngineMissingError, match="revoice"):
        track(sound.tone(0.5), 16000)
