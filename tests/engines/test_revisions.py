"""A model's content is read once, and again when it may have changed."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from voicekit.engines import revisions


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[object]:
    """What is read, each time it is."""
    monkeypatch.setenv("VOICEKIT_MODELS", str(tmp_path / "models"))
    found: list[object] = []
    read: Callable[..., str] = revisions._read

    def counted(*arguments: object) -> str:
        found.append(arguments)
        return read(*arguments)

    monkeypatch.setattr(revisions, "_read", counted)
    return found


def model(folder: Path, content: bytes = b"weights") -> Path:
    """A file that lies there for a while."""
    path = folder / "model.bin"
    path.write_bytes(content)
    return path


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 60)


def test_it_is_that_of_the_content(reads: list[object], tmp_path: Path, later: None) -> None:
    path = model(tmp_path)
    assert revisions.of_files([path], named=False) == hashlib.sha256(b"weights").hexdigest()
    assert revisions.of_files([path]) == hashlib.sha256(b"model.bin\x007\x00weights").hexdigest()
    assert revisions.of_files([path], named=False) == hashlib.sha256(b"weights").hexdigest()
    assert len(reads) == 2


def test_what_may_have_changed_is_read(reads: list[object], tmp_path: Path, later: None) -> None:
    path = model(tmp_path)
    before = revisions.of_files([path])
    facts = path.stat()
    path.write_bytes(b"WEIGHTS")
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))  # as a copy that keeps times would look
    assert revisions.of_files([path]) != before
    moved = path.rename(tmp_path / "other.bin")
    assert revisions.of_files([moved]) != before and len(reads) == 3


def test_any_name_will_do(reads: list[object], tmp_path: Path, later: None) -> None:
    folder = tmp_path / os.fsdecode(b"\xff\xfe mod\nel")
    folder.mkdir()
    path = model(folder)
    assert revisions.of_files([path], named=False) == revisions.of_files([path], named=False) and len(reads) == 1


def test_what_was_just_written_is_not_believed_to_stay(reads: list[object], tmp_path: Path) -> None:
    path = model(tmp_path)
    for _ in range(2):
        revisions.of_files([path])
    assert len(reads) == 2


def test_a_damaged_note_is_no_revision(reads: list[object], tmp_path: Path, later: None) -> None:
    path = model(tmp_path)
    before = revisions.of_files([path])
    [note] = (tmp_path / "models" / "revisions").iterdir()
    for damage in (b"", b"\xff\xff", before.encode()[:-1] + b"\n"):
        note.write_bytes(damage)
        assert revisions.of_files([path]) == before
    assert len(reads) == 4


def test_where_nothing_can_be_kept(reads: list[object], tmp_path: Path, later: None,
                                   monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("VOICEKIT_MODELS", str(tmp_path / "file"))
    path = model(tmp_path)
    assert revisions.of_files([path]) == revisions.of_files([path]) and len(reads) == 2
