"""A recording in another voice, through the main job: its words, its times, its length, and what goes wrong."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests import sound
from tests.commands import run, voicekit
from tests.models import pico_cases
from tests.models.pico_cases import Talk
from voicekit.audio.native import native
from voicekit.audio.remuxing import has_pictures
from voicekit.prosody.loudness import loudness, speaking
from voicekit.prosody.pitch import STEP

pytestmark = [pytest.mark.model, pytest.mark.xdist_group("revoice")]


@pytest.fixture(scope="module")
def talk() -> Talk:
    """Two people, eight sentences in Russian."""
    return pico_cases.talk(11, ["ru"] * 8, voices=["ru+m6", "ru+Andrea"], noisy=False, pause=(0.4, 1.2))


@pytest.fixture(scope="module")
def path(talk: Talk, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sound.write_plain_wav(tmp_path_factory.mktemp("talk") / "talk.wav", talk.pcm())


def samples_of(path: Path) -> NDArray[np.float32]:
    parts: list[NDArray[np.float32]] = []
    native(path, lambda block, rate: parts.append(block))
    return np.concatenate(parts)


def speak(path: Path, pico: dict[str, Path], folder: Path, *options: str, code: int = 0, **more: Any) -> str:
    done = run(path, "--model", str(pico["faster-whisper int8"]), "--language", "ru", *options, cwd=folder, **more)
    assert done.returncode == code, done.stderr
    return done.stderr


def test_it_is_as_long_as_the_original_and_speaks_when_that_does(path: Path, talk: Talk, pico: dict[str, Path],
                                                                 tmp_path: Path) -> None:
    told = speak(path, pico, tmp_path, "--voice", "espeak:ru+f2", "-o", "new.wav", "-o", "new.prosody.json", "-o", "new.srt")
    assert "8 of 8 sentences" in told
    assert (tmp_path / "new.srt").read_text(encoding="utf-8").count("-->") >= 8
    old, new = native(path), native(tmp_path / "new.wav")
    assert (new.rate, new.samples) == (old.rate, old.samples)
    report = json.loads((tmp_path / "new.prosody.json").read_text(encoding="utf-8"))
    assert report["schema"] == "voicekit.voicing/1" and report["measures"]["overlap"] >= 0.95
    assert report["measures"]["round_trip_wer"] <= 0.15
    heard = speaking(loudness(samples_of(tmp_path / "new.wav"), new.rate))
    for one in report["sentences"]:
        assert one["status"] == "spoken" and one["voice"] == "espeak:ru+f2" and 0.4 < one["pace"] < 2.5, one
        frame = round(one["start"] / STEP)
        onset = frame - 30 + int(np.argmax(heard[frame - 30:frame + 60]))
        assert abs(onset - frame) * STEP <= 0.07, one  # 50 ms, and a frame of loudness to each side


def test_the_same_bytes_for_any_chunks_and_workers(path: Path, pico: dict[str, Path], tmp_path: Path) -> None:
    found = set()
    for chunks, workers in (("5", "1"), ("0.05", "3")):
        speak(path, pico, tmp_path, "--voice", "espeak", "--chunks", chunks, "--workers", workers, "-o", "new.wav",
              "--overwrite", "--quality", "high")
        found.add((tmp_path / "new.wav").read_bytes())
    assert len(found) == 1


def test_a_second_run_speaks_nothing_again(path: Path, pico: dict[str, Path], tmp_path: Path) -> None:
    kept = {"VOICEKIT_CACHE": str(tmp_path / "kept")}
    speak(path, pico, tmp_path, "--voice", "espeak", "-o", "one.wav", env=kept)
    told = speak(path, pico, tmp_path, "--voice", "espeak", "-o", "two.wav", env=kept)
    assert "8 of 8 sentences found in the cache" in told
    assert (tmp_path / "one.wav").read_bytes() == (tmp_path / "two.wav").read_bytes()
    told = speak(path, pico, tmp_path, "--voice", "espeak:ru+f4", "-o", "three.wav", env=kept)
    assert "sentences found" not in told and "windows found" in told.replace("window found", "windows found")
    told = speak(path, pico, tmp_path, "--voice", "espeak", "--from", "write", "-o", "four.flac", env=kept)
    assert "8 of 8 sentences found" in told
    speak(path, pico, tmp_path, "--voice", "espeak:ru+m1", "--from", "write", "-o", "five.flac", env=kept, code=2)


def test_a_damaged_sentence_in_the_cache_is_made_again(path: Path, pico: dict[str, Path], tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    speak(path, pico, tmp_path, "--voice", "espeak", "-o", "one.wav", env={"VOICEKIT_CACHE": str(kept)})
    broken = 0
    for file in kept.rglob("*.json"):
        text = file.read_text(encoding="utf-8")
        if '"sound"' in text:
            file.write_text(text.replace('"sound":"', '"sound":"A', 1).replace('"sound": "', '"sound": "A', 1))
            broken += 1
    assert broken == 8
    told = speak(path, pico, tmp_path, "--voice", "espeak", "-o", "two.wav", env={"VOICEKIT_CACHE": str(kept)})
    assert "8 damaged" in told
    assert (tmp_path / "one.wav").read_bytes() == (tmp_path / "two.wav").read_bytes()


@pytest.mark.parametrize("extension", ["mp3", "flac", "ogg", "m4a", "opus"])
def test_every_format_has_the_sound(path: Path, pico: dict[str, Path], tmp_path: Path, extension: str) -> None:
    kept = {"VOICEKIT_CACHE": str(path.parent / "kept")}
    speak(path, pico, tmp_path, "--voice", "espeak", "--quality", "fast", "-o", f"new.{extension}", env=kept)
    old, new = native(path), native(tmp_path / f"new.{extension}")
    assert abs(new.samples / new.rate - old.samples / old.rate) < 0.05
    assert np.abs(samples_of(tmp_path / f"new.{extension}")).max() > 0.05


def test_a_video_keeps_its_pictures(talk: Talk, pico: dict[str, Path], tmp_path: Path) -> None:
    video = sound.write(tmp_path / "talk.mp4", talk.samples[:16000 * 8], picture=True)
    speak(video, pico, tmp_path, "--voice", "espeak", "-o", "new.mp4", "-o", "new.mkv")
    for name in ("new.mp4", "new.mkv"):
        assert has_pictures(tmp_path / name)
        assert abs(native(tmp_path / name).samples / native(tmp_path / name).rate - 8) < 0.1
        assert np.abs(samples_of(tmp_path / name)).max() > 0.05
    done = run(path_without_pictures(tmp_path), "--voice", "espeak", "--engine", "pocketsphinx", "-o", "no.mp4", cwd=tmp_path)
    assert done.returncode == 2 and "pictures" in done.stderr, done.stderr


def path_without_pictures(folder: Path) -> Path:
    return sound.write(folder / "sound.mp3", sound.tone(3.0))


def test_silence_stays_silence(pico: dict[str, Path], tmp_path: Path) -> None:
    quiet = sound.write_plain_wav(tmp_path / "quiet.wav", np.zeros(32000, np.int16))
    done = run(quiet, "--model", str(pico["faster-whisper int8"]), "--voice", "espeak", "-o", "new.wav", cwd=tmp_path)
    assert done.returncode == 0 and "Nothing was said" in done.stderr, done.stderr  # in no language, too
    assert not samples_of(tmp_path / "new.wav").any() and native(tmp_path / "new.wav").samples == 32000


def test_background_is_kept_where_nobody_speaks(talk: Talk, pico: dict[str, Path], tmp_path: Path) -> None:
    pcm = talk.pcm().astype(np.float32)
    hum = 600 * np.sin(2 * np.pi * 100 * np.arange(len(pcm) + 64000) / 16000)
    with_hum = np.clip(np.pad(pcm, (0, 64000)) + hum, -32768, 32767).astype(np.int16)
    path = sound.write_plain_wav(tmp_path / "hum.wav", with_hum)
    speak(path, pico, tmp_path, "--voice", "espeak", "--keep-background", "-o", "with.wav")
    speak(path, pico, tmp_path, "--voice", "espeak", "-o", "without.wav")
    tail = slice(len(pcm) + 16000, len(pcm) + 48000)
    kept = samples_of(tmp_path / "with.wav")[tail]
    assert not samples_of(tmp_path / "without.wav")[tail].any()
    assert float(np.sqrt(np.mean(kept ** 2))) == pytest.approx(600 / 32768 / np.sqrt(2), rel=0.1)


@pytest.mark.parametrize("options, says", [
    (["--voice", "nobody"], "nobody"),
    (["--voice", "espeak:klingon-x"], "klingon-x"),
    (["--voice", "silero:xenia", "--language", "en"], "en"),
    (["--voices", "A=espeak"], "--voice"),
    (["--voice", "espeak", "--voices", "espeak"], "SPEAKER=VOICE"),
    (["--voice", "espeak", "--task", "translate"], "translate"),
    (["-o", "new.mp3"], "--voice"),
    (["--from", "speak"], "--voice"),
])
def test_bad_use_is_told_before_anything_is_done(path: Path, tmp_path: Path, options: list[str], says: str) -> None:
    done = run(path, "--engine", "pocketsphinx", *options, cwd=tmp_path)
    assert done.returncode == 2 and says in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert "transcribe" not in done.stderr.split("ERROR")[0] or "to transcribe in" not in done.stderr


def test_a_voice_that_has_to_be_fetched_and_cannot_says_where_to_put_it(path: Path, pico: dict[str, Path],
                                                                        tmp_path: Path) -> None:
    told = speak(path, pico, tmp_path, "--voice", "silero:xenia", "-o", "new.wav", code=2)
    assert "silero" in told.lower() and "Traceback" not in told and not (tmp_path / "new.wav").exists()
    assert "commercial" in told, "the licence is told before"


def test_a_gate_fails_exactly_when_a_target_is_missed(path: Path, pico: dict[str, Path], tmp_path: Path) -> None:
    """Without the original's prosody the only target is the length, and that is reached."""
    told = speak(path, pico, tmp_path, "--voice", "espeak", "--no-prosody", "--gate", "-o", "new.wav")
    assert "overlap" in told and "target missed" not in told
    done = run(path, "--model", str(pico["faster-whisper int8"]), "--language", "ru", "--voice", "espeak", "--gate",
               "-o", "again.wav", cwd=tmp_path)
    assert done.returncode == (3 if "target missed" in done.stderr else 0), done.stderr


def test_the_library_and_its_old_clothes(path: Path, pico: dict[str, Path], tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(f'''
import voicekit
from voicekit import VoiceChanger

if __name__ == "__main__":
    made = voicekit.revoice({str(path)!r}, "one.wav", voice="espeak", model={str(pico["faster-whisper int8"])!r},
                            language="ru", workers=1)
    assert len(made.sentences) == 8 and not made.failed, made
    VoiceChanger(device="cpu", enable_parallel=False).process_file(
        input_file={str(path)!r}, output_file="two.wav", method="espeak:en-us", preserve_quality=True)
''')
    import subprocess
    import sys

    from tests.commands import ROOT, environment

    done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, timeout=300,
                          env={**environment(tmp_path), "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    assert native(tmp_path / "one.wav").samples == native(tmp_path / "two.wav").samples == native(path).samples


def test_voices_are_listed(tmp_path: Path) -> None:
    listed = voicekit("voices", "list", "--language", "ru", cwd=tmp_path)
    assert listed.returncode == 0 and "espeak:ru" in listed.stdout and "silero:xenia" in listed.stdout
    assert "not for commercial use" in listed.stdout
    none = voicekit("voices", "list", "--language", "xx", cwd=tmp_path)
    assert none.returncode == 2, none.stderr


def test_a_worker_that_dies_costs_one_sentence_at_most(path: Path, pico: dict[str, Path], tmp_path: Path) -> None:
    fault = {"do": "kill", "sentence": 3, "once": str(tmp_path / "struck")}
    told = speak(path, pico, tmp_path, "--voice", "espeak", "-o", "new.wav",
                 env={"VOICEKIT_FAULT": json.dumps(fault),
                      "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent / "faults")])})
    assert "worker was lost" in told and "8 of 8 sentences" in told
    always = {"do": "kill", "sentence": 3}
    told = speak(path, pico, tmp_path, "--voice", "espeak", "-o", "gap.wav", code=3,
                 env={"VOICEKIT_FAULT": json.dumps(always),
                      "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent / "faults")])})
    assert "7 of 8 sentences" in told and "could not be spoken" in told
    assert native(tmp_path / "gap.wav").samples == native(path).samples


@pytest.mark.parametrize("fault", ["raise", "kill"])
def test_a_voice_that_cannot_be_measured_is_not_lost(path: Path, pico: dict[str, Path], tmp_path: Path, fault: str) -> None:
    told = speak(path, pico, tmp_path, "--voice", "espeak", "--gate", "-o", "new.wav", code=3,
                 env={"VOICEKIT_FAULT": json.dumps({"do": fault, "measure": True}),
                      "PYTHONPATH": str(Path(__file__).parent / "faults")})
    assert "could not be measured" in told and "8 of 8 sentences" in told
    assert native(tmp_path / "new.wav").samples == native(path).samples


def test_a_voice_that_breaks_on_one_sentence_leaves_a_gap(path: Path, pico: dict[str, Path], tmp_path: Path) -> None:
    told = speak(path, pico, tmp_path, "--voice", "espeak", "-o", "gap.wav", code=3,
                 env={"VOICEKIT_FAULT": json.dumps({"do": "raise", "sentence": 3}),
                      "PYTHONPATH": str(Path(__file__).parent / "faults")})
    assert "7 of 8 sentences" in told and "RuntimeError: raise" in told
    assert native(tmp_path / "gap.wav").samples == native(path).samples
