from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from voicekit import model_files
from voicekit.store import Cache, Store, default_folder, name_of, upkeep


def plain(value: Any) -> Any:
    return value


def test_what_is_put_is_what_is_got(tmp_path: Path) -> None:
    store = Store(tmp_path / "kept")
    value = {"text": "слово", "times": [0.1, 2.5], "nothing": None}
    name = name_of({"engine": "x"}, b"sound")
    assert store.get(name, plain) is None
    store.put(name, value)
    assert store.get(name, plain) == value
    assert Store(tmp_path / "kept").get(name, plain) == value
    assert store.damaged == 0


def test_a_name_depends_on_everything_that_decides_the_result() -> None:
    names = {name_of({"engine": "a"}, b"sound"), name_of({"engine": "b"}, b"sound"),
             name_of({"engine": "a"}, b"other"), name_of({"engine": "a", "beam": 1}, b"sound")}
    assert len(names) == 4
    assert name_of({"a": 1, "b": 2}, b"") == name_of({"b": 2, "a": 1}, b"")


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def another_entry(path: Path) -> None:
    store = Store(path.parents[2])
    other = name_of({}, b"another sound")
    store.put(other, {"word": "bye"})
    path.write_bytes(store.path(other).read_bytes())


def no_json(path: Path) -> None:
    path.write_bytes(b"\x00\xff" * 500)


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "file").write_text("foreign")


def a_link(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to("moved")


def another_meaning(path: Path) -> None:
    Store(path.parents[2]).put(path.stem, ["a", "list"])


@pytest.mark.parametrize("damage", [flip, truncate, empty, another_entry, no_json, a_pipe, a_folder, a_link, another_meaning])
def test_what_is_no_entry_is_set_aside_and_counted(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    store = Store(tmp_path)
    name = name_of({}, b"sound")
    store.put(name, {"word": "hello"})
    damage(store.path(name))
    assert store.get(name, lambda value: str(value["word"])) is None
    assert store.damaged == 1
    assert not os.path.lexists(store.path(name)) and len(list((tmp_path / "damaged").iterdir())) == 1
    store.put(name, {"word": "again"})
    assert store.get(name, lambda value: str(value["word"])) == "again"


def test_an_entry_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)

    def fail(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        store.put(name_of({}, b""), {})
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["CACHEDIR.TAG"]


def test_a_cache_that_fails_is_told_once_and_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    cache = Cache(tmp_path / "kept", told.append)
    cache.put("ab" * 32, 1)
    assert cache.get("ab" * 32, plain) == 1

    def fail(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    cache.put("cd" * 32, 2)
    cache.put("ef" * 32, 3)
    assert len(told) == 1 and "No space left" in told[0] and str(tmp_path / "kept") in told[0]
    assert cache.folder is None and cache.get("ab" * 32, plain) is None


def test_a_folder_that_is_gone_is_not_made_again(tmp_path: Path) -> None:
    """A network disk that is unmounted leaves an empty folder, on the wrong disk."""
    told: list[str] = []
    cache = Cache(tmp_path / "disk" / "kept", told.append)
    (tmp_path / "disk" / "kept").rename(tmp_path / "gone")
    cache.put("ab" * 32, 1)
    Cache(tmp_path / "disk" / "kept", told.append, make=False)  # another worker
    assert len(told) == 2 and not (tmp_path / "disk" / "kept").exists()


def test_models_that_came_first_are_no_other_things(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a first run with --no-cache, or `voicekit models fetch`."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("VOICEKIT_CACHE")
    (model_files.folder("openvino") / "a.bin").mkdir(parents=True)
    told: list[str] = []
    assert default_folder() == tmp_path / "voicekit"
    Cache(default_folder(), told.append).put("ab" * 32, 1)
    assert not told and Cache(default_folder(), told.append).get("ab" * 32, int) == 1
    upkeep.clear(default_folder())
    assert (model_files.folder("openvino") / "a.bin").exists()
    (tmp_path / "elsewhere" / "models").mkdir(parents=True)
    assert Cache(tmp_path / "elsewhere", told.append).folder is None and "other things" in told[0]


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    """Or clearing the cache would remove the results of something else."""
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "thesis.json").write_text("{}")
    told: list[str] = []
    assert Cache(tmp_path, told.append).folder is None and "other things" in told[0]
    with pytest.raises(FileExistsError):
        upkeep.clear(tmp_path)
    assert (tmp_path / "results" / "thesis.json").exists()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told: list[str] = []
    cache = Cache(tmp_path / "file" / "kept", told.append)
    assert cache.folder is None and len(told) == 1
    assert Cache(None, told.append).get("ab" * 32, plain) is None and len(told) == 1
