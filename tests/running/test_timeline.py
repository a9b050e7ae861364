from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.running.test_jobs import EMPTY, RECORDING, job
from voicekit.errors import ProcessingError
from voicekit.provenance import TimelineEntry
from voicekit.running.acts import Errand
from voicekit.running.timeline import Timeline
from voicekit.types import InputFile
from voicekit.worker.reports import BatchDone

FILE, OTHER = InputFile(Path("talk.mp3"), "talk.mp3"), InputFile(Path("walk.mp3"), "walk.mp3")


@dataclass
class Doing:
    """What a timeline asks of an act."""

    file: InputFile
    stage: str


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_every_piece_is_on_the_worker_that_did_it() -> None:
    clock = Clock()
    timeline = Timeline(clock)
    made, piece = job(3, 2)
    act = Doing(FILE, "transcribe")
    clock.now += 2
    timeline.prepared(FILE, 60.0, 100.5, 102.0)
    timeline.found(act, made.units[:1])
    timeline.batch(1, piece, act, piece.chunk.batches[1])
    clock.now += 3
    timeline.done(1, piece, BatchDone({2: EMPTY, 3: EMPTY}, 18.0, (3,)))
    assert timeline.of(OTHER) == ()
    assert timeline.of(FILE) == (
        TimelineEntry("prepare", 0.0, 60.0, 0.5, 2.0),
        TimelineEntry("transcribe", 0.0, 9.0, 2.0, 2.0, None, 0, 0, "found"),
        TimelineEntry("transcribe", 20.0, 29.0, 2.0, 5.0, 1, 2, 2, "done"),
        TimelineEntry("transcribe", 30.0, 39.0, 2.0, 5.0, 1, 3, 2, "found"))
    assert timeline.of(FILE) == ()


def test_a_worker_that_dies_leaves_what_it_was_on() -> None:
    clock = Clock()
    timeline = Timeline(clock)
    made, piece = job(2, 1)
    timeline.batch(0, piece, Doing(FILE, "diarize"), piece.chunk.batches[0])
    clock.now += 1
    timeline.lost(0)
    timeline.lost(0)  # between two batches it was on nothing
    timeline.batch(2, piece, Doing(FILE, "diarize"), piece.chunk.batches[0])
    timeline.done(2, piece)
    fates = [(entry.worker, entry.fate) for entry in timeline.of(FILE)]
    assert fates == [(0, "lost"), (2, "done")]


def test_what_a_worker_is_still_on_goes_by_the_pace_of_those_before() -> None:
    clock = Clock()
    timeline = Timeline(clock)
    _, piece = job(3, 2)
    _, short = job(1, 1)
    act, other = Doing(FILE, "transcribe"), Doing(OTHER, "transcribe")
    assert timeline.in_hand("transcribe") == []
    timeline.batch(0, piece, act, piece.chunk.batches[0])
    timeline.errand(1, Errand(FILE, RECORDING, "language", print, None, print, lambda why: ProcessingError(why)))
    clock.now += 4
    assert timeline.in_hand("transcribe") == [(2, 2.0)], "nobody knows how long it takes"
    timeline.done(0, piece, BatchDone({0: EMPTY, 1: EMPTY}, 18.0, ()))
    timeline.batch(0, piece, act, piece.chunk.batches[1])
    timeline.batch(0, short, other, short.chunk.batches[0])  # together with a window of another recording
    clock.now += 3
    timeline.batch(1, piece, act, piece.chunk.batches[2])
    assert timeline.in_hand("transcribe") == [(3, 1.5), (2, 2.0)]
    assert timeline.in_hand("speak") == []
    clock.now += 10
    assert timeline.in_hand("transcribe") == [(3, 0.0), (2, 0.0)], "late, but not on less than nothing"


def test_the_pace_of_what_is_done_together_is_that_of_all_of_it() -> None:
    """Four windows of four recordings in 4 s are 1 s each, though their workers tell of them one after the other."""
    clock = Clock()
    timeline = Timeline(clock)
    pieces = [job(1, 1)[1] for _ in range(4)]
    for piece in pieces:
        timeline.batch(0, piece, Doing(FILE, "transcribe"), piece.chunk.batches[0])
        clock.now += 0.01
    clock.now += 4 - 0.04
    for piece in pieces:
        timeline.done(0, piece, BatchDone({0: EMPTY}, 9.0, ()))
        clock.now += 0.01
    _, long = job(1, 4)
    timeline.batch(0, long, Doing(FILE, "transcribe"), long.chunk.batches[0])
    clock.now += 1
    (units, left), = timeline.in_hand("transcribe")
    assert units == 4 and abs(left - 3) < 0.05


def test_what_is_done_together_ends_when_it_ends() -> None:
    clock = Clock()
    timeline = Timeline(clock)
    pieces = [job(1, 1)[1] for _ in range(3)]
    for piece, file in zip(pieces, (FILE, OTHER, OTHER), strict=True):
        timeline.batch(0, piece, Doing(file, "transcribe"), piece.chunk.batches[0])
    clock.now += 1
    timeline.done(0, pieces[0])
    clock.now += 1
    timeline.lost(0)
    assert [(entry.ended, entry.fate) for entry in timeline.of(FILE)] == [(1.0, "done")]
    assert [(entry.ended, entry.fate) for entry in timeline.of(OTHER)] == [(2.0, "lost")] * 2


def test_what_is_done_once_is_about_the_whole_recording() -> None:
    clock = Clock()
    timeline = Timeline(clock)
    errand = Errand(FILE, RECORDING, "language", len, (), print, lambda why: ProcessingError(why))
    timeline.errand(0, errand)
    clock.now += 0.25
    timeline.done(0, errand)
    assert timeline.of(FILE) == (TimelineEntry("language", 0.0, 100.0, 0.0, 0.25, 0),)
