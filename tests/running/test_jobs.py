from __future__ import annotations

from voicekit.running.jobs import Job, Piece, why_died
from voicekit.types import Chunk, Receipt, Recording, Source, Span, Window, WindowResult
from voicekit.worker.reports import BatchBegun, BatchDone

EMPTY = WindowResult("empty")
RECORDING = Recording("talk.pcm", 0, Source("talk.mp3", 100.0, ""))


def job(batches: int, batch_size: int) -> tuple[Job, Piece]:
    windows = tuple(Window(i, 10.0 * i, 10.0 * i + 9, (Span(10.0 * i, 10.0 * i + 9),))
                    for i in range(batches * batch_size))
    grouped = tuple(windows[i:i + batch_size] for i in range(0, len(windows), batch_size))
    made = Job(RECORDING, windows, [Chunk(0, RECORDING, grouped)])
    (piece,) = made.pieces()
    return made, piece


def do(made: Job, piece: Piece, count: int) -> None:
    """The worker finishes so many batches and begins the next."""
    for number, batch in enumerate(piece.chunk.batches[:count]):
        made.progress(piece, BatchBegun(number))
        made.progress(piece, BatchDone({window.index: EMPTY for window in batch}, 9.0 * len(batch)))
    made.progress(piece, BatchBegun(count))


def indices(piece: Piece) -> list[list[int]]:
    return [[window.index for window in batch] for batch in piece.chunk.batches]


def test_a_poisonous_window_costs_two_workers_and_no_other_window() -> None:
    made, piece = job(4, 3)
    do(made, piece, 1)
    assert not made.lost_at_start(piece)
    again, seconds = made.lost(piece, "killed")
    assert [indices(one) for one in again] == [[[3]], [[4]], [[5]], [[6, 7, 8], [9, 10, 11]]]
    assert seconds == 0
    for one in (again[0], again[2]):
        made.progress(one, BatchDone({one.chunk.units[0].index: EMPTY}, 9.0))
        made.finished(Receipt(1.0, ("cpu",)))
    made.progress(again[1], BatchBegun(0))
    more, seconds = made.lost(again[1], "killed")
    assert more == [] and seconds == 9.0
    assert not made.done
    made.progress(again[3], BatchDone({index: EMPTY for index in range(6, 12)}, 54.0))
    assert made.done
    assert list(made.given_up) == [4]


def test_a_worker_lost_between_batches_loses_nothing() -> None:
    made, piece = job(2, 1)
    do(made, piece, 2)
    assert made.lost(piece, "killed") == ([], 0.0)
    assert made.done


def test_a_window_that_fails_alone_in_a_chunk_of_single_windows() -> None:
    made, piece = job(3, 1)
    made.progress(piece, BatchBegun(0))
    first, rest = made.lost(piece, "killed")[0]
    assert (indices(first), indices(rest)) == ([[0]], [[1], [2]])
    made.progress(first, BatchBegun(0))
    assert made.lost(first, "killed again") == ([], 9.0)
    assert made.given_up == {0: "killed again"}


def test_progress_is_counted_once() -> None:
    made, piece = job(1, 2)
    made.progress(piece, BatchBegun(0))
    assert made.progress(piece, BatchDone({0: EMPTY, 1: EMPTY}, 18.0)) == 18.0
    assert made.progress(piece, BatchDone({0: EMPTY, 1: EMPTY}, 18.0)) == 0.0


def test_workers_that_never_get_to_a_batch_are_the_models_fault() -> None:
    made, piece = job(1, 1)
    assert not made.lost_at_start(piece)
    (again,), _ = made.lost(piece, "killed")
    assert made.lost_at_start(again)


def test_a_loss_before_a_window_began_is_no_strike_against_it() -> None:
    made, piece = job(3, 2)
    (again,), seconds = made.lost(piece, "killed while idle")
    assert indices(again) == [[0, 1], [2, 3], [4, 5]] and again.strikes == 0 and seconds == 0
    made.progress(again, BatchBegun(0))
    first, second, rest = made.lost(again, "killed")[0]
    (retried,), _ = made.lost(first, "killed at start")
    assert indices(retried) == [[0]] and retried.strikes == 1 and not made.given_up


def test_losses_at_start_far_apart_are_no_pattern() -> None:
    made, piece = job(4, 1)
    assert not made.lost_at_start(piece)
    (again,), _ = made.lost(piece, "killed while idle")
    do(made, again, 2)
    later = Piece(made, again.chunk)
    assert not made.lost_at_start(later)


def test_exit_codes_are_explained() -> None:
    assert "SIGSEGV" in why_died(-11)
    assert "memory" in why_died(-9)
    assert "exit code 1" in why_died(1)


def test_where_the_work_was_done() -> None:
    job = Job(RECORDING, [], [])
    job.finished(Receipt(1.0, ("cuda:1",), 90.0))
    job.finished(Receipt(3.0, ("cuda:0",), 50.0))
    assert job.where == "cuda:0, cuda:1, 60 % busy"
    job = Job(RECORDING, [], [])
    job.finished(Receipt(1.0, ("cpu",)))
    assert job.where == "cpu"
