"""``profiles.growth``: the line through the points, and the page and the picture of a short run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from profiles.growth import Line, Point, line
from tests.commands import ROOT, SHORT, environment
from tests.engines.whisper_cases import whispers_tokenizer


def test_the_line_is_that_of_least_squares() -> None:
    points = [Point(minutes, 1, 5 + minutes * 0.5, None) for minutes in (10, 30, 60, 180)]
    assert line(points, lambda point: point.seconds) == Line(30.0, 5.0)
    assert line(points[:1], lambda point: point.seconds) is None


@pytest.mark.model
def test_the_page_and_the_picture(tmp_path: Path) -> None:
    image = pytest.importorskip("matplotlib.image")
    whispers_tokenizer()
    done = subprocess.run(
        [sys.executable, "-m", "profiles.growth", "--model", "tiny", "--tokens", "10", "--minutes", "0.2", "--minutes",
         "0.6", "--files", "1", "--files", "3", "--together", "0.3", "--recording", str(SHORT), "--engine",
         "faster-whisper", "--keep", str(tmp_path / "models"), "--results", str(tmp_path)],
        cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "growth.md").read_text(encoding="utf-8")
    rows = [text.split(" | ")[:2] for text in page.splitlines() if text.startswith("| 0.")]
    assert rows == [["| 0.2", "1"], ["| 0.6", "1"], ["| 0.3", "1"], ["| 0.3", "3"]]
    assert "An hour of audio takes" in page and "A file more" in page and "mean nothing" in page
    assert image.imread(str(tmp_path / "growth.png")).shape[1] == 1600
