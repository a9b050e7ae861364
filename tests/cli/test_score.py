from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import voicekit

pytest.importorskip("pyannote.metrics")
pytest.importorskip("meeteval")

RTTM = "SPEAKER talk 1 {} <NA> <NA> {} <NA> <NA>\n"
REFERENCE = RTTM.format("0.0 10.0", "Ann") + RTTM.format("10.0 10.0", "Bob")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ref.rttm").write_text(REFERENCE)
    (tmp_path / "hyp.rttm").write_text(RTTM.format("0 12", "SPEAKER_00") + RTTM.format("12 8", "SPEAKER_01"))
    (tmp_path / "all.uem").write_text("talk 1 0 40\n")
    (tmp_path / "ref.stm").write_text("talk 1 Ann 0 2 Hello there, you!\ntalk 1 Bob 2 4 Good morning.\n")
    (tmp_path / "hyp.stm").write_text("talk 1 x 0 2 hello there\ntalk 1 y 2 4 you good mourning\n")
    (tmp_path / "ru.txt").write_text("Добрый день!", encoding="utf-8")
    return tmp_path


def test_the_table_of_a_diarization(folder: Path) -> None:
    shown = voicekit("score", "diarization", "ref.rttm", "hyp.rttm", cwd=folder)
    assert shown.returncode == 0, shown.stderr
    assert shown.stderr == ""
    rows = [line.split() for line in shown.stdout.splitlines() if " s  " in line and "%" in line]
    # collar, unit, overlap, DER, %, missed, %, false alarm, %, confusion, %, JER, %, speech
    assert [(row[0], row[2]) for row in rows] == [("0.00", "scored"), ("0.00", "left"), ("0.25", "scored"), ("0.25", "left")]
    assert rows[0][3:] == "10.00 % 0.00 % 0.00 % 10.00 % 18.33 % 20.0 s".split()
    assert rows[2][3] == "9.62"
    assert "talk: 2 speakers, 2 found; 20.0 s are scored, from the first to the last turn" in shown.stdout
    assert "total width around each boundary" in shown.stdout and "NIST" in shown.stdout


def test_a_diarization_for_programs(folder: Path) -> None:
    shown = voicekit("score", "diarization", "ref.rttm", "hyp.rttm", "--uem", "all.uem", "--collar", "0.5",
                     "--skip-overlap", "--json", cwd=folder)
    made = json.loads(shown.stdout)
    (one,) = made["overall"]
    assert (one["collar"], one["skip_overlap"], one["speech"]) == (0.5, True, 19.0)
    assert one["der"] == pytest.approx(1.75 / 19, abs=1e-6)
    assert made["recordings"][0]["region"] == [[0, 40]]
    assert (made["schema"], made["region"]) == ("voicekit.diarization_score/1", "uem")
    assert made["computed_by"]["pyannote.metrics"]


def test_the_table_of_a_transcript(folder: Path) -> None:
    shown = voicekit("score", "transcript", "ref.stm", "hyp.stm", "--language", "en", cwd=folder)
    assert shown.returncode == 0, shown.stderr
    assert shown.stderr == ""
    rows = {line.split()[0]: line.split()[1] for line in shown.stdout.splitlines() if "in the reference" in line}
    assert rows == {"WER": "20.00", "CER": "3.57", "cpWER": "60.00", "tcpWER": "60.00"}
    assert "lower case" in shown.stdout and "Language: en" in shown.stdout
    alone = voicekit("score", "transcript", "ref.stm", "hyp.stm", "--no-speakers", cwd=folder).stdout
    assert "cpWER" not in alone


def test_a_transcript_for_programs(folder: Path) -> None:
    shown = voicekit("score", "transcript", "ref.stm", "hyp.stm", "--json", cwd=folder)
    made = json.loads(shown.stdout)
    assert made["overall"]["wer"] == {"rate": 0.2, "length": 5, "substituted": 1, "deleted": 0, "inserted": 0}
    assert made["overall"]["cp_wer"]["rate"] == 0.6
    assert "numbers are not spelt out" in made["normaliser"]
    assert set(made["computed_by"]) == {"jiwer", "meeteval"}


@pytest.mark.parametrize(("arguments", "words"), [
    (("diarization", "none.rttm", "hyp.rttm"), "No such file"),
    (("diarization", "ru.txt", "hyp.rttm"), "line 1"),
    (("diarization", "ref.rttm", "hyp.rttm", "--collar", "-1"), "--collar -1 is no collar"),
    (("diarization", "ref.rttm", "hyp.rttm", "--collar", "nan"), "is no collar"),
    (("diarization", "ref.rttm", "hyp.rttm", "--uem", "ref.stm"), "fields, not 4"),
    (("diarization", "ref.rttm"), "HYP.rttm"),
    (("transcript", "ref.stm", "ru.txt"), "two languages"),
    (("transcript", "ref.stm", "hyp.stm", "--language", "klingon"), "klingon"),
    (("transcript", "ref.rttm", "hyp.stm"), "txt, json, stm"),
])
def test_mistakes_are_told_with_what_to_do(folder: Path, arguments: tuple[str, ...], words: str) -> None:
    shown = voicekit("score", *arguments, cwd=folder)
    assert (shown.returncode, shown.stdout) == (2, "")
    assert words in shown.stderr and "Traceback" not in shown.stderr


@pytest.mark.parametrize("arguments", [("--help",), ("diarization", "-h"), ("transcript", "-h")])
def test_help_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    script = ("import sys, atexit; from voicekit.cli import main; "
              "atexit.register(lambda: print('loaded', sorted({'numpy', 'scipy', 'pandas', 'jiwer', 'meeteval', "
              "'pyannote.core'} & set(sys.modules)))); "
              f"sys.argv = ['voicekit', 'score', *{arguments!r}]; main()")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "Usage: voicekit score" in done.stdout and done.stdout.endswith("loaded []\n")
