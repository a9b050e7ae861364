"""Transcripts to write, random ones too, and ways to take rights and disk space from a process."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from dataclasses import replace

import pytest

from voicekit.provenance import RunInfo, TimelineEntry
from voicekit.types import Language, LedgerEntry, Segment, Source, Transcript, Turn, Word

VOCABULARIES = {
    "english": "I the voice of a recording, which nobody heard. Mr. Smith's co-operation \"so!\" 1984 5%",
    "russian": "Привет, как дела? всё замо́к хорошо — спасибо, Ёлка достопримечательность!",
    "hebrew": "שלום, עולם! מה שלומך? בְּרֵאשִׁית",
    "arabic": "مرحبا بالعالم، كيف حالك؟ السَّلامُ",
    "emoji": "ok 👍🏽 👩‍👩‍👧 ❤️ 🇺🇦 done",
    "hostile": "--> a-->b ---> <b> & &amp; <v X> </v> WEBVTT NOTE 1 00:00:00,000 {\\an8} \u200b\u200f",
}
CHINESE = list("我们今天去公园,然后回家。“好”的!") + ["GPU", "2024", "、", "(", ")"]


def word(text: str, start: float, end: float, probability: float = 0.9,
         speaker: str | None = None) -> Word:
    return Word(start, end, text, probability, speaker)


def transcript(*segments: Segment, **changes: object) -> Transcript:
    made = Transcript(
        source=Source("talk.mp3", 12.5, "0" * 64),
        language=Language("en", 0.987),
        segments=segments,
        ledger=(LedgerEntry(0.1, 4.0, 0, "transcribed"),
                LedgerEntry(5.0, 6.0, 1, "failed", "worker crashed")),
        run=RunInfo(engine="pocketsphinx", model="en-us", revision="abc", device="cpu",
                    compute_type="float32", version="0.1.0",
                    options={"language": None, "beam_size": 5, "task": "transcribe"},
                    downgrades=("int8: not on this device",), warnings=(), wall_seconds=1.5,
                    decoded_again=2),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def random_segment(rng: random.Random, start: float, language: str) -> Segment:
    """A segment with or without words; now and then with times as only a bad engine gives them."""
    chinese = language == "chinese"
    vocabulary = CHINESE if chinese else VOCABULARIES[language].split()
    texts = [rng.choice(vocabulary) for _ in range(rng.randint(1, 40))]
    words, at = [], start
    for text in texts:
        end = at + rng.choice([0.0, 0.0004, 0.08, 0.3, 1.1])
        words.append(replace(word(text if chinese else f" {text}", at, end, rng.random()),
                             overlap=rng.random() < 0.1))
        at = end + rng.choice([-0.2, 0.0, 0.0, 0.05, 2.0])
    text = "".join(item.word for item in words).strip()
    speaker = rng.choice([None, None, "SPEAKER_00", "SPEAKER_01", "Dr. <Müller> & co"])
    return Segment(start, max(at, start), text, tuple(words) if rng.random() < 0.7 else (), speaker)


def random_transcript(rng: random.Random) -> Transcript:
    segments, at = [], 0.0
    for _ in range(rng.randint(0, 8)):
        segment = random_segment(rng, at, rng.choice([*VOCABULARIES, "chinese"]))
        segments.append(segment)
        at = segment.end + rng.choice([-1.0, 0.0, 0.3])
        at = max(at, 0.0)
    turns = tuple(Turn(max(segment.start, 0.0), segment.end, segment.speaker) for segment in segments
                  if segment.speaker)
    plain = transcript(*segments, turns=turns if rng.random() < 0.5 else ())
    return replace(plain, run=replace(plain.run, timeline=random_timeline(rng)))


def random_timeline(rng: random.Random) -> tuple[TimelineEntry, ...]:
    entries = []
    for index in range(rng.choice([0, 0, 1, 5])):
        began = round(rng.uniform(0, 9), 3)
        worker, fate = rng.choice([(None, "found"), (0, "done"), (1, "done"), (1, "lost"), (0, "found")])
        whole = rng.random() < 0.2
        entries.append(TimelineEntry(rng.choice(["transcribe", "speak", "language"]), 2.0 * index, 2.0 * index + 1.5,
                                     began, began + 0.25, worker, None if whole else index, None if whole else 0, fate))
    return tuple(entries)


# Root may write anywhere, so a test of permissions first gives that right up. It is lost for good
# with the next exec, hence a program that drops it and becomes the script.
_WITHOUT_RIGHTS = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    if libc.prctl(24, capability, 0, 0, 0):  # PR_CAPBSET_DROP
        sys.exit(77)
os.execv(sys.executable, [sys.executable, "-W", "error", "-c", *sys.argv[1:]])
"""


def run_without_rights(script: str, *arguments: object) -> str:
    """What a script prints that runs without root's right to write anywhere."""
    program = [sys.executable, "-W", "error", "-c"]
    if os.name != "posix":
        pytest.skip("permissions of folders are POSIX")
    if os.geteuid() == 0:
        if not sys.platform.startswith("linux"):
            pytest.skip("root cannot give up its rights here")
        program.append(_WITHOUT_RIGHTS)
    done = subprocess.run([*program, script, *map(str, arguments)], capture_output=True, text=True,
                          encoding="utf-8", timeout=60, check=False)
    if done.returncode == 77:
        pytest.skip("may not drop capabilities here")
    assert done.returncode == 0, done.stderr
    return done.stdout
