"""What a notebook shows of a transcript."""

from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tests.formats.transcripts import random_transcript, transcript, word
from voicekit.formats.report.colours import LIGHT
from voicekit.types import Language, LedgerEntry, Segment, Source, Transcript, Turn

HOSTILE = "</div><script>alert(1)</script><img src=x onerror=alert(2)>\" style=\"x\" \u202e\x00\ud800\nend"
TAGS = {"div", "span", "p", "strong", "bdi"}


class Reader(HTMLParser):
    """Collects what is shown; fails where an element is not closed, or is none of ours."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.shown = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS
        self.open.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.shown += data


def shown(given: Transcript) -> Reader:
    text = given._repr_html_()
    text.encode("utf-8")
    reader = Reader(text)
    assert {name for name, _ in reader.attributes} <= {"style", "dir", "lang"}
    assert not any("url(" in (value or "") for _, value in reader.attributes)
    return reader


def test_the_head_of_a_transcript() -> None:
    segments = [Segment(2.0 * k, 2.0 * k + 1, f"Sentence number {k}.", speaker=("Anna", "Boris")[k % 2]) for k in range(400)]
    found = shown(transcript(*segments, source=Source("talk.mp3", 3725.0, "")))
    for text in ("talk.mp3", "1 h 02 min", "language en (99% sure)", "1,200 words", "pocketsphinx en-us on cpu", "Anna",
                 "50%", "0:38", "Sentence number 19.", "… and 380 more", "Not transcribed: 1.0 s. 0:05–0:06 (worker crashed)"):
        assert text in found.shown, text
    assert "number 20" not in found.shown
    styles = [value or "" for name, value in found.attributes if name == "style"]
    assert sum(LIGHT[0] in style for style in styles) == sum(LIGHT[1] in style for style in styles) == 11
    assert all("color:#fff" in style for style in styles if LIGHT[0] in style), "no colour without its ground"


def test_nothing_of_a_transcript_becomes_markup() -> None:
    found = shown(transcript(
        Segment(0, 1, HOSTILE, (word(HOSTILE, 0, 1, speaker=HOSTILE),), HOSTILE), source=Source(HOSTILE, float("nan"), ""),
        language=Language(HOSTILE), ledger=(LedgerEntry(0, 1, 0, "failed", HOSTILE),), turns=(Turn(0, 1, HOSTILE),)))
    assert found.shown.count("<script>") >= 3 and "\u202e" not in found.shown and "\x00" not in found.shown


@pytest.mark.parametrize("seed", range(30))
def test_any_transcript_can_be_shown(seed: int) -> None:
    given = random_transcript(random.Random(seed))
    found = shown(given)
    for segment in given.segments[:20]:
        if len(segment.text) < 900 and segment.text.isprintable():
            assert segment.text in found.shown


def test_it_stays_small_and_never_fills_a_notebook() -> None:
    long = "ха " * 1000
    given = transcript(*(Segment(k, k + 1, long, speaker=f"{long}{k}") for k in range(300)), source=Source(long, 1e300, ""),
                       ledger=tuple(LedgerEntry(k, k + 1, k, "failed", long) for k in range(300)))
    assert len(given._repr_html_().encode()) < 60_000
    assert "… and 297 more" in shown(given).shown


def test_scripts_from_right_to_left_have_their_direction() -> None:
    found = shown(transcript(Segment(0, 1, "שלום, עולם!", speaker="דוד"), language=Language("he")))
    assert ("dir", "auto") in found.attributes and ("lang", "he") in found.attributes
    text = transcript(Segment(0, 1, "x", speaker="דוד"))._repr_html_()
    assert "<bdi>דוד</bdi>" in text


def test_an_empty_transcript_says_so() -> None:
    found = shown(replace(transcript(), ledger=(), partial=True))
    assert "No words." in found.shown and "could not be decoded" in found.shown and "Not transcribed" not in found.shown


def test_it_is_loaded_when_it_is_shown() -> None:
    code = "import sys, voicekit.types; assert 'voicekit.formats.notebook' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
