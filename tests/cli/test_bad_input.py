"""Every bad input gets a clear error with the right exit code, and no traceback reaches a user."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests import sound
from tests.audio import forged, watching
from tests.commands import SHORT, run

ENGINE = ("--engine", "pocketsphinx")


def failed(done: Any, code: int, *words: str) -> None:
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.strip(), "an error says something"
    for word in words:
        assert word in done.stderr, done.stderr


def transcript(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


@pytest.fixture
def sentence(speech: NDArray[np.int16]) -> NDArray[np.float32]:
    """The first four seconds."""
    return speech[:64000].astype(np.float32) / 32768


# ---- files ----

def test_no_such_file(tmp_path: Path) -> None:
    failed(run("missing.mp3", cwd=tmp_path), 2, "no file or folder missing.mp3")


def test_a_folder_without_audio(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("nothing to hear")
    failed(run("empty", cwd=tmp_path), 2, "empty")


@pytest.mark.parametrize(("name", "content"), [
    ("zero.mp3", b""), ("text.mp3", b"This is not a recording.\n" * 200), ("random.wav", bytes(range(256)) * 40)])
def test_what_is_no_recording(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    failed(run(name, *ENGINE, cwd=tmp_path), 2, name)
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix) == [name], "nothing was written"


def test_a_video_without_sound(tmp_path: Path) -> None:
    sound.write_video(tmp_path / "mute.mp4")
    failed(run("mute.mp4", *ENGINE, cwd=tmp_path), 2, "mute.mp4")


def test_a_header_and_no_samples(tmp_path: Path) -> None:
    sound.write_plain_wav(tmp_path / "header.wav", np.zeros(0))
    failed(run("header.wav", *ENGINE, cwd=tmp_path), 2, "header.wav")


@pytest.mark.parametrize(("name", "content"), [
    ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nsecret.wav\n#EXT-X-ENDLIST\n"),
    ("list.mp3", "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nsecret.wav\n#EXT-X-ENDLIST\n"),
    ("script.mp3", "ffconcat version 1.0\nfile secret.wav\n")])
def test_playlists_and_scripts_are_refused(tmp_path: Path, sentence: NDArray[np.float32], name: str,
                                           content: str) -> None:
    sound.write(tmp_path / "secret.wav", sentence, 16000)
    (tmp_path / name).write_text(content)
    failed(run(name, *ENGINE, cwd=tmp_path), 2, name)
    assert not list(tmp_path.glob("*.json"))


def test_a_playlist_asks_no_server(tmp_path: Path, sentence: NDArray[np.float32]) -> None:
    secret = sound.write(tmp_path / "secret.wav", sentence, 16000)
    with watching.serve(secret) as server, watching.watch(secret) as watched:
        for number, target in enumerate((f"{server.address}/secret.wav", f"file://{secret}")):
            (tmp_path / f"{number}.mp3").write_text(f"#EXTM3U\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n")
        failed(run("0.mp3", "1.mp3", f"{server.address}/secret.wav", *ENGINE, cwd=tmp_path), 2, "0.mp3", "1.mp3",
               "is an address on a network")
        assert server.requests == [] and watched.touched() == set()


def test_a_list_of_everything_that_is_no_recording(tmp_path: Path, sentence: NDArray[np.float32]) -> None:
    sound.write(tmp_path / "talk.wav", sentence, 16000)
    os.mkfifo(tmp_path / "pipe.mp3")
    os.symlink("/dev/zero", tmp_path / "zero.mp3")
    lines = ["pipe.mp3", "zero.mp3", "/dev/random", "/dev/null", "../nowhere.mp3", "-", "@list.txt", "list.txt",
             "http://127.0.0.1:9/a.mp3", "file:///etc/passwd", "*.flac", "esc\x1b[2Jape.mp3", "x" * 10_000, "talk.wav"]
    (tmp_path / "list.txt").write_text("\r\n".join(lines))
    done = run("@list.txt", *ENGINE, cwd=tmp_path)
    failed(done, 2, "pipe.mp3", "zero.mp3", "not a regular file", "nowhere.mp3", "lists in lists", "itself",
           "address", "*.flac", "ape.mp3", "too long")
    assert "\x1b" not in done.stderr and len(done.stderr) < 10_000
    assert (tmp_path / "talk.json").exists()
    assert sorted(path.name for path in tmp_path.glob("*.json")) == ["talk.json"]


def test_more_sound_than_is_allowed(tmp_path: Path, sentence: NDArray[np.float32]) -> None:
    forged.silent_flac(tmp_path / "bomb.flac", 600)
    sound.write(tmp_path / "talk.wav", sentence, 16000)
    failed(run("bomb.flac", "talk.wav", *ENGINE, "--max-duration", "0.1", cwd=tmp_path), 2,
           "bomb.flac holds more than 0:06:00.0 of sound", "--max-duration HOURS")
    assert sorted(path.name for path in tmp_path.glob("*.json")) == ["talk.json"]


def test_a_truncated_file_gives_what_is_there_and_says_so(tmp_path: Path) -> None:
    content = SHORT.read_bytes()
    (tmp_path / "cut.mp3").write_bytes(content[:len(content) * 2 // 3])
    done = run("cut.mp3", *ENGINE, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Warning: cut.mp3" in done.stderr
    found = transcript(tmp_path / "cut.json")
    assert found["partial"] is True and found["segments"]
    assert found["run"]["warnings"]


def test_silence_is_an_empty_transcript(tmp_path: Path) -> None:
    sound.write(tmp_path / "silence.wav", np.zeros(32000, np.float32), 16000)
    done = run("silence.wav", *ENGINE, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "no speech" in done.stderr
    found = transcript(tmp_path / "silence.json")
    assert found["segments"] == [] and found["ledger"] == []
    assert (tmp_path / "silence.txt").read_text() == ""


def test_eight_channels_192_khz_and_samples_that_are_no_numbers(tmp_path: Path,
                                                                sentence: NDArray[np.float32]) -> None:
    sound.write(tmp_path / "eight.wav", np.tile(sentence, (8, 1)), 16000, layout="7.1")
    sound.write(tmp_path / "fast.wav", np.repeat(sentence, 12), 192000)
    broken = sentence.copy()
    broken[1000:1010] = np.nan
    sound.write(tmp_path / "nan.wav", broken, 16000, codec="pcm_f32le")
    done = run("eight.wav", "fast.wav", "nan.wav", *ENGINE, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for name in ("eight", "fast", "nan"):
        assert transcript(tmp_path / f"{name}.json")["segments"], name
    assert "nan.wav" in done.stderr, "the samples that were replaced are told"


NAMES = ["with space.wav", "new\nline.wav", "-dash.wav", "emoji 🎙.wav", "[brackets]*.wav", "русский.wav", "http:x.wav"]


def test_names_of_all_kinds(tmp_path: Path, sentence: NDArray[np.float32]) -> None:
    for name in NAMES:
        sound.write(tmp_path / name, sentence, 16000)
    done = run(*ENGINE, "--", *NAMES, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for name in NAMES:
        assert transcript(tmp_path / f"{name[:-4]}.json")["source"]["name"] == name


def test_a_missing_input_does_not_change_what_the_output_means(tmp_path: Path, sentence: NDArray[np.float32]) -> None:
    sound.write(tmp_path / "a.wav", sentence, 16000)
    failed(run("a.wav", "missing.wav", *ENGINE, "-o", "results", "--formats", "txt", cwd=tmp_path), 2, "missing.wav")
    assert (tmp_path / "results" / "a.txt").exists()
    failed(run("a.wav", "missing.wav", *ENGINE, "-o", "out.txt", cwd=tmp_path), 2, "several inputs")


def test_errors_are_json_where_that_was_asked_for(tmp_path: Path) -> None:
    for arguments in (("--chunks", "0"), ("--quality", "best"), ("--engine", "foo"), ("--temp-dir", "nowhere")):
        done = run(SHORT, "--log-format", "json", *arguments, cwd=tmp_path)
        (record,) = [json.loads(line) for line in done.stderr.splitlines()]
        assert done.returncode == 2 and record["level"] == "error" and record["message"]


def test_one_bad_file_does_not_stop_the_others(tmp_path: Path, sentence: NDArray[np.float32]) -> None:
    for name in ("a.wav", "c.wav"):
        sound.write(tmp_path / name, sentence, 16000)
    (tmp_path / "b.wav").write_bytes(b"not a recording")
    done = run("a.wav", "b.wav", "missing.wav", "c.wav", *ENGINE, cwd=tmp_path)
    failed(done, 2, "b.wav", "missing.wav")
    assert (tmp_path / "a.json").exists() and (tmp_path / "c.json").exists()
    assert not (tmp_path / "b.json").exists()


# ---- outputs ----

def _without_override() -> None:
    """Root may write anywhere; without these capabilities it is bound by permissions like all others."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


def test_a_folder_that_may_not_be_written_is_found_out_first(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    (locked / "talk.mp3").write_bytes(SHORT.read_bytes())
    locked.chmod(0o555)
    # A model that does not exist would be the error if anything were loaded first.
    done = run("locked/talk.mp3", "--model", str(tmp_path / "no-model"), cwd=tmp_path, preexec_fn=_without_override)
    failed(done, 2, "locked")
    assert "no-model" not in done.stderr


def test_an_existing_output_and_an_input_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "talk.mp3").write_bytes(SHORT.read_bytes())
    (tmp_path / "talk.srt").write_text("precious")
    failed(run("talk.mp3", *ENGINE, cwd=tmp_path), 2, "talk.srt", "--overwrite")
    assert (tmp_path / "talk.srt").read_text() == "precious"
    failed(run("talk.mp3", "-o", "talk.mp3", "--overwrite", *ENGINE, cwd=tmp_path), 2, "talk.mp3")
    assert (tmp_path / "talk.mp3").read_bytes() == SHORT.read_bytes()


def _small_files() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # an error instead of a death, as a full disk is
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))


def test_a_full_disk(tmp_path: Path) -> None:
    done = run(SHORT, "-o", "out.txt", *ENGINE, cwd=tmp_path, preexec_fn=_small_files)
    failed(done, 2, "--temp-dir")
    assert not list(tmp_path.glob("out*"))


def test_speakers_that_nobody_told_apart(tmp_path: Path) -> None:
    failed(run(SHORT, "-o", "out.rttm", *ENGINE, cwd=tmp_path), 2, "rttm", "speakers")


def test_an_unknown_format(tmp_path: Path) -> None:
    failed(run(SHORT, "-o", "out.docx", *ENGINE, cwd=tmp_path), 2, "docx", "srt")
    failed(run(SHORT, "--formats", "txt,docx", *ENGINE, cwd=tmp_path), 2, "docx", "srt")


# ---- options ----

@pytest.mark.parametrize("arguments", [
    ("--chunks", "0"), ("--chunks", "-1"), ("--chunks", "nan"), ("--chunks", "inf"), ("--chunks", "many"),
    ("--workers", "0"), ("--workers", "-3"), ("--workers", "few"), ("--workers", "1.5"), ("--batch-size", "0"),
    ("--beam-size", "0"), ("--max-line-width", "0"), ("--max-line-count", "-1"), ("--max-words-per-line", "0"),
    ("--quality", "best"), ("--task", "sing"), ("--compute-type", "int3"), ("--device", "gpu"), ("--no-such-option",),
    ("--log-format", "xml"), ("--workers", "100000")])
def test_nonsense_is_refused_by_name(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = run(SHORT, *arguments, "-o", "out.txt", cwd=tmp_path)
    failed(done, 2, arguments[0].lstrip("-").partition("-")[0])
    assert not (tmp_path / "out.txt").exists()


def test_no_input_at_all(tmp_path: Path) -> None:
    failed(run(cwd=tmp_path), 2, "INPUT")


def test_an_unknown_engine_or_model_lists_those_there_are(tmp_path: Path) -> None:
    failed(run(SHORT, "-o", "o.txt", "--engine", "whisperx", cwd=tmp_path), 2, "whisperx", "faster-whisper", "gigaam")
    failed(run(SHORT, "-o", "o.txt", "--model", "enormous", cwd=tmp_path), 2, "enormous", "large-v3-turbo")
    failed(run(SHORT, "-o", "o.txt", *ENGINE, "--model", "x", cwd=tmp_path), 2, "en-us")


def test_a_gpu_that_is_not_there(tmp_path: Path) -> None:
    if Path("/dev/nvidia0").exists():
        pytest.skip("this machine has a GPU")
    failed(run(SHORT, "-o", "o.txt", "--device", "cuda", cwd=tmp_path), 2, "no CUDA device")
    failed(run(SHORT, "-o", "o.txt", "--device", "cuda:1", *ENGINE, cwd=tmp_path), 2, "GPU")


def test_a_language_the_engine_does_not_know(tmp_path: Path) -> None:
    failed(run(SHORT, "-o", "o.txt", "--language", "ru", *ENGINE, cwd=tmp_path), 2, "ru", "en")
    failed(run(SHORT, "-o", "o.txt", "--language", "klingon", cwd=tmp_path), 2, "klingon")
    failed(run(SHORT, "-o", "o.txt", "--task", "translate", *ENGINE, cwd=tmp_path), 2, "translate")


def test_no_model_for_a_language_names_the_command_that_fetches_one(tmp_path: Path) -> None:
    for offline in ((), ("--offline",)):
        failed(run(SHORT, "-o", "o.txt", "--language", "ru", *offline, cwd=tmp_path), 2, "voicekit models fetch small")


def test_the_embedded_engine_is_loud(tmp_path: Path) -> None:
    done = run(SHORT, "-o", "o.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "PocketSphinx" in done.stderr and "voicekit models fetch small" in done.stderr
    found = transcript(tmp_path / "o.json")["run"]
    assert found["engine"] == "pocketsphinx" and "PocketSphinx" in found["downgrades"][0]


@pytest.mark.parametrize(("content", "words"), [
    ("quiet = 1", ["quiet", "true or false"]), ("chunks = true", ["chunks"]), ("version = true", ["version"]),
    ("engine = [1]", ["engine"]), ("chunks = ", ["not TOML"]), ("chnks = 2", ["chnks", "chunks"]), ("chunks = {a = 1}", ["chunks"]),
    ("chunks = -1", ["--chunks"]), ('workers = "few"', ["few"])])
def test_a_bad_configuration(tmp_path: Path, content: str, words: list[str]) -> None:
    (tmp_path / "v.toml").write_text(content)
    failed(run(SHORT, "-o", "o.txt", "--config", "v.toml", cwd=tmp_path), 2, *words)


def test_a_missing_configuration_and_temporary_folder(tmp_path: Path) -> None:
    failed(run(SHORT, "-o", "o.txt", "--config", "none.toml", cwd=tmp_path), 2, "none.toml")
    failed(run(SHORT, "-o", "o.txt", "--temp-dir", "nowhere", cwd=tmp_path), 2, "--temp-dir")


def test_a_traceback_only_when_asked_for(tmp_path: Path) -> None:
    done = run("missing.mp3", "-v", cwd=tmp_path)
    assert done.returncode == 2 and "InputError" in done.stderr
    failed(run("missing.mp3", cwd=tmp_path), 2)


def test_options_that_contradict_each_other(tmp_path: Path) -> None:
    done = run(SHORT, "-q", "-v", cwd=tmp_path)
    assert done.returncode == 2 and "contradict" in done.stderr


if sys.platform == "win32":
    pytest.skip("permissions and limits are tested on Unix", allow_module_level=True)
