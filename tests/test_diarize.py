"""Who said what, through the main job: engine embedded, words by the pico Whisper, voices by espeak-ng."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests import sound
from tests.commands import run, voicekit
from tests.models import pico_cases
from tests.models.pico_cases import Talk

pytestmark = [pytest.mark.model, pytest.mark.xdist_group("diarize")]

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def talk() -> Talk:
    """Two people in turn, a little more than a minute: two stretches."""
    return pico_cases.talk(21, ["en"] * 26, voices=["en-us+m3", "en-us+f2"], noisy=False, pause=(0.5, 1.0))


@pytest.fixture(scope="module")
def path(talk: Talk, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sound.write_plain_wav(tmp_path_factory.mktemp("talk") / "talk.wav", talk.pcm())


class Job:
    """Runs of one recording with one cache."""

    def __init__(self, path: Path, model: Path, models: Path, folder: Path) -> None:
        self.path, self.model, self.folder = path, model, folder
        self.kept = {"VOICEKIT_CACHE": str(folder / "kept"), "VOICEKIT_MODELS": str(models),
                     "VOICEKIT_SPEAKERS": str(folder / "people")}

    def __call__(self, *options: str, code: int = 0, fault: dict[str, Any] | None = None, **env: str) -> str:
        extra = {"VOICEKIT_FAULT": json.dumps(fault), "PYTHONPATH": str(HERE / "faults")} if fault else {}
        if "--until" not in options:
            options = (*options, "-o", "out.json", "-o", "out.rttm", "-o", "out.txt", "--overwrite")
        done = run(self.path, "--model", self.model, "--language", "en", "--diarize", "embedded", *options,
                   cwd=self.folder, env={**self.kept, **extra, **env})
        assert done.returncode == code and "Traceback" not in done.stderr, done.stderr
        return done.stderr

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "out.json").read_text(encoding="utf-8"))
        return found

    @property
    def result(self) -> tuple[Any, ...]:
        """What must not depend on how it was made."""
        return (self.json["segments"], self.json["turns"], (self.folder / "out.rttm").read_bytes(),
                (self.folder / "out.txt").read_bytes())


@pytest.fixture(scope="module")
def words_kept(path: Path, pico: dict[str, Path], models_with_d_vector: Path,
               tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache in which the words are, and nothing of speakers."""
    job = Job(path, pico["faster-whisper int8"], models_with_d_vector, tmp_path_factory.mktemp("words"))
    job("--until", "transcribe")
    return job.folder / "kept"


@pytest.fixture
def job(path: Path, pico: dict[str, Path], models_with_d_vector: Path, words_kept: Path, tmp_path: Path) -> Job:
    shutil.copytree(words_kept, tmp_path / "kept")
    return Job(path, pico["faster-whisper int8"], models_with_d_vector, tmp_path)


def test_every_word_has_the_speaker_who_said_it(job: Job, talk: Talk) -> None:
    told = job()
    assert "2 speakers, embedded on cpu" in told
    starts = [0, *(index for index in range(1, len(talk.words)) if talk.words[index][1] - talk.words[index - 1][2] > 0.45)]
    assert len(starts) == 26
    middles = [(talk.words[first][1] + talk.words[after - 1][2]) / 2
               for first, after in zip(starts, [*starts[1:], len(talk.words)], strict=True)]
    words = [word for segment in job.json["segments"] for word in segment["words"]]
    right = sum(word["speaker"] == f"SPEAKER_0{min(range(26), key=lambda number: abs(middles[number] - word['start'])) % 2}"
                for word in words)
    assert len(words) > 110 and right >= 0.97 * len(words)
    assert {segment["speaker"] for segment in job.json["segments"]} == {"SPEAKER_00", "SPEAKER_01"}
    for segment in job.json["segments"]:
        assert {word["speaker"] for word in segment["words"]} == {segment["speaker"]}
    speakers = job.json["run"]["speakers"]
    assert (speakers["engine"], speakers["found"], speakers["unattributed"], speakers["device"]) == ("embedded", 2, 0, "cpu")


def test_the_same_for_any_chunks_and_workers(job: Job) -> None:
    found = []
    for chunks, workers in (("5", "1"), ("0.5", "3"), ("0.02", "2")):
        job("--chunks", chunks, "--workers", workers, "--from", "diarize")
        found.append(job.result)
    assert found[0] == found[1] == found[2]


def test_another_number_of_speakers_is_clustering_alone(job: Job) -> None:
    job()
    assert job.json["run"]["speakers"]["cache"] == {"found": 0, "computed": 2, "damaged": 0}
    told = job("--speakers", "1")
    assert job.json["run"]["speakers"]["cache"] == {"found": 2, "computed": 0, "damaged": 0}
    assert job.json["run"]["cache"]["computed"] == 0 and "1 speaker, embedded" in told
    assert {segment["speaker"] for segment in job.json["segments"]} == {"SPEAKER_00"}
    job("--min-speakers", "3")
    assert job.json["run"]["speakers"]["found"] == 3 and job.json["run"]["speakers"]["cache"]["computed"] == 0


def test_one_stage_after_the_other(job: Job) -> None:
    job("--until", "diarize")
    assert not (job.folder / "out.json").exists()
    job("--from", "speak", code=2)  # there is no voice, so no such stage
    job("--from", "write")
    assert job.json["run"]["speakers"]["cache"] == {"found": 2, "computed": 0, "damaged": 0}
    job("--from", "diarize")
    assert job.json["run"]["speakers"]["cache"]["computed"] == 2 and job.json["run"]["cache"]["computed"] == 0


def test_nothing_to_begin_from_is_told(job: Job) -> None:
    told = job("--from", "write", code=2)
    assert "stretches of talk.wav were not listened to before" in told


def test_a_worker_that_dies_costs_one_stretch_at_most(job: Job, tmp_path: Path) -> None:
    job()
    calm = job.result
    job("--from", "diarize", fault={"do": "kill", "stretch": 0, "once": str(tmp_path / "once")})
    assert "A worker was lost" in str(job.json["run"]["speakers"]["warnings"])
    assert job.result == calm
    told = job("--from", "diarize", fault={"do": "kill", "stretch": 1}, code=3)
    lost = job.json["run"]["speakers"]["failed"]
    assert len(lost) == 1 and "nobody could be told apart" in lost[0] and lost[0] in told
    words = [word["word"] for segment in job.json["segments"] for word in segment["words"]]
    assert words == [word["word"] for segment in calm[0] for word in segment["words"]], "no word is lost with it"


def test_words_outlive_what_tells_speakers_apart(job: Job) -> None:
    for do in ("raise", "kill", "memory"):
        told = job(fault={"do": do, "cluster": True}, code=3)
        assert "Speakers could not be told apart" in told
        found = job.json
        assert found["segments"] and not found.get("turns") and not any(one.get("speaker") for one in found["segments"])
        assert found["run"]["speakers"]["failed"] and (job.folder / "out.rttm").exists()


def test_names_in_order_of_first_speech(job: Job) -> None:
    job("--speaker-names", "Anna Petrova,Боря")
    assert [turn["speaker"] for turn in job.json["turns"]][:2] == ["Anna Petrova", "Боря"]
    assert " Anna_Petrova " in (job.folder / "out.rttm").read_text(encoding="utf-8").splitlines()[0]
    assert (job.folder / "out.txt").read_text(encoding="utf-8").startswith("Anna Petrova: ")


def test_two_recordings_share_identities(job: Job, tmp_path: Path) -> None:
    sample = pico_cases.talk(5, ["en"] * 8, voices=["en-us+f2"], noisy=False)
    other = sound.write_plain_wav(tmp_path / "sample.wav", sample.pcm())
    added = voicekit("speakers", "add", "Anna", other, "--diarize", "embedded", cwd=tmp_path, **job.kept)
    assert added.returncode == 0 and "Anna: enrolled, from" in added.stdout, added.stderr
    told = job("--known-speakers", "all")
    assert {turn["speaker"] for turn in job.json["turns"]} == {"Anna", "UNKNOWN_00"}
    assert job.json["turns"][1]["speaker"] == "Anna" and "Anna (voice, similarity 0." in told
    assert "the most similar is Anna" in job.json["run"]["speakers"]["known"]["UNKNOWN_00"]
    job("--known-speakers", "Anna", "--known-threshold", "1")
    assert {turn["speaker"] for turn in job.json["turns"]} == {"UNKNOWN_00", "UNKNOWN_01"}
    assert "Vera was never enrolled. Enrolled are: Anna." in job("--known-speakers", "Vera", code=2)


def test_without_a_value_the_best_there_is_is_taken_and_said(job: Job) -> None:
    done = run("--diarize", job.path, "--model", job.model, "--language", "en", "--offline", "-o", "out.json",
               cwd=job.folder, env=job.kept)
    assert done.returncode == 0, done.stderr
    assert "No better diarization model could be had" in done.stderr and job.json["run"]["speakers"]["engine"] == "embedded"
    assert any("No better diarization model" in one for one in job.json["run"]["warnings"])


def test_nobody_speaks(job: Job, tmp_path: Path) -> None:
    path = sound.write_plain_wav(tmp_path / "music.wav", (sound.tone(20, frequency=440) * 16000).astype("int16"))
    done = run(path, "--model", job.model, "--language", "en", "--diarize", "embedded", "-o", "out.json", "-o", "out.rttm",
               cwd=tmp_path, env=job.kept)
    assert done.returncode == 0 and "0 speakers" in done.stderr, done.stderr
    assert json.loads((tmp_path / "out.json").read_text()).get("turns", []) == [] and (tmp_path / "out.rttm").read_bytes() == b""


def test_without_speakers_there_is_no_rttm(job: Job) -> None:
    done = run(job.path, "--model", job.model, "-o", "out.rttm", cwd=job.folder)
    assert done.returncode == 2 and "Add --diarize" in done.stderr


@pytest.mark.parametrize(("options", "message"), [
    (("--diarize", "pyanote"), "Unknown diarization engine 'pyanote'"),
    (("--speakers", "2"), "no --diarize asks"),
    (("--diarize", "--speakers", "0"), "--speakers must be from 1"),
    (("--diarize", "embedded:nothing"), "nothing"),
    (("--diarize", "--known-speakers", "all"), "Nobody was enrolled yet"),
])
def test_bad_wishes_are_refused_before_anything_is_done(job: Job, options: tuple[str, ...], message: str) -> None:
    done = run(job.path, "--model", job.model, *options, cwd=job.folder, env=job.kept)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert sorted(path.name for path in job.folder.iterdir() if path.suffix in (".json", ".srt", ".txt")) == []


def test_a_voice_that_cannot_be_had_is_not_blamed_on_the_speakers(job: Job) -> None:
    done = run(job.path, "--model", job.model, "--language", "en", "--diarize", "embedded", "--voice", "piper:en_US-amy-low",
               "--offline", "-o", "new.wav", cwd=job.folder, env=job.kept)
    assert done.returncode == 2 and "is not on disk, and --offline forbids" in done.stderr, done.stderr
    assert "could not be told apart" not in done.stderr and "Traceback" not in done.stderr


def test_each_speaker_is_spoken_again_in_a_voice_of_his_own(job: Job) -> None:
    done = run(job.path, "--model", job.model, "--language", "en", "--diarize", "embedded", "--voice", "espeak", "--quality",
               "fast", "-o", "new.wav", "-o", "new.prosody.json", cwd=job.folder, env=job.kept)
    assert done.returncode == 0, done.stderr
    report = json.loads((job.folder / "new.prosody.json").read_text(encoding="utf-8"))
    voices = {one["speaker"]: one["voice"] for one in report["sentences"]}
    assert set(voices) == {"SPEAKER_00", "SPEAKER_01"} and len(set(voices.values())) == 2
