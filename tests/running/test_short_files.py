"""Many short recordings: decoded together, and each as if it were alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests import sound
from tests.models import pico_cases
from tests.running.test_overlap import run
from voicekit import engines
from voicekit.options import EngineOptions, PlanOptions, RunOptions, StoreOptions
from voicekit.types import InputFile, Transcript

pytestmark = [pytest.mark.model, pytest.mark.xdist_group("pico")]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[InputFile]:
    """Twelve of a few seconds, and one in the middle that takes several windows."""
    pico_cases.need_espeak()
    folder = tmp_path_factory.mktemp("short")
    lengths = [5 + number for number in range(6)] + [70] + [11 - number for number in range(6)]
    return [InputFile(sound.write_plain_wav(folder / f"{number}.wav", pico_cases.conversation(number, seconds, "en").pcm()),
                      f"{number}.wav") for number, seconds in enumerate(lengths)]


def options(model: Path, **changes: str) -> RunOptions:
    return RunOptions(language="en", engine=EngineOptions("openvino", str(model), device="cpu", **changes),
                      plan=PlanOptions(workers=2), store=StoreOptions(None, False))


def transcripts(files: Sequence[InputFile], wanted: RunOptions) -> dict[str, Transcript]:
    outcomes, _ = run(files, wanted)
    assert len(outcomes) == len(files)
    return {outcome.file.name: outcome.transcript for outcome in outcomes if outcome.transcript is not None}


def partners(found: dict[str, Transcript]) -> dict[str, set[str]]:
    """By file, itself and those of which its worker did something at the same time."""
    work = [(name, entry) for name, transcript in found.items() for entry in transcript.run.timeline
            if entry.stage == "transcribe"]
    return {name: {name} | {other for one, mine in work for other, its in work
                            if one == name and mine.worker == its.worker
                            and max(mine.began, its.began) < min(mine.ended, its.ended)} for name in found}


def test_they_share_batches_and_no_word_changes(files: list[InputFile], pico: dict[str, Path]) -> None:
    wanted = options(pico["faster-whisper float32"])
    together = transcripts(files, wanted)
    alone = {file.name: transcripts([file], wanted)[file.name] for file in files}
    assert {name: one.segments for name, one in together.items()} == {name: one.segments for name, one in alone.items()}
    assert all(one.segments for one in together.values())
    assert max(map(len, partners(together).values())) > 2
    for transcript in together.values():
        told = transcript.run.options["arithmetic"]
        assert told and told == engines.adapter("openvino").profile.arithmetic("int8"), "words depend on the processor"
        assert [entry.fate for entry in transcript.run.timeline if entry.stage == "transcribe"] == ["done"] * len(
            {entry.window for entry in transcript.ledger})


def test_they_do_not_where_a_neighbour_might_change_a_word(files: list[InputFile], pico: dict[str, Path]) -> None:
    found = transcripts(files[:4], options(pico["faster-whisper float32"], compute_type="float32"))
    assert set(map(len, partners(found).values())) == {1}
    assert not any("arithmetic" in transcript.run.options for transcript in found.values()), "alike everywhere"


def test_a_file_that_cannot_be_decoded_costs_its_neighbours_nothing(
        files: list[InputFile], pico: dict[str, Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF" + bytes(200))
    mixed = [*files[:3], InputFile(broken, "broken.wav"), *files[3:6]]
    outcomes, _ = run(mixed, options(pico["faster-whisper float32"]))
    assert [outcome.file.name for outcome in outcomes if outcome.error] == ["broken.wav"]
    assert all(outcome.transcript and outcome.transcript.segments for outcome in outcomes if not outcome.error)
