from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.formats.transcripts import run_without_rights, transcript
from voicekit import formats as file_types
from voicekit.cli.outputs import OutputPlan, Target, plan
from voicekit.errors import OutputError, UsageError
from voicekit.options import SubtitleOptions

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX")


@dataclass(frozen=True)
class FakeInput:
    path: Path
    name: str
    stdin: bool = False


STDIN = FakeInput(Path("-"), "-", stdin=True)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sound(name: str) -> FakeInput:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"sound")
    return FakeInput(path, path.name)


def paths(item: OutputPlan[FakeInput]) -> list[str]:
    assert item.error is None, item.error
    return [target.path.as_posix() for target in item.targets]


def refused(item: OutputPlan[FakeInput]) -> OutputError:
    assert item.error is not None
    assert item.error.hint and not item.targets
    return item.error


def one(name: str, *outputs: str, formats: list[str] | None = None,
        overwrite: bool = False) -> OutputPlan[FakeInput]:
    (item,) = plan([sound(name)], outputs, formats, overwrite)
    return item


# -- where things go ---------------------------------------------------------------------------------

def test_beside_the_input(here: Path) -> None:
    assert paths(one("talks/in.mp3")) == ["talks/in.txt", "talks/in.srt", "talks/in.json"]
    assert paths(one("talks/in.mp3", formats=["VTT", ".srt", "vtt"])) == ["talks/in.vtt", "talks/in.srt"]
    assert paths(one("in.2024.mp3", formats=["txt"])) == ["in.2024.txt"]
    assert paths(one("noextension", formats=["txt"])) == ["noextension.txt"]


def test_nothing_is_left_by_trying(here: Path) -> None:
    one("in.mp3")
    assert os.listdir() == ["in.mp3"]


def test_no_inputs(here: Path) -> None:
    assert plan([], [], None, False) == []


def test_standard_input_goes_to_the_current_folder(here: Path) -> None:
    (item,) = plan([STDIN], [], ["txt", "srt"], False)
    assert paths(item) == ["stdin.txt", "stdin.srt"]
    (item,) = plan([STDIN], ["out/"], ["txt"], False)
    assert paths(item) == ["out/stdin.txt"]


def test_the_extension_decides(here: Path) -> None:
    item = one("in.mp3", "a.SRT", "b/c.json", "./a.SRT")
    assert item.targets == (Target(Path("a.SRT"), "srt"), Target(Path("b/c.json"), "json"))
    assert Path("b").is_dir()
    assert not item.notices


def test_a_folder_takes_the_formats(here: Path) -> None:
    Path("there.srt").mkdir()
    assert paths(one("in.mp3", "there.srt", formats=["txt"])) == ["there.srt/in.txt"]
    assert paths(one("in.mp3", f"new{os.sep}", "x.vtt")) == [
        "new/in.txt", "new/in.srt", "new/in.json", "x.vtt"]
    assert Path("new").is_dir()


def test_formats_without_a_place_are_not_dropped_silently(here: Path) -> None:
    item = one("in.mp3", "a.srt", formats=["srt", "json"])
    assert paths(item) == ["a.srt"]
    assert item.notices == ("The extensions given with -o decide the formats: no json.",)
    assert not one("in.mp3", "a.srt", formats=["srt"]).notices
    assert not one("in.mp3", "a.srt", "new/", formats=["json"]).notices


def test_several_inputs_into_one_folder(here: Path) -> None:
    inputs = [sound("a.mp3"), sound("x/b.mp3"), STDIN]
    for output in ("deep/results", "results/", str(here / "results")):
        found = plan(inputs, [output], ["txt"], False)
        assert [item.targets[0].path for item in found] == [
            Path(output, name) for name in ("a.txt", "b.txt", "stdin.txt")]
        assert [item.input for item in found] == inputs


# -- names that would meet ---------------------------------------------------------------------------

def test_two_inputs_of_one_stem_keep_their_full_names(here: Path) -> None:
    inputs = [sound("a.mp3"), sound("b.mp3"), sound("a.wav")]
    found = plan(inputs, [], ["txt", "srt"], False)
    assert [paths(item) for item in found] == [
        ["a.mp3.txt", "a.mp3.srt"], ["b.txt", "b.srt"], ["a.wav.txt", "a.wav.srt"]]
    assert [len(item.notices) for item in found] == [1, 0, 1]
    assert "a.mp3.txt" in found[0].notices[0]


def test_one_stem_in_two_folders_is_no_matter_beside_them(here: Path) -> None:
    found = plan([sound("x/a.mp3"), sound("y/a.mp3")], [], ["txt"], False)
    assert [paths(item) for item in found] == [["x/a.txt"], ["y/a.txt"]]
    assert not any(item.notices for item in found)


def test_one_full_name_from_two_folders_gets_a_number(here: Path) -> None:
    found = plan([sound("x/a.mp3"), sound("y/a.mp3"), sound("z/a.mp3")], ["out/"], ["txt"], False)
    assert [paths(item) for item in found] == [["out/a.mp3.txt"], ["out/a.mp3.2.txt"], ["out/a.mp3.3.txt"]]


def test_a_full_name_never_takes_another_inputs_stem(here: Path) -> None:
    found = plan([sound("a.mp3"), sound("a.wav"), sound("a.mp3.ogg")], [], ["txt"], False)
    assert [paths(item) for item in found] == [["a.mp3.2.txt"], ["a.wav.txt"], ["a.mp3.txt"]]


def test_capitals_tell_no_files_apart(here: Path) -> None:
    found = plan([sound("x/A.mp3"), sound("a.wav"), FakeInput(STDIN.path, "-", True), sound("Stdin.mp3")],
                 ["out/"], ["txt"], False)
    assert [paths(item) for item in found] == [["out/A.mp3.txt"], ["out/a.wav.txt"], ["out/stdin.txt"],
                                               ["out/Stdin.mp3.txt"]]


# -- wrong usage -------------------------------------------------------------------------------------

@pytest.mark.parametrize(("outputs", "formats", "match"), [
    (["a.docx"], None, r"unknown extension '\.docx'.*txt, srt, vtt, tsv, json, html, rttm"),
    (["results"], None, r"no extension.*txt, srt.*end it with /"),
    ([""], None, "not a path"),
    (["a\0.srt"], None, "not a path"),
    (["a.srt"], ["docx"], r"'docx'.*txt, srt"),
    (["good/", "a.docx"], None, "unknown extension"),
])
def test_wrong_usage(here: Path, outputs: list[str], formats: list[str] | None, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        one("in.mp3", *outputs, formats=formats)
    assert os.listdir() == ["in.mp3"]


@pytest.mark.parametrize(("outputs", "match"), [
    (["a.srt"], "several inputs need a folder"),
    (["a.docx"], "several inputs need a folder"),
    (["there"], "several inputs need a folder"),
    (["there/"], "several inputs need a folder"),
    (["one/", "two/"], "one folder"),
])
def test_several_inputs_need_one_folder(here: Path, outputs: list[str], match: str) -> None:
    inputs = [sound("a.mp3"), sound("b.mp3")]
    Path("there").write_text("")
    with pytest.raises(UsageError, match=match):
        plan(inputs, outputs, None, True)
    assert sorted(os.listdir()) == ["a.mp3", "b.mp3", "there"]


# -- what is there already ---------------------------------------------------------------------------

def test_an_existing_file_is_not_replaced_unasked(here: Path) -> None:
    Path("in.srt").write_text("mine")
    error = refused(one("in.mp3"))
    assert "in.srt already exists" in str(error) and "--overwrite" in error.hint
    assert paths(one("in.mp3", overwrite=True)) == ["in.txt", "in.srt", "in.json"]
    assert Path("in.srt").read_text() == "mine"


def test_an_error_of_one_input_stops_no_other(here: Path) -> None:
    Path("a.txt").write_text("mine")
    bad, good = plan([sound("a.mp3"), sound("b.mp3")], [], ["txt"], False)
    assert "already exists" in str(refused(bad))
    assert paths(good) == ["b.txt"]


def test_an_input_is_never_an_output(here: Path) -> None:
    assert "never overwritten" in str(refused(one("in.txt", overwrite=True)))
    assert "never overwritten" in str(refused(one("in.srt", "./in.srt", overwrite=True)))
    first, second = plan([sound("a.mp3"), sound("x/a.txt")], ["x/"], ["txt"], True)
    assert paths(first) == ["x/a.mp3.txt"] and paths(second) == ["x/a.txt.txt"]
    first, second = plan([sound("b.txt.mp3"), sound("b.txt.txt")], [], ["txt"], True)
    assert paths(first) == ["b.txt.mp3.txt"] and paths(second) == ["b.txt.txt.txt"]
    first, second = plan([sound("c.mp3"), sound("sub/c.srt")], [], ["srt"], True)
    assert paths(first) == ["c.srt"]
    assert "sub/c.srt is an input" in str(refused(second)).replace(os.sep, "/")


@posix
@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
def test_a_link_to_an_input_is_that_input(here: Path, link: Callable[[Path, Path], None]) -> None:
    inputs = [sound("a.mp3"), sound("b.mp3")]
    link(Path("a.txt"), inputs[1].path.absolute())
    bad, good = plan(inputs, [], ["txt"], True)
    assert "a.txt is an input" in str(refused(bad))
    assert paths(good) == ["b.txt"]


@posix
def test_an_input_reached_through_a_linked_folder(here: Path) -> None:
    item = sound("real/in.txt")
    Path("alias").symlink_to("real")
    (found,) = plan([item], ["alias/in.txt"], None, True)
    assert "never overwritten" in str(refused(found))


@posix
def test_an_input_that_is_a_link_is_written_beside_the_link(here: Path) -> None:
    sound("store/in.mp3")
    Path("talk.mp3").symlink_to("store/in.mp3")
    (found,) = plan([FakeInput(Path("talk.mp3"), "talk.mp3")], [], ["txt"], False)
    assert paths(found) == ["talk.txt"]


@posix
def test_two_inputs_whose_results_are_one_file_by_links(here: Path) -> None:
    Path("b.txt").write_text("")
    Path("a.txt").symlink_to("b.txt")
    first, second = plan([sound("a.mp3"), sound("b.mp3")], [], ["txt"], True)
    assert paths(first) == ["a.txt"]
    assert "already a result of a.mp3" in str(refused(second))


def test_a_folder_in_the_way(here: Path) -> None:
    Path("in.srt").mkdir()
    assert "in.srt is a folder" in str(refused(one("in.mp3", overwrite=True)))


def test_a_file_where_a_folder_should_be(here: Path) -> None:
    Path("file").write_text("")
    for output in ("file/a.srt", "file/", "file/deeper/"):
        assert "not a folder" in str(refused(one("in.mp3", output)))


def test_a_name_that_is_too_long(here: Path) -> None:
    assert "shorter name" in str(refused(one("n" * 251 + ".mp3", formats=["json"])))


@posix
def test_a_link_to_nothing(here: Path) -> None:
    Path("there").mkdir()
    Path("in.txt").symlink_to("there/new.txt")
    error = refused(one("in.mp3", formats=["txt"]))
    assert "link" in str(error) and "--overwrite" in error.hint
    assert paths(one("in.mp3", formats=["txt"], overwrite=True)) == ["in.txt"]
    Path("in.txt").unlink()
    Path("in.txt").symlink_to("nowhere/new.txt")
    refused(one("in.mp3", formats=["txt"], overwrite=True))
    assert not Path("nowhere").exists()
    Path("in.txt").unlink()
    Path("in.txt").symlink_to("in.txt")
    refused(one("in.mp3", formats=["txt"]))


# -- what is no file ---------------------------------------------------------------------------------

@posix
def test_devices_and_pipes_are_written_as_they_are(here: Path) -> None:
    os.mkfifo("pipe")
    os.mkfifo("pipe.srt")
    assert one("in.mp3", "/dev/null").targets == (Target(Path("/dev/null"), "txt"),)
    assert one("in.mp3", "pipe", formats=["vtt"]).targets == (Target(Path("pipe"), "vtt"),)
    assert one("in.mp3", "pipe.srt").targets == (Target(Path("pipe.srt"), "srt"),)
    with pytest.raises(UsageError, match="no extension"):
        one("in.mp3", "/dev/null", formats=["txt", "srt"])


@posix
def test_standard_output_may_have_been_sent_to_a_file(here: Path) -> None:
    script = """
import sys
from pathlib import Path
from tests.cli.test_outputs import sound, plan
(item,) = plan([sound("in.mp3")], ["/dev/stdout"], None, False)
assert item.error is None, item.error
sys.stderr.write(item.targets[0].extension)
"""
    root = Path(__file__).parents[2]
    with open("out.txt", "wb") as file:
        done = subprocess.run([sys.executable, "-c", script], stdout=file, stderr=subprocess.PIPE, text=True,
                              check=False, env={**os.environ, "PYTHONPATH": str(root)})
    assert (done.returncode, done.stderr) == (0, "txt")


# -- rights ------------------------------------------------------------------------------------------

_PLAN = """
import sys
from dataclasses import dataclass
from pathlib import Path
from voicekit.cli.outputs import plan

@dataclass
class Input:
    path: Path
    name: str
    stdin: bool = False

for item in plan([Input(Path(name), Path(name).name) for name in sys.argv[2:]],
                 [sys.argv[1]] if sys.argv[1] else [], ["txt"], True):
    print(item.error or "may be written")
"""


@posix
def test_rights_are_found_out_before_the_work(here: Path) -> None:
    inputs = [sound("open/a.mp3").path, sound("locked/b.mp3").path, sound("open/c.mp3").path]
    Path("open/c.txt").write_text("")
    Path("open/c.txt").chmod(0o444)
    Path("secret").mkdir()
    Path("locked").chmod(0o555)
    Path("secret").chmod(0o000)
    try:
        beside = run_without_rights(_PLAN, "", *inputs).splitlines()
        new = run_without_rights(_PLAN, "locked/new/", *inputs[:2]).splitlines()
        secret = run_without_rights(_PLAN, "secret/a.txt", inputs[0])
    finally:
        Path("locked").chmod(0o755)
        Path("secret").chmod(0o755)
    assert beside[0] == "may be written"
    assert "Permission denied" in beside[1] and "Choose a folder that you may write to" in beside[1]
    assert "can only be read" in beside[2]
    assert len(new) == 2 and all("Permission denied" in line for line in new)
    assert "Permission denied" in secret
    assert sorted(os.listdir("locked")) == ["b.mp3"]


def test_what_is_planned_can_be_written(here: Path) -> None:
    for target in one("in.mp3", "new/", "more/a.vtt", formats=["txt", "srt", "tsv", "json"]).targets:
        file_types.write(transcript(), target.path, SubtitleOptions(), extension=target.extension)
        assert target.path.is_file()
