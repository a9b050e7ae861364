from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.formats.transcripts import run_without_rights, transcript
from voicekit.errors import OutputError, UsageError
from voicekit.formats import write
from voicekit.placing import explain, is_stream, write_text
from voicekit.options import SubtitleOptions
from voicekit.types import Segment

NO_LIMIT = SubtitleOptions()
SPOKEN = transcript(Segment(0, 1, "Привет 👋"), Segment(1, 2, "再见"))

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux")


def test_write(tmp_path: Path) -> None:
    path = tmp_path / "talk.TXT"
    write(SPOKEN, path, NO_LIMIT)
    assert path.read_bytes() == "Привет 👋\n再见\n".encode()
    write(SPOKEN, str(tmp_path / "other"), NO_LIMIT, extension="srt")
    assert (tmp_path / "other").read_bytes().startswith(b"1\n00:")
    assert sorted(os.listdir(tmp_path)) == ["other", "talk.TXT"]


def test_an_unknown_extension_touches_nothing(tmp_path: Path) -> None:
    for name in ("talk.doc", "talk"):
        with pytest.raises(UsageError, match="txt, srt"):
            write(SPOKEN, tmp_path / name, NO_LIMIT)
    assert os.listdir(tmp_path) == []


def test_a_replaced_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old and much longer than the new one")
    write_text(path, "new\n")
    assert path.read_text() == "new\n"


@posix
def test_permissions(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    before = os.umask(0o027)
    try:
        write_text(path, "a")
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o600)
        write_text(path, "b")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(before)


def test_the_longest_name_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 251 + ".txt")
    write_text(path, "a")
    assert path.read_text() == "a"
    with pytest.raises(OutputError, match="shorter name"):
        write_text(tmp_path / ("n" * 300), "a")


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_no_temporary_file_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str,
                                   failure: BaseException) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OutputError if isinstance(failure, OSError) else KeyboardInterrupt):
        write_text(path, "new")
    assert os.listdir(tmp_path) == ["a.txt"]
    assert path.read_text() == "old"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        write_text(tmp_path / "a.txt", "a")
    with pytest.raises(OutputError, match="Make its folder first"):
        write_text(tmp_path / "none" / "a.txt", "a")
    (tmp_path / "b").write_text("")
    with pytest.raises(OutputError, match="not a folder"):
        write_text(tmp_path / "b" / "a.txt", "a")
    assert sorted(os.listdir(tmp_path)) == ["a.txt", "b"]


@posix
def test_a_link_is_followed_and_stays(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "a.txt"
    link.symlink_to(tmp_path / "there" / "b.txt")
    for text in ("one", "two"):  # dangling at first
        write_text(link, text)
        assert link.is_symlink()
        assert (tmp_path / "there" / "b.txt").read_text() == text
    assert os.listdir(tmp_path / "there") == ["b.txt"]


@posix
def test_a_pipe_is_written_straight(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.txt"
    os.mkfifo(pipe)
    assert is_stream(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_text(pipe, "through\n")
    reader.join(10)
    assert read == [b"through\n"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@posix
def test_standard_output_is_written_straight(tmp_path: Path) -> None:
    script = ("import sys; from pathlib import Path; from voicekit.placing import write_text; "
              "write_text(Path('/dev/stdout'), 'said\\n')")
    piped = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert piped.stdout == "said\n"
    path = tmp_path / "out.txt"
    path.write_text("before\n")
    with path.open("a") as file:
        subprocess.run([sys.executable, "-c", script], stdout=file, check=True)
    assert path.read_text() == "before\nsaid\n"
    write_text(Path("/dev/null"), "gone")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@linux
def test_a_full_disk() -> None:
    with pytest.raises(OutputError, match="No space left.*Free some space"):
        write_text(Path("/dev/full"), "a" * 100_000)


@linux
def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    script = """
import resource, sys
from pathlib import Path
from voicekit.errors import OutputError
from voicekit.placing import write_text
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_text(Path(sys.argv[1]), "a" * 100_000)
except OutputError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", script, str(path)], capture_output=True,
                          text=True, check=True)
    assert "too large" in done.stdout and "Free some space" in done.stdout
    assert os.listdir(tmp_path) == ["a.txt"]
    assert path.read_text() == "old"


def test_a_folder_one_may_not_write_to(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o555)
    script = """
import sys
from pathlib import Path
from voicekit.errors import OutputError
from voicekit.placing import write_text
try:
    write_text(Path(sys.argv[1]), "a")
except OutputError as error:
    print(error)
"""
    said = run_without_rights(script, folder / "a.txt")
    folder.chmod(0o755)
    assert "Permission denied" in said and "Choose a folder" in said
    assert os.listdir(folder) == []


@pytest.mark.parametrize("code", [
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG,
    errno.EISDIR, errno.ENOTDIR, errno.ENOENT, errno.EIO])
def test_every_reason_comes_with_advice(code: int) -> None:
    error = explain(OSError(code, os.strerror(code)), Path("a.srt"))
    assert error.message == f"Cannot write a.srt: {os.strerror(code)}."
    assert error.hint.endswith(".")
