"""The main job as a user runs it."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from tests import sound
from tests.commands import SHORT, command, environment, run, voicekit
from voicekit import formats
from voicekit.planning.machine import this_machine

ENGINE = ("--engine", "pocketsphinx")


@pytest.fixture
def talks(tmp_path: Path, speech: NDArray[np.int16]) -> Path:
    """A folder with two short recordings and what is no recording."""
    folder = tmp_path / "talks"
    (folder / "more").mkdir(parents=True)
    sound.write_plain_wav(folder / "one.wav", speech[:50000])
    sound.write_plain_wav(folder / "more" / "two.wav", speech[50000:120000])
    (folder / "notes.txt").write_text("no recording")
    return folder


def done(*arguments: str | Path, cwd: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    finished = run(*arguments, *ENGINE, cwd=cwd, **options)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == ""
    return finished


def test_the_first_command_of_the_readme(tmp_path: Path) -> None:
    (tmp_path / "in.mp3").write_bytes(SHORT.read_bytes())
    finished = done("in.mp3", "--chunks", "2", "--workers", "8", cwd=tmp_path)
    assert sorted(path.name for path in tmp_path.glob("in.*")) == ["in.json", "in.mp3", "in.srt", "in.txt"]
    found = json.loads((tmp_path / "in.json").read_text(encoding="utf-8"))
    jsonschema.validate(found, formats.schema())
    assert found["source"]["name"] == "in.mp3" and abs(found["source"]["duration"] - 21) < 1
    assert "newspaper" in (tmp_path / "in.txt").read_text()
    assert "in.srt" in finished.stderr and "x real time" in finished.stderr
    assert ("8 workers on" in finished.stderr) == (this_machine().cores < 8)
    assert list(tmp_path.glob("voicekit-*")) == []


def test_folders_patterns_lists_and_standard_input(tmp_path: Path, talks: Path) -> None:
    (tmp_path / "list.txt").write_text("talks/one.wav\n# a comment\n\ntalks/more/two.wav\n")
    for number, arguments in enumerate([["talks"], ["talks/**/*.wav"], ["@list.txt"], ["talks/one.wav", "talks/more/two.wav"]]):
        done(*arguments, "-o", f"out{number}/", "--formats", "txt", cwd=tmp_path)
        assert sorted(path.name for path in (tmp_path / f"out{number}").iterdir()) == ["one.txt", "two.txt"]
    texts = {tuple((tmp_path / f"out{number}" / name).read_text() for name in ("one.txt", "two.txt")) for number in range(4)}
    assert len(texts) == 1
    with open(talks / "one.wav", "rb") as file:
        done("-", "-o", "piped.txt", cwd=tmp_path, stdin=file)
    assert (tmp_path / "piped.txt").read_text() == (tmp_path / "out0" / "one.txt").read_text()


def test_every_output_by_its_extension(tmp_path: Path, talks: Path) -> None:
    names = [f"out.{extension}" for extension in ("txt", "srt", "vtt", "tsv", "json")]
    done("talks/one.wav", *(argument for name in names for argument in ("-o", name)), cwd=tmp_path)
    assert (tmp_path / "out.vtt").read_text().startswith("WEBVTT")
    assert all((tmp_path / name).stat().st_size for name in names)
    assert list(talks.glob("one.*")) == [talks / "one.wav"], "nothing beside the input"


def test_subtitle_options_reach_the_subtitles(tmp_path: Path, talks: Path) -> None:
    done("talks/one.wav", "-o", "wide.srt", cwd=tmp_path)
    done("talks/one.wav", "-o", "narrow.srt", "--max-line-width", "20", "--max-line-count", "1", cwd=tmp_path)
    done("talks/one.wav", "-o", "few.srt", "--max-words-per-line", "2", cwd=tmp_path)

    def lines(name: str) -> list[str]:
        return [line for line in (tmp_path / name).read_text().splitlines()
                if line and not line.isdigit() and "-->" not in line]

    assert max(map(len, lines("wide.srt"))) > 20 >= max(map(len, lines("narrow.srt")))
    assert max(len(line.split()) for line in lines("few.srt")) == 2
    assert " ".join(lines("wide.srt")).split() == " ".join(lines("narrow.srt")).split() == " ".join(lines("few.srt")).split()


def test_the_configuration_file_and_the_command_line_over_it(tmp_path: Path, talks: Path) -> None:
    (tmp_path / "v.toml").write_text('engine = "pocketsphinx"\nworkers = 1\nformats = ["json", "txt"]\nchunks = 0.5\n'
                                     'word-timestamps = false\noutput = ["out/"]\n')
    finished = run("talks/one.wav", "--config", "v.toml", "--workers", "2", cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["one.json", "one.txt"]
    found = json.loads((tmp_path / "out" / "one.json").read_text())
    assert (found["run"]["options"]["chunks"], found["run"]["options"]["workers"]) == (0.5, 2)
    assert found["segments"] and not any(segment["words"] for segment in found["segments"])


def test_explain_prints_the_plan_and_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "in.mp3").write_bytes(SHORT.read_bytes())
    finished = run("in.mp3", *ENGINE, "--explain", "--workers", "3", cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    for word in ("pocketsphinx", "3 workers x 1 thread", "1 window", "1 chunk", "cut in silence", "[0] 0.0"):
        assert word in finished.stdout, finished.stdout
    assert sorted(path.name for path in tmp_path.glob("in.*")) == ["in.mp3"]
    (tmp_path / "in.txt").write_text("already there")
    finished = run("in.mp3", "--explain", "--quality", "high", "--language", "de", cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert "whisper, model medium (not on disk" in finished.stdout.replace("openvino", "whisper")


def test_quiet_and_json_lines(tmp_path: Path, talks: Path) -> None:
    assert done("talks/one.wav", "-q", "-o", "q.txt", cwd=tmp_path).stderr == ""
    finished = done("talks/one.wav", "talks/more/two.wav", "talks/one.wav", "--log-format", "json", "-o", "j/",
                    cwd=tmp_path)
    records = [json.loads(line) for line in finished.stderr.splitlines()]
    assert all({"time", "level", "message"} <= set(record) for record in records)
    (summary,) = [record for record in records if "words" in record]
    assert summary["audio_seconds"] == pytest.approx(7.5) and summary["words"] > 5
    assert {record["output"] for record in records if "output" in record} >= {"j/one.txt", "j/two.json"}


def test_nobody_listening_costs_no_transcript(tmp_path: Path, talks: Path) -> None:
    line = shlex.join(command("talks/one.wav", *ENGINE, "--overwrite", "-o", "out.txt"))
    for end in ("2>&-", "2>/dev/full", "2>&1 >/dev/null | true"):
        (tmp_path / "out.txt").unlink(missing_ok=True)
        subprocess.run(["bash", "-c", f"set -o pipefail; {line} {end}"], cwd=tmp_path, env=environment(tmp_path), check=True)
        assert (tmp_path / "out.txt").stat().st_size


def test_nothing_is_left_behind_and_nobody_told(tmp_path: Path, talks: Path) -> None:
    """onnxruntime keeps a device id and a database of events for its makers, unless it is told not to."""
    for name in ("home", "tmp"):
        (tmp_path / name).mkdir()
    env = {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "tmp"), "XDG_CACHE_HOME": str(tmp_path / "home" / ".cache")}
    done("talks/one.wav", "-o", "out.txt", "--offline", cwd=tmp_path, env=env)
    assert [path for name in ("home", "tmp") for path in (tmp_path / name).rglob("*") if path.is_file()] == []


def test_a_bar_on_a_terminal(tmp_path: Path, talks: Path) -> None:
    import pty

    parent, child = pty.openpty()
    process = subprocess.Popen(command("talks/one.wav", *ENGINE, "-o", "o.txt"), cwd=tmp_path, stderr=child,
                               env=environment(tmp_path, TERM="xterm", COLUMNS="120"))
    os.close(child)
    shown = b""
    while True:
        try:
            piece = os.read(parent, 4096)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    assert process.wait() == 0
    os.close(parent)
    text = shown.decode()
    assert "worker 1 (cpu): one.wav" in text and "x real time" in text and "\x1b[" in text
    assert "Done: 0:03 of audio" in text


def _workers(parent: int) -> list[psutil.Process]:
    """Worker processes; the resource tracker of multiprocessing is none."""
    return [child for child in psutil.Process(parent).children(recursive=True)
            if any("spawn_main" in part for part in child.cmdline())]


def _started(tmp_path: Path, recording: Path, workers: int = 2) -> subprocess.Popen[str]:
    process = subprocess.Popen(command(recording, *ENGINE, "--workers", str(workers), "--chunks", "0.5", "-o", "out.json",
                                       "--temp-dir", tmp_path), cwd=tmp_path, env=environment(tmp_path),
                               stderr=subprocess.PIPE, text=True, start_new_session=True)
    _busy_worker(process)
    return process


def _busy_worker(process: subprocess.Popen[str]) -> psutil.Process:
    """A worker that has loaded its model and is in the middle of a window."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        for worker in _workers(process.pid):
            with contextlib.suppress(psutil.NoSuchProcess):
                if worker.cpu_times().user > 1.5:
                    return worker
        time.sleep(0.02)
    raise AssertionError("no worker was ever busy")


@pytest.fixture
def long_recording(tmp_path: Path, speech: NDArray[np.int16]) -> Path:
    return sound.write_plain_wav(tmp_path / "long.wav", np.concatenate([speech, speech[40000:], speech[:-90000], speech]))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_ends_everything_and_leaves_nothing(tmp_path: Path, long_recording: Path, number: int,
                                                         code: int) -> None:
    process = _started(tmp_path, long_recording)
    workers = _workers(process.pid)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does: to all of them
    else:
        process.terminate()
    began = time.monotonic()
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == code and "Traceback" not in stderr, stderr
    assert number != signal.SIGINT or "Interrupted" in stderr
    assert time.monotonic() - began < 5
    assert not any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(("voicekit-", "out"))] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_a_file_is_decoded(tmp_path: Path, number: int) -> None:
    """A sparse file of three hours: hashing, decoding and speech detection take several seconds."""
    path = sound.write_plain_wav(tmp_path / "hours.wav", np.zeros(0, np.int16), size=16000 * 2 * 10800)
    with open(path, "r+b") as file:
        file.truncate(44 + 16000 * 2 * 10800)
    for seconds in (1.5, 2.5):
        process = subprocess.Popen(command(path, *ENGINE, "-o", "out.json", "--temp-dir", tmp_path), cwd=tmp_path,
                                   env=environment(tmp_path), stderr=subprocess.PIPE, text=True)
        time.sleep(seconds)
        process.send_signal(number)
        _, stderr = process.communicate(timeout=60)
        assert process.returncode == 128 + number, stderr
        assert "Traceback" not in stderr and "terminate called" not in stderr
        assert not list(tmp_path.glob("voicekit-*"))


def test_nohup_is_respected(tmp_path: Path) -> None:
    def ignore() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    process = subprocess.Popen(command(SHORT, *ENGINE, "-o", "out.txt"), cwd=tmp_path, env=environment(tmp_path),
                               stderr=subprocess.DEVNULL, preexec_fn=ignore)
    time.sleep(1.5)
    process.send_signal(signal.SIGHUP)
    assert process.wait(timeout=60) == 0 and (tmp_path / "out.txt").exists()


def test_a_killed_worker_costs_no_word(tmp_path: Path, long_recording: Path) -> None:
    done(long_recording, "-o", "calm.json", cwd=tmp_path)
    process = _started(tmp_path, long_recording)
    _busy_worker(process).kill()
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    assert "killed by SIGKILL" in stderr
    calm, disturbed = (json.loads((tmp_path / name).read_text()) for name in ("calm.json", "out.json"))
    assert disturbed["segments"] == calm["segments"] and disturbed["ledger"] == calm["ledger"]
    assert "tried again" in disturbed["run"]["warnings"][-1]


def test_a_window_that_costs_two_workers_is_in_the_ledger(tmp_path: Path, long_recording: Path) -> None:
    log = tmp_path / "log"
    with open(log, "w") as stream:
        process = subprocess.Popen(command(long_recording, *ENGINE, "--workers", "1", "--chunks", "0.5", "-o", "out.json",
                                           "-v"), cwd=tmp_path, env=environment(tmp_path), stderr=stream, text=True)
    for kills in (1, 2):  # both times in the first window: another chunk may come between
        while log.read_text().count("long.wav 0:00:00-") < kills or not _workers(process.pid):
            assert process.poll() is None, log.read_text()
            time.sleep(0.02)
        (worker,) = _workers(process.pid)
        before = worker.cpu_times().user
        while worker.cpu_times().user < before + 1.5:  # loaded, and in the middle
            time.sleep(0.02)
        worker.kill()
        worker.wait()
    assert process.wait(timeout=120) == 3, log.read_text()
    assert "could not be transcribed" in log.read_text() and "Traceback" not in log.read_text()
    found = json.loads((tmp_path / "out.json").read_text())
    status = {entry["window"]: entry["status"] for entry in found["ledger"]}
    assert status[0] == "failed" and set(list(status.values())[1:]) == {"transcribed"}
    assert all("SIGKILL" in entry["reason"] for entry in found["ledger"] if entry["status"] == "failed")
    assert found["segments"][0]["start"] > 15, "what came after is there"
    jsonschema.validate(found, formats.schema())


def test_the_console_program(tmp_path: Path, talks: Path) -> None:
    finished = voicekit("run", "talks/one.wav", *ENGINE, "-o", "o.txt", cwd=tmp_path)
    assert finished.returncode == 0 and (tmp_path / "o.txt").exists()
    shown = voicekit("doctor", cwd=tmp_path)
    assert shown.returncode == 0, shown.stdout
    for word in ("Python", "faster-whisper", "pocketsphinx", "cores", "voicekit models fetch small"):
        assert word in shown.stdout
    assert "Traceback" not in shown.stdout + shown.stderr


def test_models(tmp_path: Path) -> None:
    shown = voicekit("models", "list", "--all", cwd=tmp_path)
    assert shown.returncode == 0 and "large-v3-turbo" in shown.stdout and "en-us" in shown.stdout
    place = voicekit("models", "path", "en-us", cwd=tmp_path)
    assert place.returncode == 0 and Path(place.stdout.strip()).is_dir()
    for arguments, word in [(("path", "small"), "voicekit models fetch small"), (("fetch", "small"), "hub"),
                            (("fetch", "enormous"), "large-v3")]:
        failed = voicekit("models", *arguments, cwd=tmp_path)
        assert failed.returncode == 2 and word in failed.stderr and "Traceback" not in failed.stderr, failed.stderr
