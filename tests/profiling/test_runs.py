"""``--profile`` through the main job: real runs, with real workers and small models."""

from __future__ import annotations

import importlib.util
import json
import os
import pstats
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import voicekit
from tests.commands import voicekit as program
from tests.profiling.runs import Job, check, events, units
from voicekit.planning.machine import this_machine
from voicekit.profiling.summary import load

pytestmark = [pytest.mark.model, pytest.mark.xdist_group("profiling")]


def document(job: Job, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((job.folder / name).read_text(encoding="utf-8"))
    return found


def test_two_workers_and_two_files(profiled: Job) -> None:
    found = check(profiled.folder / "first")
    assert found.state == "finished" and len(found.workers) == 2
    assert [one.name for one in found.recordings] == ["long.wav", "short.wav"] and 60 < found.audio < 120
    assert {stage.name for stage in found.stages} == {"run", "prepare", "transcribe"}
    names = {component.name for component in found.components}
    assert names >= {"start-up: program", "start-up: worker", "transcribe: load", "transcribe: model", "transcribe: read the sound",
                     "transcribe: keep", "transcribe: look up", "prepare: decode", "prepare: find speech", "prepare: hash",
                     "run: merge", "run: plan the windows", "run: choose the engine", "run: write", "run: find the inputs"}
    assert all(process.cpu > 0 and process.device == "cpu" for process in found.workers)
    loads = next(one for one in found.components if one.name == "transcribe: load")
    assert loads.calls == (1 if this_machine().forks else 2) and loads.seconds > 0
    if this_machine().forks:
        loader = next(process for process in found.processes if process.name == "loader")
        assert loader.start_up > 0.05 and loader.cpu > loads.cpu, "it alone loads the model, and runs it once"


def test_most_of_what_workers_do_has_a_name(profiled: Job) -> None:
    found = check(profiled.folder / "first")
    (other,) = [one for one in found.components if one.name == "transcribe: other"]
    assert other.seconds < 0.2 * next(stage.seconds for stage in found.stages if stage.name == "transcribe")


def test_no_secret_is_written_down(profiled: Job) -> None:
    found = load(profiled.folder / "first")
    assert found.options["hf-token"] == "(given)" and found.options["workers"] == 2 and "language" in found.options
    assert not any(b"hf_Xq9" in path.read_bytes() for path in (profiled.folder / "first").rglob("*") if path.is_file())


def test_every_window_is_in_the_trace(profiled: Job) -> None:
    shown = units(events(profiled.folder / "first"))
    for source in ("long.wav", "short.wav"):
        entries = document(profiled, "out/" + source.replace(".wav", ".json"))["ledger"]
        windows = [event for event in shown if event["args"]["source"] == source and event["args"]["stage"] == "transcribe"]
        assert Counter(event["args"]["index"] for event in windows) == Counter({entry["window"] for entry in entries})
        assert {event["args"]["fate"] for event in windows} == {"done"}
    summary = load(profiled.folder / "first")
    pids = {process.slot: process.pid for process in summary.processes}
    assert all(event["pid"] == pids[event["args"]["worker"]] for event in shown)


def test_each_place_of_a_batch_has_its_lane(job: Job) -> None:
    job.run("long.wav", "-o", "out/")  # then all windows are known before the worker has loaded its model
    job.run("long.wav", "--workers", "1", "-o", "out/", "--overwrite", "--beam-size", "2", "--profile", "one")
    shown = [event for event in units(events(job.folder / "one")) if event["args"]["stage"] == "transcribe"]
    together = Counter((event["pid"], event["ts"]) for event in shown)
    places = {(event["pid"], event["ts"], event["tid"]) for event in shown}
    assert max(together.values()) == 2 and len(places) == sum(together.values()) == 3


def test_what_the_cache_had_is_told(profiled: Job) -> None:
    found = check(profiled.folder / "second")
    assert found.workers == () and {stage.name for stage in found.stages} == {"run", "prepare"}
    windows = [event for event in units(events(profiled.folder / "second")) if event["args"]["stage"] == "transcribe"]
    assert windows and {event["args"]["fate"] for event in windows} == {"found"}
    assert {event["pid"] for event in windows} == {found.processes[0].pid}
    hits = [event for event in events(profiled.folder / "second") if event["name"] == "look up"]
    assert len(hits) == len(windows) + 3 and all(event["args"]["found"] for event in hits), "and where speech is: of two, one in two parts"


def test_show(profiled: Job) -> None:
    shown = program("profile", "show", profiled.folder / "first", cwd=profiled.folder)
    assert shown.returncode == 0 and shown.stderr == ""
    found = load(profiled.folder / "first")
    worst = found.components[0]
    for text in (f"Slowest   {worst.name}", f"{worst.share:.0%}", "transcribe: load", "worker 1", "worker 2", "parent", "2 recordings",
                 "Stage transcribe", "by own time", "by cumulative time", "voicekit/worker/transcribing.py"):
        assert text in shown.stdout, shown.stdout
    assert max(map(len, shown.stdout.splitlines())) < 160
    short = program("profile", "show", profiled.folder / "first", "--stage", "prepare", "--top", "1", cwd=profiled.folder)
    assert "Stage prepare" in short.stdout and "Stage transcribe" not in short.stdout
    assert len(short.stdout.splitlines()) < len(shown.stdout.splitlines())
    plain = json.loads(program("profile", "show", profiled.folder / "first", "--json", cwd=profiled.folder).stdout)
    assert plain["schema"] == "voicekit.profile/1" and plain["wall"] == found.wall and isinstance(plain["advice"], list)


def test_compare(profiled: Job) -> None:
    folders = (profiled.folder / "first", profiled.folder / "second")
    shown = program("profile", "compare", *folders, cwd=profiled.folder)
    assert shown.returncode == 0 and "B / A" in shown.stdout and "Warning" not in shown.stdout, shown.stdout
    assert "hf-token" in shown.stdout and "transcribe: load" in shown.stdout
    found = json.loads(program("profile", "compare", *folders, "--json", cwd=profiled.folder).stdout)
    loading = next(one for one in found["components"] if one["name"] == "transcribe: load")
    assert loading["before"] > 0 and loading["after"] is None and loading["ratio"] is None
    wall = next(one for one in found["totals"] if one["name"] == "wall")
    assert wall["ratio"] == pytest.approx(wall["after"] / wall["before"])


def test_other_machines_and_recordings_are_told(profiled: Job, tmp_path: Path) -> None:
    found = json.loads((profiled.folder / "first" / "profile.json").read_text())
    found["machine"]["cores"] = 96
    found["recordings"] = found["recordings"][:1]
    found["state"] = "interrupted"
    (tmp_path / "profile.json").write_text(json.dumps(found))
    shown = program("profile", "compare", profiled.folder / "first", tmp_path, cwd=tmp_path).stdout
    assert "machines differ" in shown and "recordings differ" in shown and "did not come to its end" in shown


def test_bad_folders(job: Job) -> None:
    (job.folder / "docs").mkdir()
    (job.folder / "docs" / "thesis.txt").write_text("years of work")
    for arguments, word in [(("show", "missing"), "is not there"), (("show", "docs"), "holds no profile"),
                            (("compare", "docs", "docs"), "holds no profile"), (("show",), "Missing argument")]:
        done = program("profile", *arguments, cwd=job.folder)
        assert done.returncode == 2 and word in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert "holds other things" in job.run("short.wav", "--profile", "docs", "-o", "out.txt", code=2)
    assert "is no folder" in job.run("short.wav", "--profile=docs/thesis.txt", "-o", "out.txt", code=2)
    assert sorted(path.name for path in (job.folder / "docs").iterdir()) == ["thesis.txt"] and not (job.folder / "out.txt").exists()


def test_an_unknown_stage(profiled: Job) -> None:
    done = program("profile", "show", profiled.folder / "first", "--stage", "dream", cwd=profiled.folder)
    assert done.returncode == 2 and "no stage dream" in done.stderr and "transcribe" in done.stderr


def test_without_a_folder_it_is_named_after_the_input(job: Job) -> None:
    said = job.run("--profile", "short.wav", "-o", "out.txt", "--until", "write")
    assert "voicekit profile show short.profile" in said
    check(job.folder / "short.profile")
    assert "holds a profile already" in job.run("short.wav", "-o", "other.txt", "--profile", code=2)


@pytest.mark.parametrize("stage", ["transcribe"])
def test_off_means_off(job: Job, stage: str) -> None:
    """Python itself says what its processes import."""
    before = sorted(path.name for path in job.folder.iterdir())
    said = job.run("short.wav", "-o", "out.txt", PYTHONPROFILEIMPORTTIME="1")
    assert "voicekit.worker.transcribing" in said and "voicekit.profiling.steps" in said
    assert "cProfile" not in said and "voicekit.profiling.session" not in said and "voicekit.profiling.workers" not in said
    left = {path.name for path in job.folder.iterdir()} - {"cache"}  # the user's, for what is known of the model
    assert left == {*before, "out.txt", "kept"}
    said = job.run("short.wav", "-o", "out.txt", "--overwrite", "--from", stage, "--profile", "p", PYTHONPROFILEIMPORTTIME="1")
    assert "cProfile" in said and "voicekit.profiling.workers" in said, "it would have been seen"


def test_the_words_are_the_same(profiled: Job, job: Job) -> None:
    job.run("long.wav", "-o", "plain.json")
    plain, measured = document(job, "plain.json"), document(profiled, "out/long.json")
    assert {key: value for key, value in plain.items() if key != "run"} == {
        key: value for key, value in measured.items() if key != "run"}


def test_a_killed_worker(job: Job) -> None:
    said = job.run("long.wav", "-o", "out.json", "--profile", "p", fault={"do": "kill", "once": str(job.folder / "killed")})
    assert "killed by SIGKILL" in said
    found = check(job.folder / "p")
    lost = [process for process in found.workers if process.fate == "lost"]
    assert len(lost) == 1 and lost[0].lost > 0
    shown = units(events(job.folder / "p"))
    assert {event["pid"] for event in shown if event["args"]["fate"] == "lost"} == {lost[0].pid}
    done = {event["args"]["index"] for event in shown if event["args"]["fate"] == "done" and event["args"]["stage"] == "transcribe"}
    assert done == {entry["window"] for entry in document(job, "out.json")["ledger"]}
    stage = next(stage for stage in found.stages if stage.name == "transcribe")
    assert stage.pieces >= 2, "what others had finished, and what was done again"


def test_ctrl_c(job: Job) -> None:
    process = subprocess.Popen(job.command("long.wav", "-o", "out.txt", "--profile", "p"), cwd=job.folder, text=True,
                               env=job.environment({"do": "hang"}), stderr=subprocess.PIPE, start_new_session=True)
    parts = job.folder / "p" / "parts"
    while not list(parts.glob("?-*.json")):
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)
    time.sleep(1.0)
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130 and "Traceback" not in said and "Interrupted" in said, said
    assert time.monotonic() - began < 5
    found = check(job.folder / "p")
    assert found.state == "interrupted" and all(worker.fate == "lost" for worker in found.workers) and found.workers
    events(job.folder / "p")
    assert "voicekit profile show p" in said
    job.run("long.wav", "-o", "out.txt", "--profile", "p")  # the same command again
    assert check(job.folder / "p").state == "finished"


def test_a_file_that_cannot_be_read(job: Job) -> None:
    (job.folder / "bad.mp3").write_bytes(b"no sound at all" * 100)
    job.run("bad.mp3", "--profile", "-o", "out.txt", code=2)
    found = check(job.folder / "bad.profile")
    assert found.recordings == () and found.workers == ()


def test_speakers_and_another_voice(job: Job, models_with_d_vector: Path) -> None:
    if importlib.util.find_spec("espeakng_loader") is None:
        pytest.skip("espeak's library is not installed")
    job.run("long.wav", "--diarize", "embedded", "--voice", "espeak", "-o", "out.wav", "-o", "out.json", "--profile", "p",
            VOICEKIT_MODELS=str(models_with_d_vector))
    found = check(job.folder / "p")
    assert {stage.name for stage in found.stages} == {"run", "prepare", "transcribe", "diarize", "clustering", "voices",
                                                      "speak", "assembly"}
    names = {component.name for component in found.components}
    assert names >= {"diarize: model", "diarize: load", "clustering: cluster", "speak: synthesize", "speak: follow the original",
                     "assembly: put together", "run: attribute", "voices: hear the voices"}
    assert len(found.recordings) == 1
    shown = units(events(job.folder / "p"))
    stages = Counter(event["args"]["stage"] for event in shown)
    assert stages["diarize"] == 2 and stages["speak"] > 10 and stages["clustering"] == stages["assembly"] == 1
    assert {name for _, _, name in pstats.Stats(str(job.folder / "p" / "stages" / "speak.pstats")).stats} >= {"speak_chunk"}


def test_the_library(job: Job) -> None:
    """A script of a user: its own time before and after is no part of the profile."""
    (job.folder / "script.py").write_text(
        "import sys, time, voicekit\n"
        "if __name__ == '__main__':\n"
        "    time.sleep(0.5)\n"
        "    for _ in range(2):\n"
        "        transcript = voicekit.transcribe(sys.argv[1], model=sys.argv[2], language='en', workers=1, hf_token='hf_Xq9',\n"
        "                                         profile='p', use_cache=False)\n"
        "    print(len(transcript.segments))\n")
    done = subprocess.run([sys.executable, "script.py", str(job.talks / "short.wav"), str(job.model)], cwd=job.folder, text=True,
                          env={**job.environment(), "PYTHONPATH": str(Path(voicekit.__file__).parents[1])},
                          capture_output=True, timeout=120)
    assert done.returncode == 0 and int(done.stdout) > 0, done.stderr
    found = check(job.folder / "p")
    assert found.processes[0].start_up == 0 and len(found.workers) == 1
    assert found.options["workers"] == 1 and "hf_Xq9" not in (job.folder / "p" / "profile.json").read_text()
