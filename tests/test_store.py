from __future__ import annotations

import os
from pathlib import Path

import pytest

from voicekit.store import Store, name_of


def test_what_is_put_is_what_is_got(tmp_path: Path) -> None:
    store = Store(tmp_path / "results")
    value = {"text": "слово", "times": [0.1, 2.5], "nothing": None}
    name = name_of({"engine": "x"}, b"sound")
    assert store.get(name) is None
    store.put(name, value)
    assert store.get(name) == value
    assert Store(tmp_path / "results").get(name) == value


def test_a_name_depends_on_everything_that_decides_the_result() -> None:
    names = {name_of({"engine": "a"}, b"sound"), name_of({"engine": "b"}, b"sound"),
             name_of({"engine": "a"}, b"other"), name_of({"engine": "a", "beam": 1}, b"sound")}
    assert len(names) == 4
    assert name_of({"a": 1, "b": 2}, b"") == name_of({"b": 2, "a": 1}, b"")


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty"])
def test_a_damaged_entry_is_not_believed(tmp_path: Path, damage: str) -> None:
    store = Store(tmp_path)
    name = name_of({}, b"sound")
    store.put(name, {"word": "hello"})
    (entry,) = (path for path in tmp_path.rglob("*.json"))
    content = bytearray(entry.read_bytes())
    if damage == "flip":
        content[-5] ^= 1
    entry.write_bytes(content[:-4] if damage == "truncate" else b"" if damage == "empty" else content)
    assert store.get(name) is None


def test_an_entry_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)

    def fail(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        store.put(name_of({}, b""), {})
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
