from __future__ import annotations

import csv
import io
import random
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.formats.transcripts import random_transcript, transcript, word
from voicekit import formats
from voicekit.errors import UsageError
from voicekit.formats.base import one_line
from voicekit.formats.rttm import turns
from voicekit.options import SubtitleOptions
from voicekit.provenance import SpeakersInfo
from voicekit.types import Segment, Source, Turn

NO_LIMIT = SubtitleOptions()
SPOKEN = transcript(Segment(0.32, 1.5, " Good\nmorning. ", speaker="SPEAKER_00"),
                    Segment(1.5, 2.0, "Да,\tпривет\t!"), Segment(2.0, 2.5, " \n "))


def test_the_types() -> None:
    assert formats.extensions() == ("txt", "srt", "vtt", "tsv", "json", "html", "rttm")
    assert [name for name in formats.extensions() if formats.lookup(name).needs_speakers] == ["rttm"]


def test_an_unknown_type_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"'docx'.*txt, srt, vtt, tsv, json, html, rttm"):
        formats.render(SPOKEN, "docx", NO_LIMIT)


@pytest.mark.parametrize("mark", ["\n", "\r\n", "\v", "\f", "\t", "\0", "\x1b", "\x85", "\u2028", "\u2029"])
def test_one_line(mark: str) -> None:
    assert one_line(f" a {mark}{mark} b{mark}") == "a b"


@pytest.mark.parametrize("name", ["SRT", ".srt", ".Srt"])
def test_an_extension_may_have_a_dot_and_capitals(name: str) -> None:
    assert formats.render(SPOKEN, name, NO_LIMIT) == formats.render(SPOKEN, "srt", NO_LIMIT)


def test_txt() -> None:
    assert formats.render(SPOKEN, "txt", NO_LIMIT) == "SPEAKER_00: Good morning.\nДа, привет !\n"
    assert formats.render(transcript(), "txt", NO_LIMIT) == ""


def test_txt_has_a_line_per_turn_of_speech() -> None:
    made = transcript(Segment(0, 1, "One.", speaker="A"), Segment(1.2, 2, "Two.", speaker="A"),
                      Segment(2, 3, "Three.", speaker="B C"), Segment(3, 4, "Four.", speaker="A"),
                      Segment(5.9, 7, "Five.", speaker="A"), Segment(9, 10, "After a pause.", speaker="A"),
                      Segment(10, 11, "Who?"), Segment(11, 12, "Who else?"), Segment(12, 13, " ", speaker="A"))
    assert formats.render(made, "txt", NO_LIMIT) == (
        "A: One. Two.\nB C: Three.\nA: Four. Five.\nA: After a pause.\nWho?\nWho else?\n")
    chinese = transcript(Segment(0, 1, "你好。", speaker="A"), Segment(1, 2, "再见。", speaker="A"))
    assert formats.render(chinese, "txt", NO_LIMIT) == "A: 你好。再见。\n"


def test_txt_marks_overlapped_words() -> None:
    said = tuple(replace(word(text, at, at + 1), overlap=overlap) for at, (text, overlap) in enumerate(
        [(" I", True), (" do", True), (" not", False), (" kn", True), ("ow", False), (".", True), (" ", True)]))
    made = transcript(Segment(0, 7, "I do not know.", said, "A"), Segment(7, 8, "So", speaker="B"))
    assert formats.render(made, "txt", NO_LIMIT) == "A: [I do] not [kn]ow[.]\nB: So\n"
    for name in ("srt", "vtt", "tsv"):
        assert "I do not know." in formats.render(made, name, NO_LIMIT)


def test_tsv() -> None:
    assert formats.render(SPOKEN, "tsv", NO_LIMIT) == (
        "start\tend\ttext\tspeaker\n320\t1500\tGood morning.\tSPEAKER_00\n1500\t2000\tДа, привет !\t\n"
        "2000\t2500\t\t\n")
    silent = transcript(Segment(1, 2, "a"))
    assert formats.render(silent, "tsv", NO_LIMIT) == "start\tend\ttext\n1000\t2000\ta\n"


def test_tsv_has_a_row_per_segment() -> None:
    for seed in range(50):
        made = random_transcript(random.Random(seed))
        rows = list(csv.reader(io.StringIO(formats.render(made, "tsv", NO_LIMIT)), delimiter="\t",
                               quoting=csv.QUOTE_NONE))
        assert len(rows) == len(made.segments) + 1
        assert {len(row) for row in rows} == {len(rows[0])}


def test_rttm() -> None:
    made = transcript(Segment(0.32, 1.5, "a", speaker="A B"), Segment(1.55, 2.0, "b", speaker="A B"),
                      Segment(2.0, 2.0, "c", speaker="C"), Segment(2.5, 3.0, "d"),
                      Segment(4.0, 5.25, "e", speaker="A B"), source=Source("my talk.mp3", 9.0, ""))
    assert formats.render(made, "rttm", NO_LIMIT) == (
        "SPEAKER my_talk 1 0.320 1.680 <NA> <NA> A_B <NA> <NA>\n"
        "SPEAKER my_talk 1 4.000 1.250 <NA> <NA> A_B <NA> <NA>\n")


def test_rttm_needs_speakers() -> None:
    with pytest.raises(UsageError, match="no speakers"):
        formats.render(transcript(Segment(0, 1, "a")), "rttm", NO_LIMIT)
    assert formats.render(transcript(), "rttm", NO_LIMIT) == ""


def test_rttm_has_the_turns_of_the_diarization_where_there_are_any() -> None:
    made = transcript(Segment(0, 1, "a", speaker="A"), turns=(
        Turn(2.0, 2.5, "A"), Turn(0.0, 3.0, "B"), Turn(2.0, 2.0, "C"), Turn(2.5, 2.5004, "C")))
    assert formats.render(made, "rttm", NO_LIMIT) == (
        "SPEAKER talk 1 0.000 3.000 <NA> <NA> B <NA> <NA>\nSPEAKER talk 1 2.000 0.500 <NA> <NA> A <NA> <NA>\n")
    # Nobody spoke, though the engine heard words: that is an answer, not a mistake.
    tried = replace(made.run, speakers=SpeakersInfo("embedded", "", "", "cpu"))
    assert formats.render(transcript(Segment(0, 1, "a"), run=tried), "rttm", NO_LIMIT) == ""


def test_rttm_tells_names_apart() -> None:
    names = ["Ann Lee", "Ann_Lee", "Ann\tLee", "Ann_Lee_2", "Dr. \"Bo\"\n", " ", "\u2028"]
    made = transcript(turns=tuple(Turn(at, at + 1, name) for at, name in enumerate(names)))
    rows = [line.split() for line in formats.render(made, "rttm", NO_LIMIT).splitlines()]
    assert {len(row) for row in rows} == {10}
    assert [row[7] for row in rows] == ["Ann_Lee_3", "Ann_Lee", "Ann_Lee_4", "Ann_Lee_2", "Dr._'Bo'", "UNKNOWN",
                                        "UNKNOWN_2"]


def test_a_turn_ends_where_another_speaks() -> None:
    said = [Segment(0, 5, "", speaker="A"), Segment(4, 4.5, "", speaker="B"), Segment(5, 6, "", speaker="A"),
            Segment(5.5, 5.8, "", speaker="A")]
    assert turns(said) == [Turn(0, 5, "A"), Turn(4, 4.5, "B"), Turn(5, 6, "A")]


@pytest.mark.parametrize("name", ["txt", "srt", "vtt", "tsv", "json", "rttm"])
def test_half_a_surrogate_can_be_written(name: str) -> None:
    made = transcript(Segment(0, 1, "bad \udcff", speaker="\ud800"), source=Source("\udcff.mp3", 1.0, ""))
    assert "\ufffd" in formats.render(made, name, NO_LIMIT).encode().decode()


def test_nothing_heavy_is_imported() -> None:
    script = ("import sys, voicekit.formats; "
              "print(sorted({'numpy', 'av', 'torch', 'click', 'jsonschema'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
