"""Which option means which work, and where a run may begin and end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.runs import Case

pytestmark = [pytest.mark.model, pytest.mark.xdist_group("faults")]

NOTHING: set[str] = set()
WORDS = {"transcribe"}


def plans(case: Case) -> set[str]:
    """Where it is kept where speech is: a few files for each recording."""
    return {path.name for path in (case.folder / "kept" / "results").rglob("*.json")
            if b'"probabilities"' in path.read_bytes()}


@pytest.fixture(scope="module")
def done(calm: Case, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A run whose cache is full; the tests change one option each."""
    case = Case(calm.recording, calm.model, tmp_path_factory.mktemp("done"))
    case.run("out")
    return case


@pytest.mark.parametrize(("options", "again"), [
    (("--formats", "txt,json"), NOTHING),
    (("--max-line-width", "20"), NOTHING),
    (("--max-line-count", "1"), NOTHING),
    (("--max-words-per-line", "3"), NOTHING),
    (("--chunks", "2"), NOTHING),
    (("--workers", "1"), NOTHING),
    (("--batch-size", "3"), NOTHING),
    (("--offline",), NOTHING),
    (("--hang-after", "100"), NOTHING),
    (("--max-duration", "1"), NOTHING),
    (("--quality", "high", "--beam-size", "1"), NOTHING),  # the model is given, so only the beam would differ
    (("--quality", "fast", "--word-timestamps"), NOTHING),
    (("--quality", "high"), WORDS),
    (("--language", "ru"), WORDS),
    (("--task", "translate"), WORDS),
    (("--beam-size", "2"), WORDS),
    (("--initial-prompt", "the old man"), WORDS),
    (("--hotwords", "river"), WORDS),
    (("--no-word-timestamps",), WORDS),
    (("--compute-type", "float32"), WORDS),
], ids=lambda value: " ".join(value) if isinstance(value, tuple) else "")
def test_an_option_costs_what_depends_on_it(done: Case, options: tuple[str, ...], again: set[str]) -> None:
    total, kept = len(done.status("out")), plans(done)
    done.run("changed", *options)
    assert done.use("changed") == ((0, total, 0) if "transcribe" in again else (total, 0, 0))
    assert kept and plans(done) == kept, "the speech in it depends on none of them"


def test_another_model_of_the_same_name_is_another(done: Case, pico: dict[str, Path], tmp_path: Path) -> None:
    """Its revision is told from what is in the files."""
    other = tmp_path / done.model.name
    other.symlink_to(pico["faster-whisper float32"])
    done.run("changed", "--model", str(other), "--compute-type", "int8")
    assert done.use("changed")[0] == 0


def test_one_stage_at_a_time(case: Case, calm: Case) -> None:
    assert "no file is written" in case.run(None, "--until", "plan")
    assert plans(case) and not case.kept() and not (case.folder / "out").exists()
    assert "were not transcribed before" in case.run("out", "--from", "write", code=2)
    case.run(None, "--until", "transcribe", "--from", "transcribe")
    assert len(case.kept()) == len(calm.status("out")) and not list(case.folder.glob("out/*"))
    said = case.run("out", "--from", "write")
    assert case.use("out") == (len(calm.status("out")), 0, 0) and "0 workers" in said
    assert case.files("out") == calm.files("out")


def test_a_stage_is_done_again(case: Case, calm: Case) -> None:
    case.run("out")
    case.run("again", "--from", "transcribe")
    assert case.use("again") == (0, len(calm.status("out")), 0)
    case.run("all", "--from", "plan")
    assert case.use("all") == (0, len(calm.status("out")), 0)
    assert case.files("again") == case.files("all") == calm.files("out")


def test_stages_that_make_no_sense(case: Case) -> None:
    assert "was not planned before" in case.run("out", "--from", "transcribe", code=2)
    assert "comes after" in case.run("out", "--from", "write", "--until", "plan", code=2)
    assert "need the cache" in case.run("out", "--no-cache", "--until", "plan", code=2)
    assert "contradict" in case.run("out", "--no-cache", "--cache", "there", code=2)
    assert "no file is written" in case.run("out", "--until", "transcribe", code=2)
    assert "--max-duration" in case.run("out", "--max-duration", "0", code=2)
    assert "--hang-after" in case.run("out", "--hang-after", "-1", code=2)
