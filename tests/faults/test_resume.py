"""Whatever ends a run, the same command goes on from there, and nothing is different afterwards."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.faults.runs import Case, gone, kill_group, wait_for, workers_of
from voicekit.store import Store

pytestmark = [pytest.mark.model, pytest.mark.xdist_group("faults")]


def check_resumed(case: Case, calm: Case, kept: int) -> None:
    """The same command again: what was kept is found, the rest is done, and the bytes are those of a calm run."""
    case.run("out")
    total = len(calm.status("out"))
    assert case.use("out") == (kept, total - kept, 0)
    assert case.files("out") == calm.files("out")
    assert not list(case.folder.glob("voicekit-*")), "what the dead left in the temporary folder is swept"


def test_after_sigkill_of_the_parent(case: Case, calm: Case) -> None:
    process = case.start("out")
    wait_for(lambda: len(case.kept()) >= 2, process)
    workers = workers_of(process)
    assert workers
    process.kill()
    process.wait()
    deadline = time.monotonic() + 5
    while not gone(workers):
        assert time.monotonic() < deadline, "a worker outlives its parent"
        time.sleep(0.05)
    assert list(case.folder.glob("voicekit-*")) and not (case.folder / "out" / "talk.json").exists()
    assert process.stderr is not None
    process.stderr.close()
    check_resumed(case, calm, len(case.kept()))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_after_an_interrupt(case: Case, calm: Case, number: int) -> None:
    process = case.start("out")
    wait_for(lambda: case.kept(), process)
    workers, began = workers_of(process), time.monotonic()
    kill_group(process, number) if number == signal.SIGINT else process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert time.monotonic() - began < 5  # 2 s are promised, on a machine that is not busy with other tests
    assert process.returncode == 128 + number and "the same command goes on" in said, said
    assert gone(workers) and not list(case.folder.glob("voicekit-*"))
    check_resumed(case, calm, len(case.kept()))


def test_two_interrupts_are_now(case: Case, calm: Case) -> None:
    """Between the first and the second it is stopped, so that it cannot end by itself."""
    process = case.start("out")
    wait_for(lambda: case.kept(), process)
    workers = workers_of(process)
    for number in (signal.SIGSTOP, signal.SIGINT):
        process.send_signal(number)
    process.send_signal(signal.SIGCONT)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=10)
    assert process.returncode == 130 and "Traceback" not in said, said
    deadline = time.monotonic() + 5
    while not gone(workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    check_resumed(case, calm, len(case.kept()))


def test_nothing_is_kept_where_nothing_was_asked_to_be(case: Case) -> None:
    said = case.run("out", "--no-cache")
    assert not (case.folder / "kept").exists() and "cache" not in case.json("out")["run"]
    assert "found in the cache" not in said


def test_a_second_run_starts_no_worker(case: Case, calm: Case) -> None:
    case.run("out")
    said = case.run("again")
    total = len(calm.status("out"))
    assert case.use("again") == (total, 0, 0) and "0 workers" in said
    assert case.files("again") == case.files("out") == calm.files("out")


def test_damaged_entries_are_made_again(case: Case, calm: Case) -> None:
    case.run("out")
    flipped, truncated, foreign, *_ = case.kept()
    content = bytearray(flipped.read_bytes())
    content[-10] ^= 4
    flipped.write_bytes(content)
    truncated.write_bytes(truncated.read_bytes()[:100])
    Store(case.folder / "kept").put(foreign.stem, {"segments": "of another program"})
    said = case.run("again")
    assert case.use("again") == (len(calm.status("out")) - 3, 3, 3)
    assert "3 damaged results" in said
    assert case.files("again") == calm.files("out")
    assert len(list((case.folder / "kept" / "damaged").iterdir())) == 3


def test_two_runs_at_once_share_the_work(case: Case, calm: Case) -> None:
    first = case.start("one", "--workers", "1")
    wait_for(lambda: case.kept(), first)
    second = case.start("two", "--workers", "1")
    said = [process.communicate(timeout=300)[1] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), said
    assert "the two share the work" in said[1]
    assert case.files("one") == case.files("two") == calm.files("out")
    total, computed = len(calm.status("out")), case.use("one")[1] + case.use("two")[1]
    assert total <= computed <= total + 2, "but for what both had begun"


def test_two_runs_into_the_same_files(case: Case, calm: Case) -> None:
    processes = [case.start("out") for _ in range(2)]
    for process in processes:
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0, said
    assert case.files("out") == calm.files("out")


def test_a_cache_that_comes_with_the_option(case: Case, calm: Case, tmp_path: Path) -> None:
    case.run("out", "--cache", str(tmp_path / "drive" / "voicekit"))
    assert not (case.folder / "kept").exists()
    assert len(case.kept("drive/voicekit")) == len(calm.status("out"))
