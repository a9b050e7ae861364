from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from pathlib import Path

import pytest

from voicekit.store import Store, name_of, upkeep
from voicekit.store.presence import FRESH, Presence, living


def filled(folder: Path, count: int) -> Store:
    """Entries of 1 kB, used one hour after the other, the last an hour ago."""
    store = Store(folder)
    for number in range(count):
        name = name_of({"number": number}, b"")
        store.put(name, "x" * 1000)
        used = time.time() - 3600 * (count - number)
        os.utime(store.path(name), (used, used))
    return store


def has(store: Store, number: int) -> bool:
    return store.path(name_of({"number": number}, b"")).exists()


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    store = filled(tmp_path, 10)
    assert store.get(name_of({"number": 2}, b""), str) is not None
    done = upkeep.prune(tmp_path, 4300)
    assert (done.removed, done.left, done.in_use) == (6, 4, 0) and done.left_bytes <= 4300
    assert [number for number in range(10) if has(store, number)] == [2, 7, 8, 9]
    assert upkeep.prune(tmp_path, 10 ** 9).removed == 0


def test_what_a_running_job_needs_stays(tmp_path: Path) -> None:
    store = filled(tmp_path, 5)
    presence = Presence(str(tmp_path))
    assert presence.begin("job") is False
    assert store.get(name_of({"number": 0}, b""), str) is not None
    store.put(name_of({"number": 5}, b""), "new")
    done = upkeep.clear(tmp_path)
    assert (done.removed, done.left, done.in_use) == (4, 2, 2) and has(store, 0) and has(store, 5)
    presence.close()
    assert upkeep.clear(tmp_path).left == 0


def test_two_on_one_job_see_each_other(tmp_path: Path) -> None:
    first, second, third = (Presence(str(tmp_path)) for _ in range(3))
    for folder in [tmp_path]:
        Store(folder)
    assert first.begin("a") is False
    assert second.begin("a") is True
    assert third.begin("b") is False
    assert len(living(tmp_path)) == 3
    for presence in (first, second, third):
        presence.close()
    assert living(tmp_path) == {}


def test_the_dead_are_forgotten(tmp_path: Path) -> None:
    Store(tmp_path)
    gone = Presence(str(tmp_path))
    gone.begin("a")
    gone._ended.set()  # as SIGKILL does: nobody keeps the time fresh, and nobody tidies up
    gone._thread.join()
    (path,) = living(tmp_path)
    os.utime(path, (time.time() - FRESH - 5,) * 2)
    assert Presence(str(tmp_path)).begin("a") is False
    assert not path.exists()


def test_stats_and_verify(tmp_path: Path) -> None:
    store = filled(tmp_path, 4)
    found = upkeep.stats(tmp_path)
    assert (found.entries, found.damaged, found.running) == (4, 0, 0) and found.bytes > 4000
    assert found.oldest == pytest.approx(4 * 3600, abs=60)
    store.path(name_of({"number": 1}, b"")).write_bytes(b"nonsense")
    (tmp_path / "results" / "foreign.txt").write_text("foreign")
    (store.path(name_of({"number": 2}, b"")).parent / "photo.jpg").write_text("foreign")
    assert upkeep.verify(tmp_path) == (3, 3)
    assert upkeep.verify(tmp_path) == (3, 0)
    assert upkeep.stats(tmp_path).damaged == 3


def test_what_the_dead_were_writing_is_swept(tmp_path: Path) -> None:
    Store(tmp_path)
    old, new = tmp_path / "incoming" / "new-old", tmp_path / "incoming" / "new-new"
    for path in (old, new):
        path.write_text("half")
    os.utime(old, (time.time() - upkeep.STRAY - 5,) * 2)
    upkeep.sweep(tmp_path)
    assert not old.exists() and new.exists()


def _write_without_end(folder: str, seed: int) -> None:
    store = Store(folder)
    while True:
        for number in range(40):
            store.put(name_of({"number": number}, b""), {"number": number, "text": "y" * 5000 * (1 + number % 3)})


def test_writers_that_are_killed_leave_no_broken_entry(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    for _ in range(4):
        writers = [spawn.Process(target=_write_without_end, args=(str(tmp_path), seed)) for seed in range(2)]
        for writer in writers:
            writer.start()
        deadline = time.monotonic() + 30
        while not (tmp_path / "results").is_dir() or len(list((tmp_path / "results").iterdir())) < 10:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(0.2)
        for writer in writers:
            writer.kill()
            writer.join()
            writer.close()
        store = Store(tmp_path)
        found = [store.get(name_of({"number": number}, b""), lambda value: int(value["number"])) for number in range(40)]
        assert {one for one in found if one is not None} <= set(range(40))
        assert store.damaged == 0 and upkeep.verify(tmp_path)[1] == 0
    with contextlib.suppress(OSError):
        assert all(path.name.startswith("new-") for path in (tmp_path / "incoming").iterdir())
