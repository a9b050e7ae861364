"""The original's music stays; its voice is gone to the last sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests import sound
from voicekit.audio.native import native
from voicekit.errors import OutputError, ProcessingError
from voicekit.stages.background import DUCKED, FADE, MARGIN, Background
from voicekit.types import Span


def kept(folder: Path, original: np.ndarray, rate: int, speech: list[Span], block: int = 4099) -> Background:
    with Background(str(folder / "b.pcm"), speech) as background:
        for first in range(0, len(original), block):
            background.take(original[first:first + block], rate)
    return background


@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_nothing_of_the_voice_is_heard(tmp_path: Path, rate: int) -> None:
    music = sound.noise(1, 10, rate)
    speech = [Span(2, 3), Span(3.02, 4), Span(4.14, 5), Span(0, 0.1), Span(9.5, 11), Span(2.5, 2.6)]
    made = kept(tmp_path, music, rate, speech).read(0, len(music))
    time = np.arange(len(music)) / rate
    inside = np.zeros(len(music), bool)
    outside = np.ones(len(music), bool)
    for span in speech:
        inside |= (time >= span.start - MARGIN) & (time <= span.end + MARGIN)
        outside &= (time < span.start - MARGIN - FADE) | (time > span.end + MARGIN + FADE)
    assert not made[inside].any()
    assert np.abs(made - music)[outside].max() <= 1 / 32768
    assert outside.sum() > 5 * rate


def test_fades_are_smooth(tmp_path: Path) -> None:
    made = kept(tmp_path, np.full(160_000, 0.5, np.float32), 16000,
                [Span(1, 2), Span(2.11, 3), Span(3.13, 4)]).read(0, 160_000)
    assert np.abs(np.diff(made)).max() < 0.5 * np.pi / 2 / (FADE * 16000) * 1.1


def test_the_new_voice_ducks_it(tmp_path: Path) -> None:
    music = sound.noise(1, 10)
    background = kept(tmp_path, music, 16000, [])
    assert np.allclose(background.read(0, 160_000), music, atol=1e-4)
    background.duck([Span(6, 6.2), Span(2, 3), Span(3.3, 4), Span(2.1, 2.2)])
    level = background.read(0, 160_000) / np.where(np.abs(music) < 0.01, np.nan, music)
    assert np.nanmedian(level[:30000]) == pytest.approx(1, abs=0.01)
    for low in (slice(32000, 64000), slice(96000, 99200)):  # a short pause stays low
        assert np.nanmax(np.abs(level[low] - DUCKED)) < 0.01
    assert np.nanmedian(level[66000:94000]) == pytest.approx(1, abs=0.01)


def test_any_stretch_can_be_read(tmp_path: Path) -> None:
    background = kept(tmp_path, sound.noise(1, 2), 16000, [Span(0.5, 1)])
    background.duck([Span(1.2, 1.4)])
    every = background.read(0, 32000)
    for first in range(0, 31000, 1777):
        assert np.array_equal(background.read(first, first + 1000), every[first:first + 1000])
    around = background.read(-100, 32100)
    assert len(around) == 32200 and not around[:100].any() and not around[-100:].any()
    assert np.array_equal(around[100:-100], every)
    assert not background.read(40000, 40100).any()


def test_from_a_file_at_its_own_rate(tmp_path: Path) -> None:
    music = sound.tone(3, 44100)
    path = sound.write(tmp_path / "a.flac", music, 44100)
    with Background(str(tmp_path / "b.pcm"), [Span(1, 2)]) as background:
        whole = native(path, background.take)
    assert (background.rate, background.samples) == (44100, 132_300) == (whole.rate, whole.samples)
    made = background.read(0, 132_300)
    assert np.abs(made[:40000] - music[:40000]).max() < 1e-4 and not made[44100:88200].any()


def test_what_cannot_be_written_or_read(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="temp-dir"):
        Background(str(tmp_path / "none" / "b"), [])
    with pytest.raises(OutputError, match="No space left"):
        with Background("/dev/full", []) as background:
            background.take(sound.noise(1, 10), 16000)
    background = kept(tmp_path, sound.noise(1, 1), 16000, [])
    (tmp_path / "b.pcm").unlink()
    with pytest.raises(ProcessingError, match="cannot be read"):
        background.read(0, 10)
