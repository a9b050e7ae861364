from __future__ import annotations

import html
import random
import re

import pytest

from tests.formats.transcripts import random_transcript, transcript, word
from voicekit.formats import render
from voicekit.formats.subtitles import timestamp
from voicekit.options import SubtitleOptions
from voicekit.types import Segment, Transcript

NO_LIMIT = SubtitleOptions()
SPOKEN = transcript(Segment(0.32, 1.5, "Good morning.", speaker="SPEAKER_00"),
                    Segment(3723.004, 3724.0, "Tom & <Jerry> --> home"))


def test_srt_to_the_letter() -> None:
    assert render(SPOKEN, "srt", NO_LIMIT) == (
        "1\n00:00:00,320 --> 00:00:01,500\nSPEAKER_00: Good morning.\n\n"
        "2\n01:02:03,004 --> 01:02:04,000\nTom & <Jerry> -> home\n")


def test_vtt_to_the_letter() -> None:
    assert render(SPOKEN, "vtt", NO_LIMIT) == (
        "WEBVTT\n\n00:00:00.320 --> 00:00:01.500\n<v SPEAKER_00>Good morning.\n\n"
        "01:02:03.004 --> 01:02:04.000\nTom &amp; &lt;Jerry&gt; --&gt; home\n")


def test_a_silent_recording_has_no_cues() -> None:
    assert render(transcript(), "srt", NO_LIMIT) == ""
    assert render(transcript(), "vtt", NO_LIMIT) == "WEBVTT\n"


@pytest.mark.parametrize(("milliseconds", "text"), [
    (0, "00:00:00.000"), (999, "00:00:00.999"), (59_999, "00:00:59.999"), (60_000, "00:01:00.000"),
    (3_600_000, "01:00:00.000"), (360_000_000, "100:00:00.000"),
])
def test_timestamps(milliseconds: int, text: str) -> None:
    assert timestamp(milliseconds, ".") == text


def test_a_time_is_rounded_before_it_is_split() -> None:
    assert "00:00:59,000 --> 00:01:00,000" in render(transcript(Segment(59, 59.9996, "a")), "srt", NO_LIMIT)


def test_the_label_takes_its_part_of_the_width_in_srt_only() -> None:
    made = transcript(Segment(0, 4, "one two three four", speaker="Anna"))
    limits = SubtitleOptions(max_line_width=18)
    assert "Anna: one two\nthree four\n" in render(made, "srt", limits)
    assert "<v Anna>one two three four\n" in render(made, "vtt", limits)


def test_hostile_speakers_stay_in_their_place() -> None:
    made = transcript(Segment(0, 1, "Hi.", speaker="x>\n\n9\n00:00:00.000 --> 1 <b>&"),
                      Segment(1, 2, "a", speaker=" "))
    assert "<v x&gt; 9 00:00:00.000 --&gt; 1 &lt;b&gt;&amp;>Hi.\n" in render(made, "vtt", NO_LIMIT)
    assert "\nx> 9 00:00:00.000 -> 1 <b>&: Hi.\n" in render(made, "srt", NO_LIMIT)
    assert render(made, "srt", NO_LIMIT).endswith("\na\n")


@pytest.mark.parametrize("arrows", ["-->", "--->", "---->-->", "a-->b"])
def test_no_arrow_is_left_in_srt(arrows: str) -> None:
    made = transcript(Segment(0, 1, arrows), Segment(1, 2, "", (word("--", 1, 1.5), word(">", 1.5, 2))))
    assert render(made, "srt", NO_LIMIT).count("-->") == 2


# Readers as simple as players have them: blocks between empty lines.
def _blocks(text: str, arrow: str) -> list[tuple[str, str]]:
    found = []
    for block in text.strip("\n").split("\n\n"):
        lines = block.split("\n")
        match = re.fullmatch(arrow, lines[0])
        assert match, block
        assert len(lines) > 1 and all(line.strip() for line in lines)
        found.append((match[0], " ".join(lines[1:])))
    return found


def test_what_a_player_reads_is_what_was_said() -> None:
    for seed in range(200):
        rng = random.Random(seed)
        made = random_transcript(rng)
        limits = SubtitleOptions(rng.choice([None, 15, 42]), rng.choice([None, 1, 2]), rng.choice([None, 3]))
        _check_vtt(made, limits)
        _check_srt(made, limits)


def _squeezed(text: str) -> str:
    return re.sub(r"\s|--+>|->", "", text)


def _check_vtt(made: Transcript, limits: SubtitleOptions) -> None:
    text = render(made, "vtt", limits)
    assert text.startswith("WEBVTT\n")
    body = text.removeprefix("WEBVTT\n").lstrip("\n")
    blocks = _blocks(body, r"\d\d:\d\d:\d\d\.\d{3} --> \d\d:\d\d:\d\d\.\d{3}") if body else []
    said = "".join(html.unescape(re.sub(r"^<v [^<>]*>", "", payload)) for _, payload in blocks)
    assert re.sub(r"\s", "", said) == re.sub(r"\s", "", made.text)


def _check_srt(made: Transcript, limits: SubtitleOptions) -> None:
    text = render(made, "srt", limits)
    numbered = re.sub(r"(?m)^\d+\n(?=\d\d:)", "", text)
    blocks = _blocks(numbered, r"\d\d:\d\d:\d\d,\d{3} --> \d\d:\d\d:\d\d,\d{3}") if text else []
    assert text.count("-->") == len(blocks)
    speakers = {segment.speaker for segment in made.segments if segment.speaker}
    said = "".join(payload[len(next((f"{who}: " for who in speakers if payload.startswith(f"{who}: ")), "")):]
                   for _, payload in blocks)
    assert _squeezed(said) == _squeezed(made.text)
