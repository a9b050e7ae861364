"""The track is as long as was asked for, every piece is where it belongs, and nothing clicks."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests import sound
from voicekit.errors import OutputError, ProcessingError
from voicekit.stages.assembly import FADE, Piece, as_int16, assemble

RATES = [8000, 16000, 22050, 44100, 48000]


def piece(folder: Path, name: str, samples: np.ndarray, rate: int, start: float) -> Piece:
    as_int16(samples).tofile(folder / name)
    return Piece(str(folder / name), len(samples), rate, start)


def track(folder: Path, pieces: list[Piece], rate: int, samples: int) -> np.ndarray:
    return np.fromfile(assemble(pieces, rate, samples, str(folder / "track.f32")), "<f4")


def chirp(seconds: float, rate: int) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * (200 + 1500 * time) * time)).astype(np.float32)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("own", [16000, 22050, 24000, 48000])
def test_every_piece_is_where_it_belongs(tmp_path: Path, own: int, rate: int) -> None:
    for start in (0.0, 1.2345, 2.00003):
        made = track(tmp_path, [piece(tmp_path, "a", chirp(1, own), own, start)], rate, 5 * rate + 1)
        assert len(made) == 5 * rate + 1
        first = round(start * rate)
        expected = np.zeros(len(made), np.float32)
        expected[first:first + rate] = chirp(1, rate)
        inner = slice(first + rate // 50, first + rate - rate // 50)
        assert np.abs(made[inner] - expected[inner]).max() < 0.003
        assert not made[:first].any() and not made[first + rate:].any()


def test_the_track_is_the_same_whatever_the_order(tmp_path: Path) -> None:
    pieces = [piece(tmp_path, f"{n:03}", sound.noise(n, 0.2 + n % 7 / 10, 22050), 22050, n % 23 * 0.71 - 0.3)
              for n in range(60)]
    made = track(tmp_path, pieces, 44100, 700_000).tobytes()
    for seed in range(3):
        random.Random(seed).shuffle(pieces)
        assert track(tmp_path, pieces, 44100, 700_000).tobytes() == made


def test_overlapping_pieces_are_added(tmp_path: Path) -> None:
    one = piece(tmp_path, "a", sound.tone(2, level=0.2), 16000, 0.5)
    two = piece(tmp_path, "b", sound.tone(2, frequency=700, level=0.3), 16000, 1.5)
    both = track(tmp_path, [one, two], 16000, 64000)
    assert np.array_equal(both, track(tmp_path, [one], 16000, 64000) + track(tmp_path, [two], 16000, 64000))
    assert np.abs(both[25000:31000]).max() > 0.45


@pytest.mark.parametrize("rate", RATES)
def test_no_join_clicks(tmp_path: Path, rate: int) -> None:
    """Pieces that begin and end at full level, that meet, and that are cut by the recording's edges."""
    loud = np.full(16000, 0.5, np.float32)
    hum = sound.tone(1, frequency=100) + np.float32(0.25)
    pieces = [piece(tmp_path, str(n), samples, 16000, start) for n, (samples, start) in enumerate(
        [(loud, -0.4), (hum, 0.7), (loud, 1.7), (hum, 2.7), (loud, 4.5)])]
    made = track(tmp_path, pieces, rate, 5 * rate)
    steps = np.abs(np.diff(np.concatenate(([0.0], made, [0.0]))))
    fade = 0.75 * np.pi / 2 / (FADE * rate)  # the steepest step of a fade from the loudest sample
    assert steps.max() < 2 * (fade + 2 * np.pi * 100 * 0.5 / rate)
    assert np.abs(made).max() == pytest.approx(0.75, abs=0.05)


def test_speech_meets_speech_without_a_click(tmp_path: Path, speech: np.ndarray) -> None:
    said = speech[:160_000].astype(np.float32) / 32768
    inside = np.abs(np.diff(said)).max()
    cuts = list(range(0, 160_000, 7919))
    pieces = [piece(tmp_path, str(cut), said[cut:cut + 7919], 16000, cut / 16000) for cut in cuts]
    assert np.abs(np.diff(track(tmp_path, pieces, 16000, 160_000))).max() <= inside * 1.001


def test_pieces_at_and_beyond_the_edges(tmp_path: Path) -> None:
    pieces = [piece(tmp_path, str(n), sound.tone(seconds), 16000, start) for n, (seconds, start) in enumerate(
        [(1, -1.0), (1, -5.0), (0, 0.5), (0.0002, 0.7), (1, 2.0), (1, 9.0), (0.5, 1.75)])]
    made = track(tmp_path, pieces, 16000, 32000)
    assert len(made) == 32000
    assert not made[:11200].any() and not made[11210:28000].any() and made[28100:31900].any()
    assert len(track(tmp_path, pieces, 16000, 0)) == 0
    assert not track(tmp_path, [], 16000, 1_000_000).any()


def test_a_piece_that_is_gone_or_shorter(tmp_path: Path) -> None:
    good = piece(tmp_path, "a", sound.tone(1), 16000, 0.0)
    with pytest.raises(ProcessingError, match="shorter"):
        track(tmp_path, [Piece(good.path, 20000, 16000, 0.0)], 16000, 32000)
    with pytest.raises(ProcessingError, match="cannot be read"):
        track(tmp_path, [Piece(str(tmp_path / "none"), 20000, 16000, 0.0)], 16000, 32000)
    with pytest.raises(OutputError, match="temp-dir"):
        assemble([good], 16000, 32000, str(tmp_path / "none" / "track"))


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    script = (
        "import resource, sys; from voicekit.stages.assembly import Piece, assemble\n"
        f"pieces = [Piece({str(tmp_path / 'a')!r}, 480_000, 24000, 21.0 * n) for n in range(int(sys.argv[1]))]\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "assemble(pieces[:2], 48000, 42 * 48000, sys.argv[2]); before = peak()\n"
        "assemble(pieces, 48000, 21 * 48000 * len(pieces), sys.argv[2]); print((peak() - before) >> 10)")
    as_int16(sound.noise(1, 20, 24000)).tofile(tmp_path / "a")
    done = subprocess.run([sys.executable, "-c", script, "170", str(tmp_path / "track")],
                          capture_output=True, text=True, check=True)
    assert (tmp_path / "track").stat().st_size == 170 * 21 * 48000 * 4
    assert int(done.stdout) < 30


def test_a_full_disk(tmp_path: Path) -> None:
    as_int16(sound.noise(1, 1)).tofile(tmp_path / "a")
    script = ("import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
              "from voicekit.stages.assembly import Piece, assemble\n"
              "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
              "assemble([Piece(sys.argv[1], 16000, 16000, 0.0)], 16000, 32000, sys.argv[2])")
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "a"), str(tmp_path / "t")],
                          capture_output=True, text=True)
    assert "OutputError" in done.stderr and "temp-dir" in done.stderr
