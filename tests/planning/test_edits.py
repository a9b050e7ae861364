"""Edits are cheap: what is cut from a recording or added to it leaves the windows elsewhere as they were.

A result is kept under the hash of its window's samples. So when a recording was edited, a window's result is found
again if the window holds the very same samples.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conftest import samples_of
from tests.models import pico_cases
from voicekit.engines.silero import SileroDetector
from voicekit.planning.frames import detect
from voicekit.planning.speech import speech_spans
from voicekit.planning.windows import plan_windows
from voicekit.types import Window

RATE = 16000
MINUTE = 60 * RATE
LONGEST = 30.0

Pcm = NDArray[np.int16]

pytestmark = pytest.mark.xdist_group("edits")

EDITS = ("append", "cut", "insert", "behead")


def plan(pcm: Pcm) -> tuple[Window, ...]:
    """The windows of a recording, as the main job plans them."""
    blocks = (pcm[first:first + MINUTE].astype(np.float32) / np.float32(32768) for first in range(0, len(pcm), MINUTE))
    frames = detect(SileroDetector(), blocks)
    spans = speech_spans(frames, len(pcm) / RATE)
    return plan_windows(spans, frames, len(pcm), lambda a, b: pcm[max(a, 0):max(b, 0)], LONGEST)


def keys(pcm: Pcm, windows: Sequence[Window]) -> list[str]:
    """What the windows' results are kept under."""
    return [hashlib.sha256(pcm[round(w.start * RATE):round(w.end * RATE)].tobytes()).hexdigest() for w in windows]


def found_again(original: Pcm, edited: Pcm) -> tuple[list[bool], tuple[Window, ...]]:
    """For every window of the edited recording whether the original has it, and the windows."""
    windows = plan(edited)
    known = set(keys(original, plan(original)))
    return [key in known for key in keys(edited, windows)], windows


def edited(pcm: Pcm, more: Pcm, edit: str, rng: random.Random) -> tuple[Pcm, Pcm, int]:
    """A recording, the same with something cut out or put in, and where what is unchanged begins in that again.

    Lengths are any number of samples, about a minute; five are appended to an hour, and so in proportion.
    """
    place, length = rng.randrange(len(pcm) // 3, len(pcm) * 2 // 3), MINUTE + rng.randrange(-20 * RATE, 5 * RATE)
    if edit == "append":
        whole = pcm[:len(pcm) - rng.randrange(MINUTE)]
        return whole, np.concatenate([whole, more[:len(pcm) // 12]]), 0
    if edit == "cut":
        return pcm, np.concatenate([pcm[:place], pcm[place + length:]]), place
    if edit == "insert":
        put_in = more[-length:]
        return pcm, np.concatenate([pcm[:place], put_in, pcm[place:]]), place + len(put_in)
    beheaded = rng.choice([1, 7, 511, 513, 12345, rng.randrange(10 * RATE)])
    return pcm, pcm[beheaded:], 0


def talk(seconds: float, seed: int = 1) -> tuple[Pcm, Pcm]:
    """Two voices over a noise; and another minute or more."""
    pcm = pico_cases.conversation(seed, seconds, "en").pcm()
    return pcm, pico_cases.conversation(seed + 100, max(70.0, seconds / 12), "en").pcm()


def silent_pauses(seconds: float) -> tuple[Pcm, Pcm]:
    """Two voices with digital silence between their sentences: many places are equally quiet."""
    parts = [pico_cases.talk(seed, ["ru"] * 22, voices=["ru+m6", "ru+Andrea"], noisy=False, pause=(0.3, 1.5)).pcm()
             for seed in range(int(seconds / 60) + 2)]
    whole = np.concatenate(parts)
    rest = max(70 * RATE, len(whole) // 13)
    return whole[:-rest], whole[-rest:]


def loud_noise(seconds: float) -> tuple[Pcm, Pcm]:
    """Two voices over a steady noise that is nearly as loud."""
    def with_noise(pcm: Pcm, seed: int) -> Pcm:
        level = 0.4 * float(np.sqrt(np.mean(pcm[np.abs(pcm) > 50].astype(np.float64) ** 2)))
        noise = np.random.default_rng(seed).normal(0, level, len(pcm))
        return np.clip(0.7 * (pcm + noise), -32768, 32767).astype(np.int16)

    pcm, more = silent_pauses(seconds)
    return with_noise(pcm, 1), with_noise(more, 2)


SOURCES: dict[str, Callable[[float], tuple[Pcm, Pcm]]] = {
    "talk": talk, "silent pauses": silent_pauses, "loud noise": loud_noise}


@pytest.fixture(scope="module", params=SOURCES)
def few_minutes(request: pytest.FixtureRequest) -> tuple[Pcm, Pcm]:
    """About 8 minutes, and another one."""
    return SOURCES[request.param](480.0)


@pytest.mark.parametrize("edit", EDITS)
def test_a_few_minutes_after_an_edit_all_is_as_before(few_minutes: tuple[Pcm, Pcm], edit: str) -> None:
    original, changed, again = edited(*few_minutes, edit, random.Random(edit))
    found, windows = found_again(original, changed)
    if edit == "append":
        untouched = [hit for hit, window in zip(found, windows, strict=True) if window.end < len(original) / RATE - 60]
    else:
        untouched = [hit for hit, window in zip(found, windows, strict=True) if window.start > again / RATE + 120
                     or window.end < again / RATE - 130]
    # One window beyond may still be another: cuttings do not always meet at once.
    assert len(untouched) >= 4 and untouched.count(False) <= 1, (found, again / RATE)


def windows_until_they_meet(pcm: Pcm) -> list[int]:
    """How many windows it takes a cutting that begins at a later span until it cuts where the whole one does."""
    frames = detect(SileroDetector(), [pcm.astype(np.float32) / np.float32(32768)])
    spans = speech_spans(frames, len(pcm) / RATE)

    def ends(first: int) -> list[float]:
        return [window.end for window in plan_windows(spans[first:], frames, len(pcm),
                                                      lambda a, b: pcm[max(a, 0):max(b, 0)], LONGEST)]

    usual = ends(0)
    return [next(index for index, end in enumerate(ends(first)) if end in usual) for first in range(1, 100, 3)]


def test_cuttings_that_begin_elsewhere_meet_again() -> None:
    # Cutting at the first pause after two thirds of a window takes 4 to 7 in the mean, and up to 35.
    late = [windows_until_they_meet(pico_cases.conversation(seed, 600, "en").pcm()) for seed in range(5, 9)]
    assert np.mean(late) <= 3 and np.median(late) <= 2, late


def hour_of(parts: Iterator[Pcm]) -> tuple[Pcm, Pcm]:
    """An hour, and seven minutes more."""
    pieces: list[Pcm] = []
    while sum(map(len, pieces)) < 67 * MINUTE:
        pieces.append(next(parts))
    whole = np.concatenate(pieces)
    return whole[:60 * MINUTE], whole[60 * MINUTE:67 * MINUTE]


def check_an_hour(pcm: Pcm, more: Pcm, times: int = 5) -> None:
    """At least 90 % found, for every kind of edit, several of each.

    Five minutes appended to sixty are themselves 7.7 % of the windows, and the last window is never the same; with
    a few windows more in those minutes than elsewhere one may find 89.
    """
    rng = random.Random(1)
    for edit in EDITS:
        found = [found_again(*edited(pcm, more, edit, rng)[:2])[0] for _ in range(times)]
        shares = [float(np.mean(one)) for one in found]
        print(f"{edit:8} worst {min(shares):.3f} median {np.median(shares):.3f}")
        assert np.median(shares) >= 0.9 and min(shares) >= (0.89 if edit == "append" else 0.9), (edit, shares)


@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES)
def test_an_hour_of_synthetic_speech(source: str) -> None:
    pcm, more = SOURCES[source](3700.0)
    check_an_hour(pcm[:60 * MINUTE], more[:7 * MINUTE])


@pytest.mark.slow
@pytest.mark.eval
def test_an_hour_of_read_speech(tmp_path: Path, evaluation: Path) -> None:
    path = evaluation / "asr" / "lj050_0159-0268.flac"
    whole = samples_of(path, tmp_path)
    utterances = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    rng = random.Random(1)

    def sentences() -> Iterator[Pcm]:
        while True:
            rng.shuffle(utterances)
            for one in utterances:
                yield np.concatenate([whole[int(one["start"] * RATE):int(one["end"] * RATE)], np.zeros(6400, np.int16)])

    check_an_hour(*hour_of(sentences()))
