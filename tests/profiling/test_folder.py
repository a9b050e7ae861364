"""The folder of a profile: what is refused, what is replaced, what stays."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from tests.formats.transcripts import run_without_rights
from voicekit.errors import InputError, OutputError, UsageError
from voicekit.profiling.folder import claim, explained
from voicekit.profiling.session import Session
from voicekit.profiling.steps import step
from voicekit.profiling.summary import Summary, dumped, load
from voicekit.profiling.switch import active
from voicekit.profiling.writing import begin


@pytest.fixture
def made(tmp_path: Path) -> Path:
    with Session(tmp_path / "p", options={"workers": 2}), step("think"):
        sum(range(1000))
    return tmp_path / "p"


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_profile_of_one_process(made: Path) -> None:
    assert names(made) == ["profile.json", "profile.pstats", "stages/run.pstats", "trace.json"]
    assert active() is None
    found = load(made)
    assert (found.state, found.options) == ("finished", {"workers": 2})
    assert [process.name for process in found.processes] == ["parent"] and found.processes[0].start_up == 0
    assert {component.name for component in found.components} >= {"run: think", "run: other"}
    assert sum(one.wall for one in found.components) == pytest.approx(found.wall, abs=0.002)


@pytest.mark.parametrize("replace", [False, True])
def test_other_things_are_never_touched(tmp_path: Path, replace: bool) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    (tmp_path / "profile.json").write_text('{"schema": "of something else"}')
    with pytest.raises(UsageError, match="holds other things"):
        claim(tmp_path, replace=replace)
    with pytest.raises(UsageError, match="is no folder"):
        claim(tmp_path / "thesis.txt", replace=replace)
    assert names(tmp_path) == ["profile.json", "thesis.txt"]


def test_a_whole_profile_is_replaced_only_if_asked(made: Path) -> None:
    (made / "note.txt").write_text("mine")
    (made / "stages" / "mine.txt").write_text("mine")
    given = json.loads((made / "profile.json").read_text())
    (made / "profile.json").write_text(json.dumps({**given, "recordings": [{"name": "talk.wav", "seconds": 2.0}]}))
    before = (made / "trace.json").read_bytes()
    with pytest.raises(UsageError, match="holds a profile already"):
        Session(made).__enter__()
    assert (made / "trace.json").read_bytes() == before and active() is None
    with Session(made, replace=True):
        pass
    assert {"note.txt", "stages/mine.txt"} < set(names(made)), "what is not ours stays"


def test_the_profile_of_a_run_that_was_cut_off_makes_room(tmp_path: Path) -> None:
    """So that the same command can be given again."""
    for error in (KeyboardInterrupt, SystemExit):
        with pytest.raises(error), Session(tmp_path / "p"):
            raise error
        assert load(tmp_path / "p").state == "interrupted"
    claim(tmp_path / "p", replace=False)
    begin(tmp_path / "p", "now", {})  # as a run that is killed leaves it
    (tmp_path / "p" / "parts" / "0-1.json").write_text("{}")
    with pytest.raises(ValueError), Session(tmp_path / "p"):
        raise ValueError
    assert load(tmp_path / "p").state == "failed"
    claim(tmp_path / "p", replace=False)
    with Session(tmp_path / "p"):  # as of a command whose input is misspelt
        pass
    assert load(tmp_path / "p").state == "finished" and not load(tmp_path / "p").recordings
    claim(tmp_path / "p", replace=False)


def test_a_link_in_place_of_a_folder_of_ours_is_not_followed(made: Path, tmp_path: Path) -> None:
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "old.pstats").write_text("keep")
    for path in (made / "stages").iterdir():
        path.unlink()
    (made / "stages").rmdir()
    (made / "stages").symlink_to(tmp_path / "others")
    claim(made, replace=True)
    assert (tmp_path / "others" / "old.pstats").read_text() == "keep"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Cannot write") as caught:
        Session(tmp_path / "file" / "p").__enter__()
    assert "--profile=DIR" in caught.value.hint and active() is None


def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    said = run_without_rights("""
import sys
from voicekit.errors import OutputError
from voicekit.profiling.session import Session
try:
    Session(sys.argv[1]).__enter__()
except OutputError as error:
    print(error.message)
""", tmp_path / "p")
    assert said.startswith("Cannot write")


def test_a_disk_that_fails_at_the_end(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="Cannot write"), Session(tmp_path / "p"):
        (tmp_path / "p" / "stages").write_text("in the way")
    with pytest.raises(ValueError), Session(tmp_path / "q"):  # what went wrong first is what is told
        (tmp_path / "q" / "stages").write_text("in the way")
        raise ValueError
    with pytest.raises(ValueError), Session(tmp_path / "r"):  # the same where placing a file fails
        (tmp_path / "r" / "profile.pstats").mkdir()
        raise ValueError


def test_the_advice_is_about_the_profile() -> None:
    full = explained(OSError(errno.ENOSPC, "No space left on device"), Path("p"))
    assert "--profile=DIR" in full.hint and "-o" not in full.hint
    assert "--profile=DIR" in explained(OutputError("Cannot write.", "Choose another place with -o."), Path("p")).hint


def test_one_run_at_a_time(tmp_path: Path) -> None:
    with Session(tmp_path / "p"), pytest.raises(UsageError, match="already"):
        Session(tmp_path / "q").__enter__()
    assert not (tmp_path / "q").exists()


@pytest.mark.parametrize(("change", "message"), [
    (lambda found: found.update(wall="long"), "wall is \"long\""),
    (lambda found: found.pop("machine"), "has no machine"),
    (lambda found: found["processes"][0].update(fate="happy"), "fate is \"happy\""),
    (lambda found: found["components"].append(3), r"components\[\d+\] is no object"),
    (lambda found: found.update(schema="voicekit.profile/2"), "voicekit.profile/2"),
    (lambda found: found.update(state="running"), "has not ended"),
])
def test_a_damaged_profile(made: Path, change: object, message: str) -> None:
    found = json.loads((made / "profile.json").read_text())
    change(found)  # type: ignore[operator]
    (made / "profile.json").write_text(json.dumps(found))
    with pytest.raises(InputError, match=message):
        load(made)


def test_what_is_no_profile(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for name, message in [("missing", "is not there"), ("file", "is no folder"), (".", "holds no profile")]:
        with pytest.raises(InputError, match=message):
            load(tmp_path / name)
    for content, message in [("[1]", "not of the form"), ("{", "cannot be read"), ("\xff", "cannot be read")]:
        (tmp_path / "profile.json").write_text(content, encoding="latin-1")
        with pytest.raises(InputError, match=message):
            load(tmp_path)


def test_it_reads_what_it_writes(made: Path) -> None:
    found = load(made)
    assert isinstance(found, Summary)
    assert dumped(found) == (made / "profile.json").read_text(encoding="utf-8")
