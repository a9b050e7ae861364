from __future__ import annotations

import random
import re
import time

import pytest

from tests.formats.transcripts import VOCABULARIES, random_segment, random_transcript, word
from voicekit.formats.cues import Cue, cues
from voicekit.options import SubtitleOptions
from voicekit.types import Segment

NO_LIMIT = SubtitleOptions()


def _limits(rng: random.Random) -> SubtitleOptions:
    return SubtitleOptions(rng.choice([None, 1, 7, 20, 42]), rng.choice([None, 1, 2, 3]),
                           rng.choice([None, 1, 3, 8]))


def _shown(found: list[Cue]) -> list[str]:
    return " ".join(line for cue in found for line in cue.lines).split()


def _label(speaker: str) -> str:
    return f"{speaker}: "


def _letters(text: str) -> str:
    return re.sub(r"\s", "", text)


@pytest.mark.parametrize("language", [*VOCABULARIES])
def test_the_words_of_the_cues_are_the_words_of_the_segments(language: str) -> None:
    for seed in range(150):
        rng = random.Random(seed)
        segments = [random_segment(rng, 0.0, language), random_segment(rng, 50.0, language)]
        found = cues(segments, _limits(rng), _label)
        assert _shown(found) == " ".join(segment.text for segment in segments).split(), seed


def test_no_character_is_lost_in_any_script() -> None:
    for seed in range(300):
        rng = random.Random(seed)
        made = random_transcript(rng)
        found = cues(made.segments, _limits(rng))
        assert _letters("".join(_shown(found))) == _letters(made.text), seed


def test_cues_neither_overlap_nor_vanish() -> None:
    for seed in range(300):
        rng = random.Random(seed)
        found = cues(random_transcript(rng).segments, _limits(rng))
        assert all(cue.start < cue.end for cue in found), seed
        assert all(one.end <= two.start for one, two in zip(found, found[1:], strict=False)), seed
        assert all(line and line == line.strip() for cue in found for line in cue.lines), seed


def test_the_limits_hold() -> None:
    for seed in range(300):
        rng = random.Random(seed)
        limits = _limits(rng)
        if limits.max_line_width is None and limits.max_words_per_line is None:
            continue
        for cue in cues([random_segment(rng, 0.0, rng.choice([*VOCABULARIES]))], limits, _label):
            assert limits.max_line_count is None or len(cue.lines) <= limits.max_line_count, seed
            for at, line in enumerate(cue.lines):
                if " " not in line:
                    continue  # a single word may be wider
                width = len(line) + (len(_label(cue.speaker)) if cue.speaker and at == 0 else 0)
                assert width <= (limits.max_line_width or 10**9), seed
                assert len(line.split()) <= (limits.max_words_per_line or 10**9), seed


def test_without_limits_a_segment_is_a_cue_of_one_line() -> None:
    segments = [Segment(0, 9, "One two three. " * 30), Segment(10, 11, "Four.")]
    assert [len(cue.lines) for cue in cues(segments, NO_LIMIT)] == [1, 1]
    assert [len(cue.lines) for cue in cues(segments, SubtitleOptions(max_line_count=2))] == [1, 1]


def test_a_cue_has_the_times_of_its_words() -> None:
    words = (word(" Good", 1.0, 1.2), word(" morning,", 1.3, 1.9), word(" everybody.", 3.0, 3.5))
    segment = Segment(0.0, 9.0, "Good morning, everybody.", words)
    assert cues([segment], SubtitleOptions(max_line_width=15, max_line_count=1)) == [
        Cue(1000, 1900, ("Good morning,",)), Cue(3000, 3500, ("everybody.",))]
    assert cues([segment], NO_LIMIT) == [Cue(1000, 3500, ("Good morning, everybody.",))]


def test_without_words_time_is_shared_out_by_characters() -> None:
    found = cues([Segment(10.0, 20.0, "aaaa bbbbb")], SubtitleOptions(max_words_per_line=1))
    assert found == [Cue(10_000, 14_000, ("aaaa",)), Cue(15_000, 20_000, ("bbbbb",))]


def test_lines_are_balanced() -> None:
    text = "The quick brown fox jumps over the lazy dog today"
    (cue,) = cues([Segment(0, 1, text)], SubtitleOptions(max_line_width=42))
    assert cue.lines == ("The quick brown fox jumps", "over the lazy dog today")


def test_a_line_rather_ends_at_punctuation() -> None:
    text = "They all came in, and the window was shut"
    (cue,) = cues([Segment(0, 1, text)], SubtitleOptions(max_line_width=30))
    assert cue.lines == ("They all came in,", "and the window was shut")
    (cue,) = cues([Segment(0, 1, text.replace(",", "s"))], SubtitleOptions(max_line_width=30))
    assert cue.lines == ("They all came ins and", "the window was shut")


def test_lines_are_shown_by_count() -> None:
    text = " ".join(["word"] * 5)
    found = cues([Segment(0, 5, text)], SubtitleOptions(max_line_width=4, max_line_count=2))
    assert [cue.lines for cue in found] == [("word", "word"), ("word", "word"), ("word",)]


def test_words_per_line_alone_gives_cues_of_one_line() -> None:
    found = cues([Segment(0, 5, "a b c d e")], SubtitleOptions(max_words_per_line=2))
    assert sorted(len(cue.lines[0].split()) for cue in found) == [1, 2, 2]
    assert all(len(cue.lines) == 1 for cue in found)


def test_a_word_wider_than_the_line_stays_whole() -> None:
    found = cues([Segment(0, 5, "an достопримечательность is")], SubtitleOptions(max_line_width=5))
    assert found[0].lines == ("an", "достопримечательность", "is")


def test_words_that_are_glued_stay_together() -> None:
    words = (word(" well", 0, 1), word("-known", 1, 2), word(" don", 2, 3), word("'t", 3, 4))
    found = cues([Segment(0, 4, "well-known don't", words)], SubtitleOptions(max_words_per_line=1))
    assert found == [Cue(0, 2000, ("well-known",)), Cue(2000, 4000, ("don't",))]


def test_chinese_is_cut_between_words_and_joined_without_spaces() -> None:
    texts = ["我们", "今天", "去", "公园", "，", "然后", "（", "一起", "）", "回家", "。"]
    words = tuple(word(text, at, at + 1.0) for at, text in enumerate(texts))
    (cue,) = cues([Segment(0, 11, "".join(texts), words)], SubtitleOptions(max_line_width=6))
    assert "".join(cue.lines) == "".join(texts)
    assert all(len(line) <= 6 for line in cue.lines)
    assert not any(line[0] in "，）。" or line[-1] == "（" for line in cue.lines)
    assert cues([Segment(0, 11, "".join(texts), words)], NO_LIMIT)[0].lines == ("".join(texts),)


def test_chinese_without_words_is_cut_too() -> None:
    (cue,) = cues([Segment(0, 8, "我们今天去公园，然后回家。")], SubtitleOptions(max_line_width=7))
    assert cue.lines == ("我们今天去公", "园，然后回家。")


def test_where_two_talk_at_once_the_first_gives_way() -> None:
    found = cues([Segment(0, 10, "Long.", speaker="A"), Segment(5, 6, "Yes!", speaker="B"),
                  Segment(5, 7, "No!", speaker="C")], NO_LIMIT)
    assert [(cue.start, cue.end, cue.speaker) for cue in found] == [
        (0, 5000, "A"), (5000, 5001, "B"), (5001, 7000, "C")]


def test_times_that_are_no_numbers_do_no_harm() -> None:
    nan, inf = float("nan"), float("inf")
    words = (word(" a", nan, inf), word(" b", 1.0, -inf))
    segments = [Segment(nan, 2, "a b", words), Segment(3, 3, "c")]
    found = cues(segments, SubtitleOptions(max_words_per_line=1))
    assert found == [Cue(0, 1, ("a",)), Cue(1000, 1001, ("b",)), Cue(3000, 3001, ("c",))]


def test_line_breaks_and_blanks_in_a_text_make_no_blank_line() -> None:
    words = (word(" a\n\nb", 0, 1), word(" ", 1, 1), word("\n", 1, 1), word("c", 1, 2), word("", 2, 2))
    assert cues([Segment(0, 2, "x", words)], NO_LIMIT) == [Cue(0, 2000, ("a b c",))]
    (cue,) = cues([Segment(0, 2, "a\r\n\r\n\u2028b \u00a0 c\u3000d")], SubtitleOptions(max_line_width=1))
    assert cue.lines == ("a", "b", "c", "d")
    assert cues([Segment(0, 2, " \n\u00a0 "), Segment(2, 3, "", (word(" ", 2, 3),))], NO_LIMIT) == []


def test_a_transcript_without_sentences_is_cut_in_good_time() -> None:
    words = tuple(word(" word", at / 4, at / 4 + 0.2) for at in range(50_000))
    begun = time.process_time()
    found = cues([Segment(0, 12_500, "", words)], SubtitleOptions(max_line_width=42, max_line_count=2))
    assert time.process_time() - begun < 20
    assert len(found) == 50_000 // 16
