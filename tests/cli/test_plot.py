"""``voicekit plot``: pictures of transcripts of every kind, and what is told where there can be none."""

from __future__ import annotations

import random
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.commands import SHORT, run, voicekit
from tests.formats.transcripts import random_transcript, transcript, word
from voicekit import formats
from voicekit.errors import EngineMissingError
from voicekit.formats.report.colours import LIGHT
from voicekit.provenance import TimelineEntry
from voicekit.types import LedgerEntry, Segment, Source, Transcript, Turn

image = pytest.importorskip("matplotlib.image")


def meeting() -> Transcript:
    """A minute: Anna speaks for 30 s, Boris for 15 s, and 6 s are lost."""
    segments = [Segment(k, k + 1.0, "a", (word(" a", k, k + 0.9, 0.9 if k < 45 else 0.2),), "Anna" if k < 30 else "Boris")
                for k in range(45)]
    work = (TimelineEntry("prepare", 0, 60, 0.0, 1.0), TimelineEntry("transcribe", 0, 30, 1.0, 4.0, 0, 0, 0),
            TimelineEntry("transcribe", 30, 60, 1.0, 5.0, 1, 1, 1), TimelineEntry("transcribe", 50, 60, 5.0, 6.0, 1, 2, 2, "lost"))
    plain = transcript(*segments, source=Source("встреча.mp3", 60.0, "ab"),
                       turns=(Turn(0.0, 30.0, "Anna"), Turn(30.0, 45.0, "Boris")),
                       ledger=(LedgerEntry(0, 45, 0, "transcribed"), LedgerEntry(48, 54, 1, "failed", "worker crashed")))
    return replace(plain, run=replace(plain.run, timeline=work))


def drawn(given: Transcript, folder: Path, width: int = 800) -> NDArray[np.float32]:
    """The picture of a transcript, shape (rows, columns, 3)."""
    from voicekit.plotting.transcript import plot

    plot(given, folder / "out.png", width=width)
    pixels = image.imread(str(folder / "out.png"))[..., :3]
    assert pixels.shape[1] == width
    return pixels


def columns(pixels: NDArray[np.float32], colour: str) -> NDArray[np.intp]:
    """Where there is a colour, once for each row that it is in."""
    wanted = np.array([int(colour[k:k + 2], 16) for k in (1, 3, 5)]) / 255
    return np.nonzero(np.abs(pixels - wanted).max(axis=2) < 0.02)[1]


def test_everything_is_drawn_where_it_belongs(tmp_path: Path) -> None:
    pixels = drawn(meeting(), tmp_path, 1600)
    anna, boris, failed = (columns(pixels, colour) for colour in (LIGHT[0], LIGHT[1], "#c62828"))
    left, across = 0.17 * 1600, 0.80 * 1600  # of the time axis
    # Of the first speaker's turns and of her bar: both begin at the left; she speaks for half of the minute.
    assert abs(anna.min() - left) <= 2
    half = (anna > left + across * 0.45) & (anna < left + across * 0.5 - 2)
    assert half.any()
    assert abs(failed.min() - (left + across * 48 / 60)) <= 15, "the lost worker, or the ledger's gap"
    assert len(boris) and columns(pixels, "#2f6db5").max() < left + across * 5 / 6 + 3, "transcribed until second 5 of 6"
    without = drawn(replace(meeting(), ledger=meeting().ledger[:1], run=replace(meeting().run, timeline=())), tmp_path, 1600)
    assert not len(columns(without, "#c62828")) and len(without) < len(pixels)


@pytest.mark.parametrize("seed", range(8))
def test_any_transcript_can_be_drawn(tmp_path: Path, seed: int) -> None:
    drawn(random_transcript(random.Random(seed)), tmp_path)


@pytest.mark.parametrize("given", [
    transcript(),
    replace(transcript(), ledger=(), source=Source("", 0.0, "")),
    transcript(Segment(0, 5, "no words", speaker="A")),
    transcript(*(Segment(k, k + 1, "x", speaker=f"SPEAKER_{k:02d}") for k in range(60))),
    transcript(Segment(0, 1, "x", (word("x", float("nan"), 1, float("nan")),), "$x_1$ \\frac{}"), source=Source("$\\alpha$", 9, "")),
    transcript(Segment(0, 1e299, "x", speaker="long " * 50), source=Source("long " * 500, 1e300, "")),
    replace(transcript(), run=replace(transcript().run, timeline=tuple(
        TimelineEntry("speak", 0, 1, 0, 0, worker) for worker in range(50)))),
], ids=["ledger only", "nothing", "no words", "many speakers", "formulas", "years", "many workers"])
def test_strange_transcripts_can_be_drawn(tmp_path: Path, given: Transcript) -> None:
    assert (drawn(given, tmp_path) < 0.5).any()


def test_names_of_all_scripts_have_their_letters(tmp_path: Path) -> None:
    from voicekit.plotting.canvas import shown

    for name in ("Анна Ёлкина", "דוד לוי", "محمد علي", "Ελένη", "Łukasz Müller"):
        assert shown(name) == name
    assert shown("a\ud800\x00\u202eb\nc\U000e0041") == "a\ufffd\ufffdb c"
    assert len(shown("x" * 100)) == 40
    # Warnings are errors here: a letter that no font has would be one.
    drawn(transcript(*(Segment(k, k + 1, "x", speaker=name) for k, name in enumerate(
        ["Анна", "דוד לוי", "محمد علي", "李雷", "ประยุทธ์", "नरेंद्र", "👩‍👩‍👧 family", "\U00013000"]))), tmp_path)


def test_arabic_letters_are_joined_and_hebrew_is_turned(tmp_path: Path) -> None:
    from voicekit.plotting.canvas import fitted, picture

    widths = {}
    with picture(tmp_path / "out.png", 800, 2.0) as figure:
        for text in ("علي", "ع\u200cل\u200cي"):  # with non-joiners between them
            one = figure.text(0, 0, text, fontsize=40)
            widths[text] = one.get_window_extent().width
        long = fitted(figure, "m" * 60, 9, 1.0)
    assert min(widths.values()) < 0.95 * max(widths.values())
    assert long.endswith("…") and 5 < len(long) < 20


def test_the_command(tmp_path: Path) -> None:
    formats.write(meeting(), tmp_path / "talk.json")
    done = voicekit("plot", "talk.json", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "talk.png\n"), done.stderr
    assert image.imread(str(tmp_path / "talk.png")).shape[1] == 1600
    first = (tmp_path / "talk.png").read_bytes()
    done = voicekit("plot", "talk.json", cwd=tmp_path)
    assert done.returncode == 2 and "--overwrite" in done.stderr and (tmp_path / "talk.png").read_bytes() == first
    done = voicekit("plot", "talk.json", "--overwrite", cwd=tmp_path)
    assert done.returncode == 0 and (tmp_path / "talk.png").read_bytes() == first, "the same bytes again"
    done = voicekit("plot", "talk.json", "-o", "small.png", "--width", "700", cwd=tmp_path)
    assert done.returncode == 0 and image.imread(str(tmp_path / "small.png")).shape[1] == 700


def test_the_picture_of_a_real_run(tmp_path: Path) -> None:
    (tmp_path / "in.mp3").write_bytes(SHORT.read_bytes())
    done = run("in.mp3", "--engine", "pocketsphinx", "-o", "in.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert voicekit("plot", "in.json", cwd=tmp_path).returncode == 0
    assert len(columns(image.imread(str(tmp_path / "in.png"))[..., :3], "#2f6db5")), "the worker's timeline"


def test_a_profile_is_drawn_beside_its_folder(tmp_path: Path) -> None:
    (tmp_path / "in.mp3").write_bytes(SHORT.read_bytes())
    done = run("in.mp3", "--engine", "pocketsphinx", "-o", "in.txt", "--profile", "in.profile", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for source, name in (("in.profile", "in.profile.png"), ("in.profile/", "in.profile.png")):
        done = voicekit("plot", source, "--overwrite", cwd=tmp_path)
        assert (done.returncode, done.stdout) == (0, f"{name}\n"), done.stderr
    pixels = image.imread(str(tmp_path / "in.profile.png"))[..., :3]
    worked, waited = columns(pixels, "#2f6db5"), columns(pixels, "#d5dae0")
    assert len(worked) and len(waited)
    assert len(columns(pixels, "#d9662b")), "loading the model is marked"
    assert (tmp_path / "in.profile").is_dir() and not list((tmp_path / "in.profile").glob("*.png"))


@pytest.mark.parametrize("arguments, says", [
    (["nowhere.json"], "Cannot read nowhere.json"),
    (["."], "holds no profile"),
    (["notes.json"], "not valid JSON"),
    (["talk.json", "-o", "-"], "into a file"),
    (["-"], "into a file"),
    (["talk.json", "-o", "talk.jpg"], "end in .png"),
    (["talk.json", "-o", "nowhere/talk.png"], "Make its folder"),
    (["talk.json", "-o", "folder.png", "--overwrite"], "is a folder"),
    (["disguised.png", "--overwrite"], "is the input"),
    (["talk.json", "--width", "5"], "--width"),
    ([], "OUT.json"),
])
def test_bad_use_is_told(tmp_path: Path, arguments: list[str], says: str) -> None:
    formats.write(transcript(), tmp_path / "talk.json")
    formats.write(transcript(), tmp_path / "disguised.png", extension="json")
    (tmp_path / "notes.json").write_text("no json")
    (tmp_path / "folder.png").mkdir()
    before = sorted(tmp_path.rglob("*.png"))
    done = voicekit("plot", *arguments, cwd=tmp_path)
    assert done.returncode == 2 and says in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert sorted(tmp_path.rglob("*.png")) == before and list(tmp_path.glob(".voicekit-*")) == []


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from voicekit.plotting import canvas

    monkeypatch.setitem(sys.modules, "matplotlib", None)  # as where it is not installed
    with pytest.raises(EngineMissingError) as told:
        canvas.library()
    assert ".[plot]" in told.value.hint and told.value.exit_code == 2
