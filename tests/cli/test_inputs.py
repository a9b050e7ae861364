"""What arguments stand for: files, folders, globs, lists and standard input."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from voicekit.cli.inputs import Expanded, expand
from voicekit.errors import InputError, OutputError


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A current folder with recordings, notes, hidden files and subfolders in it."""
    for name in ("b.mp3", "a.WAV", "notes.txt", ".hidden.wav", "deep/er/c.flac", "deep/d.ogg", "deep/x.dat",
                 ".git/e.wav", "empty/readme.md"):
        path = tmp_path / "place" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    monkeypatch.chdir(tmp_path / "place")
    yield tmp_path / "place"


def names(*arguments: str) -> list[str]:
    found = expand(arguments, Path("../spool"))
    assert found.errors == ()
    return [os.path.relpath(one.path) for one in found.inputs]


def error(*arguments: str, match: str) -> Expanded:
    found = expand(arguments, Path("../spool"))
    assert len(found.errors) == 1
    with pytest.raises(InputError, match=match):
        raise found.errors[0]
    assert found.errors[0].hint
    return found


def test_files_in_the_order_they_are_named(place: Path) -> None:
    assert names("notes.txt", "b.mp3", "a.WAV") == ["notes.txt", "b.mp3", "a.WAV"]
    found = expand(["deep/d.ogg"], place)
    assert (found.inputs[0].path, found.inputs[0].name, found.inputs[0].stdin) == (
        Path("deep/d.ogg"), "d.ogg", False)


def test_a_file_is_taken_once(place: Path) -> None:
    os.symlink("b.mp3", "link.mp3")
    assert names("b.mp3", "./b.mp3", str(place / "b.mp3"), "link.mp3", "deep/../b.mp3", ".") == [
        "b.mp3", "a.WAV", "deep/d.ogg", "deep/er/c.flac"]


def test_a_folder_is_searched_for_media(place: Path) -> None:
    assert names(".") == ["a.WAV", "b.mp3", "deep/d.ogg", "deep/er/c.flac"]
    assert names("deep/") == ["deep/d.ogg", "deep/er/c.flac"]
    assert names("deep", ".git") == ["deep/d.ogg", "deep/er/c.flac", ".git/e.wav"]  # named, so not hidden


def test_a_folder_without_media(place: Path) -> None:
    error("empty", match="no sound or video file in the folder empty")


def test_globs(place: Path) -> None:
    assert names("*.mp3") == ["b.mp3"]
    assert names("deep/*.dat") == ["deep/x.dat"]  # asked for by its extension
    assert names("**/*.flac") == ["deep/er/c.flac"]
    assert names("*") == ["a.WAV", "b.mp3", "deep/d.ogg", "deep/er/c.flac"]
    assert names("**") == names(".")
    assert names("[ab].*") == ["a.WAV", "b.mp3"]
    error("*.aiff", match="Nothing matches [*].aiff")
    error("empty/*", match="Nothing that matches empty/[*] is a sound or video file")


@pytest.mark.parametrize("name", [
    "a[1].wav", "[b]*.mp3", "what?.mp3", "-o.wav", "--help", " two  spaces ", "line\nfeed.mp3",
    "\U0001f3a4 микрофон.mp3", "@home.mp3", "#1.wav", "%d.wav", "file:x.wav", "'q\".wav"])
def test_odd_names_are_taken_literally(place: Path, name: str) -> None:
    (place / name).write_bytes(b"x")
    (place / "a1.wav").write_bytes(b"x")
    assert names(name) == [name]
    assert expand([name], place).inputs[0].name == name


def test_names_that_are_no_utf8(place: Path) -> None:
    name = os.fsdecode(b"caf\xe9.wav")
    (place / name).write_bytes(b"x")
    for argument in (name, "caf*", "."):
        found = next(one for one in expand([argument], place).inputs if str(one.path).startswith("caf"))
        assert os.fsencode(found.path) == b"caf\xe9.wav"
        assert found.name == "caf\ufffd.wav"
    (place / "list.txt").write_bytes(b"caf\xe9.wav\n")
    assert os.fsencode(expand(["@list.txt"], place).inputs[0].path) == b"caf\xe9.wav"
    error(os.fsdecode(b"\xff.mp3"), match="There is no file or folder \ufffd.mp3")


def test_one_bad_argument_does_not_stop_the_others(place: Path) -> None:
    os.symlink("gone.mp3", "broken.mp3")
    found = expand(["missing.mp3", "b.mp3", "", "broken.mp3", "*.xyz", "@none.txt", "a\0b", "a.WAV"], place)
    assert [one.name for one in found.inputs] == ["b.mp3", "a.WAV"]
    assert len(found.errors) == 6
    starts = ["There is no file or folder missing.mp3", "An empty name", "broken.mp3 is a link",
              "Nothing matches", "The list none.txt cannot be read: No such", "An empty name"]
    for one, start in zip(found.errors, starts):
        assert isinstance(one, InputError) and one.message.startswith(start) and one.hint


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_list(place: Path, encoding: str, newline: str) -> None:
    (place / "deep" / "звук.wav").write_bytes(b"x")
    lines = ["звук.wav", "# a comment", "", "   ", "er", "*.ogg", str(place / "b.mp3"), "d.ogg"]
    (place / "deep" / "list.txt").write_text(newline.join(lines), encoding, newline="")
    assert names("@deep/list.txt") == ["deep/звук.wav", "deep/er/c.flac", "deep/d.ogg", "b.mp3"]


def test_a_list_is_not_followed_further(place: Path) -> None:
    (place / "inner.txt").write_text("b.mp3\n")
    (place / "list.txt").write_text("@inner.txt\n-\nb.mp3\n")
    found = expand(["@list.txt"], place)
    assert [one.name for one in found.inputs] == ["b.mp3"] and not found.inputs[0].stdin
    assert [one.message for one in found.errors] == [
        "Line 1 of the list list.txt: There is no file or folder @inner.txt.",
        "Line 2 of the list list.txt: There is no file or folder -."]


def test_a_list_in_a_folder_that_looks_like_a_glob(place: Path) -> None:
    (place / "[x]").mkdir()
    (place / "[x]" / "one.mp3").write_bytes(b"x")
    (place / "[x]" / "list.txt").write_text("*.mp3\n one.mp3 \n")
    assert names("@[x]/list.txt") == ["[x]/one.mp3"]


def test_lists_that_are_none(place: Path) -> None:
    (place / "utf16.txt").write_text("b.mp3\n", "utf-16")
    (place / "empty.txt").write_text("# nothing\n\n")
    error("@utf16.txt", match="utf16.txt is not a text file in UTF-8")
    error("@empty.txt", match="empty.txt names no file")
    error("@deep", match="deep cannot be read: Is a directory")
    error("@", match="cannot be read")


def standard_input(monkeypatch: pytest.MonkeyPatch, stream: io.IOBase) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=stream))


def test_standard_input_is_spooled(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytes(range(256)) * 9000
    standard_input(monkeypatch, io.BytesIO(content))
    found = expand(["b.mp3", "-"], place / "spool")
    assert found.errors == () and [one.stdin for one in found.inputs] == [False, True]
    assert found.inputs[1].name == "stdin"
    assert found.inputs[1].path.parent == place / "spool" and found.inputs[1].path.read_bytes() == content


def test_standard_input_only_once(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    standard_input(monkeypatch, io.BytesIO(b"abc"))
    assert len(error("-", "-", match="more than once").inputs) == 1


class Terminal(io.BytesIO):
    def isatty(self) -> bool:
        return True


class Broken(io.RawIOBase):
    def read(self, size: int = -1) -> bytes:
        raise IsADirectoryError(21, "Is a directory")


@pytest.mark.parametrize(("stream", "match"), [
    (io.BytesIO(), r"Standard input is empty \(0 bytes\)"),
    (Terminal(b"x"), "is a terminal.*< talk.mp3"),
    (Broken(), "cannot be read: Is a directory"),
])
def test_standard_input_without_a_recording(
        place: Path, monkeypatch: pytest.MonkeyPatch, stream: io.IOBase, match: str) -> None:
    standard_input(monkeypatch, stream)
    error("-", match=match)
    assert not os.path.exists("../spool") or os.listdir("../spool") == []


def test_standard_input_that_is_closed(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    error("-", match="Standard input is closed")


def test_no_room_for_standard_input(place: Path) -> None:
    pytest.importorskip("resource")
    script = ("import resource, sys; from pathlib import Path; from voicekit.cli.inputs import expand; "
              "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)); "
              "[one] = expand(['-'], Path(sys.argv[1])).errors; print(type(one).__name__, one)")
    command = [sys.executable, "-B", "-c", script, place / "spool"]
    ran = subprocess.run(command, input=bytes(99_999), capture_output=True)
    assert b"OutputError Standard input cannot be stored in" in ran.stdout and b"--temp-dir" in ran.stdout
    assert ran.stderr == b"" and os.listdir(place / "spool") == []


def test_a_spool_folder_that_is_a_file(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    standard_input(monkeypatch, io.BytesIO(b"abc"))
    found = expand(["-"], place / "b.mp3")
    assert found.inputs == () and isinstance(found.errors[0], OutputError)


def test_a_folder_that_cannot_be_read(place: Path) -> None:
    if not hasattr(os, "geteuid"):
        pytest.skip("folder modes do not forbid reading on this system")
    for folder in (place.parent.parent, place.parent, place):  # the superuser's own are closed to others
        folder.chmod(0o755)
    (place / "deep" / "er").chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        found = expand(["deep"], place)
    finally:
        os.seteuid(user)
        (place / "deep" / "er").chmod(0o755)
    if not found.inputs:
        pytest.skip("the temporary folder is closed to other users")
    assert [one.name for one in found.inputs] == ["d.ogg"]
    assert found.errors[0].message == "The folder deep/er cannot be read: Permission denied."
