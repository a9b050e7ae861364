"""``voicekit bench`` with a very small model of random weights, as a user calls it. No time is asserted."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.benchmark import schema
from tests.commands import ROOT, SHORT, environment, voicekit
from tests.engines.whisper_cases import whispers_tokenizer
from tests.models import random_whisper
from voicekit.benchmark.options import PEERS, TARGET

TOKENS = 40
"""The first is a mark and no text."""

WHOLE = ("--minutes", "0.6", "--recording", SHORT, "--rounds", "1", "--engine", "faster-whisper")
"""Two windows."""

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model, with openai-whisper's file beside it."""
    whispers_tokenizer()
    folder = tmp_path_factory.mktemp("models")
    random_whisper.build_openai(folder, tokens=TOKENS).rename(folder / "small-one.pt")
    return random_whisper.build_ctranslate2(folder / "small-one", "float16", tokens=TOKENS)


def bench(folder: Path, model: Path, *options: str | Path, code: int = 0) -> tuple[dict[str, Any], str]:
    """The json and the table."""
    found, table, _ = told(folder, model, *options, code=code)
    return found, table


def told(folder: Path, model: Path, *options: str | Path, code: int = 0) -> tuple[dict[str, Any], str, list[str]]:
    """The json, the table, and who ran, in their order."""
    done = voicekit("bench", "--model", model, *WHOLE, "--json", "out.json", *options, cwd=folder)
    assert done.returncode == code, done.stderr
    ran = re.findall(r"^round \d+ of \d+: (.+) [\d.]+ s$", done.stderr, re.MULTILINE)
    return json.loads((folder / "out.json").read_text(encoding="utf-8")), done.stdout, ran


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory, model: Path) -> tuple[dict[str, Any], str]:
    """All contestants, with word times."""
    return bench(tmp_path_factory.mktemp("bench"), model)


def test_the_json_is_as_described(measured: tuple[dict[str, Any], str]) -> None:
    found, _ = measured
    jsonschema.validate(found, schema.COMPARISON)
    assert set(found["ratio"]) == set(PEERS) and not found["refused"]
    assert [one["name"] for one in found["contestants"]] == ["voicekit", *PEERS]
    assert found["recording"] == {"name": "short.mp3", "seconds": 36.0}
    assert found["model"]["shape"]["width"] == random_whisper.TINY.width


def test_everyone_writes_the_same_number_of_tokens(measured: tuple[dict[str, Any], str]) -> None:
    found, _ = measured
    assert len(found["windows"]) >= 2
    assert {one["tokens_per_window"] for one in found["contestants"]} == {TOKENS - 1}


def test_a_ratio_is_their_seconds_over_ours(measured: tuple[dict[str, Any], str]) -> None:
    found, _ = measured
    ours, *peers = found["contestants"]
    for peer in peers:
        assert found["ratio"][peer["name"]] == pytest.approx(peer["seconds"][0] / ours["seconds"][0], rel=2e-3)
        assert ours["after_loading"] < ours["median"] and peer["after_loading"] < peer["median"]


def test_the_target_runs_with_the_best_of_what_was_tried(measured: tuple[dict[str, Any], str]) -> None:
    found, _ = measured
    best = min(found["search"], key=lambda trial: trial["seconds"])
    [target] = [one for one in found["contestants"] if one["name"] == TARGET]
    assert target["settings"] == {"compute_type": "int8", **{key: best[key] for key in ("batch_size", "threads")}}
    assert len({trial["threads"] for trial in found["search"]}) == 2


def test_floors_and_memory_are_told(measured: tuple[dict[str, Any], str]) -> None:
    found, _ = measured
    assert set(found["floors"]) == {"arithmetic", "memory"}
    ours = found["contestants"][0]
    for floor in found["floors"].values():
        assert floor["distance"] == pytest.approx(ours["median"] / (floor["amount"] / floor["rate"]), rel=0.02)
    if sys.platform == "linux":
        assert all(one["peak_memory"] > 50e6 for one in found["contestants"])


def test_the_table_says_what_a_person_wants_to_know(measured: tuple[dict[str, Any], str]) -> None:
    found, table = measured
    for name in PEERS:
        assert f"{name} " in table
    assert f"{found['ratio'][TARGET]:.2f}x as fast" in table
    assert "arithmetic" in table and "memory" in table and "0:36" in table


def test_with_times_among_the_words(tmp_path: Path, model: Path) -> None:
    found, table = bench(tmp_path, model, "--no-word-timestamps", "--peer-batch-size", "2", "--peer-threads", "1")
    assert not found["refused"] and not found["search"] and "without word times" in table
    [tokens] = {one["tokens_per_window"] for one in found["contestants"]}
    assert 0 < tokens < TOKENS - 1, "times are tokens too"
    target = found["contestants"][1]
    assert target["settings"] == {"compute_type": "int8", "threads": 1, "batch_size": 2}


def test_who_writes_another_number_of_tokens_is_not_compared(tmp_path: Path, model: Path) -> None:
    other = random_whisper.build_ctranslate2(tmp_path / "other", "float16", tokens=TOKENS)
    random_whisper.build_openai(tmp_path, tokens=30).rename(tmp_path / "other.pt")
    found, table = bench(tmp_path, other, "--peers", "openai-whisper", code=3)
    assert found["ratio"] == {} and "29.0 tokens a window" in found["refused"]["openai-whisper"]
    assert "Not compared with openai-whisper" in table


def test_a_sweep(tmp_path: Path, model: Path) -> None:
    found, table, ran = told(tmp_path, model, "--sweep")
    jsonschema.validate(found, schema.SWEEP)
    rows, auto = found["sweep"]["settings"], found["sweep"]["auto"]
    tried = {(one["settings"]["workers"], one["settings"]["batch_size"]) for one in rows}
    assert len(tried) == len(rows) and (1, 1) in tried
    assert [one["median"] for one in rows] == sorted(one["median"] for one in rows)
    assert found["sweep"]["auto_over_best"] == pytest.approx(auto["median"] / rows[0]["median"], rel=0.01)
    assert "--workers auto --batch-size auto takes" in table
    assert auto["name"] == "auto" and "auto" not in {one["name"] for one in rows}
    assert auto["settings"]["batch_size"] > max(one["settings"]["batch_size"] for one in rows), "than there are windows"
    assert found["sweep"]["chosen_over_best"] is None
    assert len(ran) == len(rows) + 1 and ran.index("auto") == len(ran) // 2, "first or last it meets what others do not"
    [line] = [line for line in table.splitlines() if line.startswith("auto: ")]
    assert line.split()[1:4] == [str(auto["settings"][name]) for name in ("workers", "threads", "batch_size")]


@pytest.mark.parametrize("options, message", [
    (("--peers", "whisper.cpp"), "no peer 'whisper.cpp'"),
    (("--json", "missing/out.json"), "There is no folder"),
    (("--model", "nowhere"), "nowhere is no folder"),
    (("--engine", "abacus", "--peers", "none"), "abacus"),
    (("--minutes", "0"), "--minutes"),
])
def test_mistakes_are_told(tmp_path: Path, model: Path, options: tuple[str, ...], message: str) -> None:
    done = voicekit("bench", "--model", model, *WHOLE, *options, cwd=tmp_path)
    assert done.returncode in (2, 3) and message in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


def test_a_peer_that_was_asked_for_and_cannot_run_is_an_error(tmp_path: Path, model: Path) -> None:
    alone = random_whisper.build_ctranslate2(tmp_path / "alone", "float16", tokens=TOKENS)
    done = voicekit("bench", "--model", alone, *WHOLE, "--peers", "openai-whisper", cwd=tmp_path)
    assert done.returncode == 2 and "there is no alone.pt beside" in done.stderr
    found, _ = bench(tmp_path, alone, "--peer-batch-size", "1", "--peer-threads", "1")
    assert "openai-whisper" not in found["ratio"] and "alone.pt" in found["notes"][0]


def test_the_profile_is_the_command(tmp_path: Path) -> None:
    said = [subprocess.run([sys.executable, "-m", *module, "--help"], cwd=ROOT, env=environment(tmp_path), text=True,
                           capture_output=True, check=True).stdout.partition("\n")[2]
            for module in (["profiles.bench"], ["voicekit", "bench"])]
    assert said[0] == said[1] and "--peers" in said[0]
