"""Things that go wrong while a run goes on: each costs no more than the pieces it hits, and is told."""

from __future__ import annotations

import itertools
import shutil
import subprocess

import pytest

from tests.faults.runs import Case, wait_for

pytestmark = [pytest.mark.model, pytest.mark.xdist_group("faults")]


def check_one_gap(case: Case, calm: Case, reason: str) -> None:
    """The window with the loud sample failed, every other is as in a calm run; without the fault only it is missing."""
    status = case.status("out")
    (failed,) = [index for index, one in status.items() if one == "failed"]
    assert set(status.values()) == {"failed", "transcribed"}
    entries = [entry for entry in case.json("out")["ledger"] if entry["window"] == failed]
    assert all(reason in entry["reason"] for entry in entries), entries
    begin, end = entries[0]["start"] - 1, entries[-1]["end"] + 1
    others = [segment for segment in calm.json("out")["segments"] if not begin <= segment["start"] <= end]
    assert [segment for segment in case.json("out")["segments"] if not begin <= segment["start"] <= end] == others
    case.run("out")
    assert case.use("out") == (len(status) - 1, 1, 0), "what failed is not kept"
    assert case.files("out") == calm.files("out")


def check_timeline(case: Case, *, lost: int, found: int) -> None:
    """Every window is on it once, beside those a worker was lost with; pieces of one worker are never at one time."""
    timeline = case.json("out")["run"]["timeline"]
    windows = [entry for entry in timeline if entry["stage"] == "transcribe"]
    assert len([entry for entry in windows if entry["fate"] == "lost"]) == lost
    assert len([entry for entry in windows if entry["fate"] == "found"]) == found
    assert sorted(one["index"] for one in windows if one["fate"] != "lost") == sorted(case.status("out"))
    for worker in {entry["worker"] for entry in timeline if "worker" in entry}:
        times = {(one["began"], one["ended"]) for one in timeline if one.get("worker") == worker}
        assert all(ended <= began for (_, ended), (began, _) in itertools.pairwise(sorted(times)))
    assert timeline[0]["stage"] == "prepare" and "worker" not in timeline[0]


def test_a_window_that_always_kills_its_worker(case: Case, calm: Case) -> None:
    said = case.run("out", fault={"do": "kill", "loud": True}, code=3)
    assert "could not be transcribed" in said and said.count("tried again") <= 2
    check_one_gap(case, calm, "SIGKILL")


def test_a_window_that_kills_its_worker_once(case: Case, calm: Case) -> None:
    case.run("out", fault={"do": "kill", "loud": True, "once": str(case.folder / "once")})
    assert case.files("out") == calm.files("out")
    assert any("tried again" in warning for warning in case.json("out")["run"]["warnings"])
    check_timeline(case, lost=1, found=0)
    case.run("out")
    check_timeline(case, lost=0, found=len(case.status("out")))


def test_a_worker_that_hangs_is_replaced(case: Case, calm: Case) -> None:
    said = case.run("out", "--hang-after", "0.2", fault={"do": "hang", "loud": True, "once": str(case.folder / "once")})
    assert case.files("out") == calm.files("out")
    (warning,) = [one for one in case.json("out")["run"]["warnings"] if "did nothing for" in one]
    assert "tried again" in warning and "did nothing for" in said


def test_a_window_without_enough_memory(case: Case, calm: Case) -> None:
    case.run("out", fault={"do": "memory", "loud": True}, code=3)
    check_one_gap(case, calm, "memory")


def test_a_batch_without_enough_memory_is_halved(case: Case, calm: Case) -> None:
    said = case.run("out", "--batch-size", "4", fault={"do": "CUDA failed with error out of memory", "together": 1})
    assert case.files("out") == calm.files("out")
    warnings = case.json("out")["run"]["warnings"]
    assert any("4 windows together" in one for one in warnings) and any("it is 1 at a time" in one for one in warnings), warnings
    assert case.json("out")["run"]["downgrades"] == [] and "Memory ran out" in said


def test_a_precision_without_enough_memory_is_left(case: Case, calm: Case) -> None:
    said = case.run("out", "--compute-type", "float32",
                    fault={"do": "CUDA failed with error out of memory", "compute_type": "float32"})
    (downgrade,) = set(case.json("out")["run"]["downgrades"])
    assert "float32" in downgrade and "int8 on cpu" in downgrade and downgrade in said
    assert case.files("out")["txt"] == calm.files("out")["txt"], "as int8 would have given it"
    case.run("again")
    assert case.use("again")[0] == len(calm.status("out")), "and as such it is kept"


def test_an_error_of_the_engine_in_one_window(case: Case, calm: Case) -> None:
    case.run("out", fault={"do": "the tensor is upside down", "loud": True}, code=3)
    check_one_gap(case, calm, "upside down")


def test_a_cache_that_cannot_be_made(case: Case, calm: Case) -> None:
    (case.folder / "file").write_text("")
    said = case.run("out", "--cache", str(case.folder / "file" / "kept"))
    assert said.count("cannot be used") == 1 and case.files("out") == calm.files("out")
    assert any("cannot be used" in warning for warning in case.json("out")["run"]["warnings"])


def test_a_cache_whose_disk_disappears(case: Case, calm: Case) -> None:
    process = case.start("out")
    wait_for(lambda: case.kept(), process)
    (case.folder / "kept").rename(case.folder / "unplugged")
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert said.count("cannot be used") == 1 and not (case.folder / "kept").exists()
    assert case.files("out") == calm.files("out")


def on_a_small_disk(case: Case, folder: str, size: str, then: str = "true") -> list[str]:
    """A command in front of another: one of its folders lies on a disk of that size."""
    (case.folder / folder).mkdir()
    mount = f'cd "{case.folder}/{folder}" && mount -t tmpfs -o size={size} tmpfs . && cd "$PWD" && {then} && cd .. && exec "$@"'
    wrap = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]
    if shutil.which("unshare") is None or subprocess.run([*wrap, "true"], capture_output=True).returncode:
        wrap = ["unshare", "--mount", "sh", "-c", mount, "sh"]
        if subprocess.run([*wrap, "true"], capture_output=True).returncode:
            pytest.skip("no disk can be mounted here: neither in a user namespace nor as root")
    return wrap


def test_a_cache_whose_disk_is_full(case: Case, calm: Case) -> None:
    said = case.run("out", wrap=on_a_small_disk(case, "kept", "32k"))
    assert said.count("cannot be used (No space left on device)") == 1, said
    assert case.files("out") == calm.files("out")


def test_a_cache_on_a_disk_that_is_read_only(case: Case, calm: Case) -> None:
    prepared = f"mkdir results incoming && touch CACHEDIR.TAG && mount -o remount,ro '{case.folder}/kept'"
    said = case.run("out", wrap=on_a_small_disk(case, "kept", "1m", then=prepared))
    assert said.count("cannot be used (Read-only file system)") == 1, said
    assert case.files("out") == calm.files("out")


def test_an_output_that_cannot_be_written_costs_no_words(case: Case, calm: Case) -> None:
    said = case.run("out", wrap=on_a_small_disk(case, "out", "12k"), code=2)
    assert "No space left" in said and "The words are kept" in said, said
    case.run("out")
    assert case.use("out") == (len(calm.status("out")), 0, 0)
    assert case.files("out") == calm.files("out")
