from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.commands import SHORT, run, voicekit
from voicekit.cli.cache import size
from voicekit.errors import UsageError
from voicekit.store import Store, name_of


def test_what_is_kept_is_told_verified_pruned_and_cleared(tmp_path: Path) -> None:
    done = run(SHORT, "--engine", "pocketsphinx", "-o", "out.txt", "--cache", "kept", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for arguments, words in [(("stats",), "Results   2"), (("verify",), "2 are whole, 0"), (("prune", "--max-size", "1GB"), "Removed   0"),
                             (("clear",), "Removed   2"), (("stats",), "Results   0")]:
        shown = voicekit("cache", *arguments, "--cache", "kept", cwd=tmp_path)
        assert shown.returncode == 0 and words in shown.stdout, shown.stdout + shown.stderr


def test_damage_is_found(tmp_path: Path) -> None:
    store = Store(tmp_path / "kept")
    for number in range(3):
        store.put(name_of({}, bytes([number])), number)
    store.path(name_of({}, b"\0")).write_bytes(b"nonsense")
    shown = voicekit("cache", "verify", cwd=tmp_path, VOICEKIT_CACHE="kept")
    assert shown.returncode == 3 and "2 are whole, 1 were not" in shown.stdout
    assert "Damaged   1" in voicekit("cache", "stats", cwd=tmp_path, VOICEKIT_CACHE="kept").stdout


def test_the_oldest_goes_first(tmp_path: Path) -> None:
    store = Store(tmp_path / "kept")
    for number in range(4):
        name = name_of({}, bytes([number]))
        store.put(name, "x" * 1000)
        os.utime(store.path(name), (time.time() - 1000 * (4 - number),) * 2)
    shown = voicekit("cache", "prune", "--max-size", "2.2kB", "--cache", "kept", cwd=tmp_path)
    assert "Removed   2" in shown.stdout and "Left      2" in shown.stdout
    assert [store.path(name_of({}, bytes([number]))).exists() for number in range(4)] == [False, False, True, True]


def test_what_is_no_cache_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "project" / "results").mkdir(parents=True)
    (tmp_path / "project" / "results" / "thesis.json").write_text("{}")
    for command in ("stats", "verify", "clear"):
        failed = voicekit("cache", command, "--cache", "project", cwd=tmp_path)
        assert failed.returncode == 2 and "no cache of voicekit" in failed.stderr and "Traceback" not in failed.stderr
    failed = run(SHORT, "--engine", "pocketsphinx", "-o", "out.txt", "--cache", "project", cwd=tmp_path)
    assert failed.returncode == 2 and "other things in it" in failed.stderr and not (tmp_path / "out.txt").exists()
    assert [path.name for path in (tmp_path / "project").rglob("*")] == ["results", "thesis.json"]
    assert "Nothing is kept there yet" in voicekit("cache", "stats", "--cache", "nowhere", cwd=tmp_path).stdout


def test_sizes() -> None:
    assert [size(text) for text in ("0", "10", "1kB", "2 MB", "1.5G")] == [0, 10, 1000, 2000000, 1500000000]
    for text in ("", "many", "-1", "1XB", "1e9", "1GiB"):
        with pytest.raises(UsageError):
            size(text)
