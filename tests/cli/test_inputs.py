"""What arguments stand for: files, folders, globs, lists and standard input."""

from __future__ import annotations

import io
import os
import socket
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
    (place / "list.txt").write_text("@inner.txt\n@list.txt\n-\nb.mp3\n")
    found = expand(["@list.txt"], place)
    assert [one.name for one in found.inputs] == ["b.mp3"] and not found.inputs[0].stdin
    assert [one.message for one in found.errors] == [
        "Line 1 of the list list.txt: @inner.txt: lists in lists are not followed.",
        "Line 2 of the list list.txt: @list.txt: lists in lists are not followed.",
        "Line 3 of the list list.txt: Standard input cannot be named in a list."]
    assert all("command line" in one.hint for one in found.errors if isinstance(one, InputError))


def test_files_with_such_names_in_a_list_are_files(place: Path) -> None:
    for name in ("@inner.txt", "-", "~", "~root.mp3", "-o.wav"):
        (place / name).write_bytes(b"x")
    (place / "list.txt").write_text("@inner.txt\n-\n~\n~root.mp3\n-o.wav\n")
    assert names("@list.txt") == ["@inner.txt", "-", "~", "~root.mp3", "-o.wav"]


def test_a_list_that_names_itself(place: Path) -> None:
    (place / "list.txt").write_text("./list.txt\nb.mp3\n")
    found = error("@list.txt", match="Line 1 of the list list.txt: It names the list itself")
    assert [one.name for one in found.inputs] == ["b.mp3"]


def test_paths_of_all_kinds_in_a_list(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(place / "deep"))
    monkeypatch.setenv("USERPROFILE", str(place / "deep"))
    (place / "deep" / "list.txt").write_text(f"../b.mp3\n{place}/a.WAV\n~/d.ogg\ner/../x.dat\n./er\n")
    assert names("@deep/list.txt") == ["b.mp3", "a.WAV", "deep/d.ogg", "deep/x.dat", "deep/er/c.flac"]


@pytest.mark.parametrize("address", [
    "http://example.org/a.mp3", "https://u:p@example.org/%61.mp3?x=1", "HTTP://EXAMPLE.ORG/*.mp3", "rtsp://cam/1",
    "ftp://example.org/a", "s3://bucket/a.wav", "data://x"])
def test_addresses(place: Path, address: str) -> None:
    (place / "list.txt").write_text(address)
    for argument in (address, "@list.txt"):
        error(argument, match="is an address on a network, and only files are read.*curl")


def test_addresses_of_files(place: Path) -> None:
    for argument in (f"file://{place}/my%20talk.mp3", f"file:{place}/my%20talk.mp3"):
        error(argument, match=f"only paths are taken.*Write it as a path: {place}/my talk.mp3")


def test_a_list_as_powershell_writes_it(place: Path) -> None:
    (place / "звук.wav").write_bytes(b"x")
    (place / "list.txt").write_text("b.mp3\r\nзвук.wav\r\n", "utf-16", newline="")
    assert names("@list.txt") == ["b.mp3", "звук.wav"]


def test_lines_that_are_no_paths(place: Path) -> None:
    (place / "list.txt").write_text("x" * 5000 + "\n" + "[" * 100_000 + "\n" + "y" * 300 + "\n" + "[*" * 1500 + "\nb.mp3\n")
    found = expand(["@list.txt"], place)
    assert [one.name for one in found.inputs] == ["b.mp3"] and len(found.errors) == 4
    assert all(len(str(one)) < 600 for one in found.errors)
    assert "is too long for a path" in str(found.errors[0]) and "Line 3 of the list" in str(found.errors[2])


def test_a_list_of_nothing_but_bad_lines(place: Path) -> None:
    (place / "list.txt").write_text("".join(f"missing {number}.mp3\n" for number in range(50_000)))
    found = expand(["@list.txt", "b.mp3"], place)
    assert [one.name for one in found.inputs] == ["b.mp3"]
    assert len(found.errors) == 21
    assert str(found.errors[-1]).startswith("49980 more lines of the list list.txt name no file. ")


def test_a_long_list(place: Path) -> None:
    for number in range(2000):
        (place / f"{number}.mp3").write_bytes(b"x")
    (place / "list.txt").write_text("".join(f"{number}.mp3\n\n./{number}.mp3\n" for number in range(2000)))
    assert names("@list.txt") == [f"{number}.mp3" for number in range(2000)]


def test_what_is_no_list(place: Path) -> None:
    (place / "sound.txt").write_bytes(b"RIFF\0\0\0\0WAVE")
    (place / "half.txt").write_bytes("b.mp3".encode("utf-16")[:-1])
    (place / "32.txt").write_text("b.mp3", "utf-32")
    for name in ("sound.txt", "half.txt", "32.txt"):
        error(f"@{name}", match=f"{name} is not a text file in UTF-8")
    with (place / "large.txt").open("wb") as file:
        file.truncate((64 << 20) + 1)
    error("@large.txt", match="large.txt is longer than 64 MB")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name on this system")
def test_lists_that_are_devices_and_pipes(place: Path) -> None:
    os.mkfifo("pipe")
    os.symlink("/dev/zero", "zero.txt")
    error("@/dev/zero", match="It is a device")
    error("@zero.txt", match="It is a device")
    error("@/dev/null", match="It is a device")
    error("@pipe", match="names no file")  # nobody writes: it does not wait
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        error("@socket", match="cannot be read")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name on this system")
def test_a_list_through_a_pipe(place: Path) -> None:
    reading, writing = os.pipe()
    script = "import sys, time; print('b.mp3', flush=True); time.sleep(0.5); print('a.WAV')"
    with subprocess.Popen([sys.executable, "-c", script], stdout=writing, cwd=place):
        os.close(writing)
        assert names(f"@/dev/fd/{reading}") == ["b.mp3", "a.WAV"]  # relative to the current folder
    os.close(reading)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name on this system")
def test_entries_that_are_no_files_are_left_to_the_decoder_unopened(place: Path) -> None:
    os.mkfifo("pipe")
    os.symlink("/dev/zero", "zero.mp3")
    (place / "list.txt").write_text("pipe\nzero.mp3\n/dev/zero\n")
    assert names("@list.txt") == ["pipe", "zero.mp3"]
    assert names(".") == ["a.WAV", "b.mp3", "deep/d.ogg", "deep/er/c.flac"]  # a folder gives regular files only


def test_links_in_circles(place: Path) -> None:
    for name in ("one", "two", "deep/up"):
        os.symlink(place, place / name)
    assert names("**/*.flac") == ["deep/er/c.flac"]
    assert names("**/**/er/*") == ["deep/er/c.flac"]
    assert names("**") == names(".") == names(f"{place}/**") == ["a.WAV", "b.mp3", "deep/d.ogg", "deep/er/c.flac"]
    assert names("d*/**/*.ogg") == ["deep/d.ogg"]
    (place / "list.txt").write_text("**/*.ogg\n")
    assert names("@list.txt") == ["deep/d.ogg"]


def test_a_list_in_a_folder_that_looks_like_a_glob(place: Path) -> None:
    (place / "[x]").mkdir()
    (place / "[x]" / "one.mp3").write_bytes(b"x")
    (place / "[x]" / "list.txt").write_text("*.mp3\n one.mp3 \n")
    assert names("@[x]/list.txt") == ["[x]/one.mp3"]


def test_lists_that_are_none(place: Path) -> None:
    (place / "empty.txt").write_text("# nothing\n\n")
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
