from __future__ import annotations

import random

import pytest

from voicekit.stages.merging import LONGEST_SEGMENT, PAUSE, PAUSE_WITHOUT_PUNCTUATION, ledger, merge
from voicekit.types import Segment, Span, Window, WindowResult, Word


def words(text: str, start: float = 0.0, step: float = 0.5) -> tuple[Word, ...]:
    return tuple(Word(start + i * step, start + i * step + 0.8 * step, " " + word, 0.9)
                 for i, word in enumerate(text.split()))


def said(*parts: tuple[Word, ...]) -> WindowResult:
    return WindowResult("transcribed", tuple(
        Segment(one[0].start, one[-1].end, "".join(w.word for w in one).strip(), one) for one in parts))


def window(index: int, start: float, end: float) -> Window:
    return Window(index, start, end, (Span(start + 0.1, end - 0.1),))


def test_times_move_from_the_window_to_the_recording() -> None:
    (segment,) = merge([window(0, 100.0, 110.0)], {0: said(words("one two"))})
    assert (segment.start, segment.end, segment.text) == (100.1, 100.9, "one two")
    assert segment.words[1].start == 100.5


def test_words_do_not_begin_or_end_in_silence() -> None:
    """An alignment gives a window's first word all the time before it, and pauses to the word beside them."""
    plan = [Window(0, 10.0, 20.0, (Span(10.4, 12.0), Span(13.0, 15.0)))]
    one, two, three, four = (Word(0.0, 1.0, " one", 0.9), Word(1.0, 2.9, " two", 0.9), Word(2.9, 3.5, " three", 0.9),
                             Word(6.0, 6.5, " four", 0.9))
    found = merge(plan, {0: said((one, two, three))})
    assert [(word.start, word.end) for segment in found for word in segment.words] == \
        [(10.4, 11.0), (11.0, 12.0), (13.0, 13.5)]
    assert [segment.text for segment in found] == ["one two", "three"], "and the pause between them is seen"
    (segment,) = merge(plan, {0: said((four,))})
    assert (segment.start, segment.end) == (16.0, 16.5), "a word that only the engine hears stays where it is"


def test_a_sentence_may_cross_a_cut() -> None:
    plan = [window(0, 0.0, 1.0), window(1, 1.0, 9.0)]
    found = merge(plan, {0: said(words("It goes")), 1: said(words("on here. And ends."))})
    assert [segment.text for segment in found] == ["It goes on here.", "And ends."]


def test_pauses_end_segments_where_there_is_no_punctuation() -> None:
    def texts(first: str, pause: float, second: str) -> list[str]:
        before = words(first)
        after = words(second, before[-1].end + pause)
        return [segment.text for segment in merge([window(0, 0.0, 30.0)], {0: said(before + after)})]

    short, long = PAUSE_WITHOUT_PUNCTUATION + 0.01, PAUSE + 0.01
    assert texts("something said", short, "and then more") == ["something said", "and then more"]
    assert texts("something said", short, "and then more.") == ["something said and then more."]
    assert texts("something said", long, "and then more.") == ["something said", "and then more."]


def test_a_full_stop_inside_a_number_ends_nothing() -> None:
    one = (Word(0.0, 0.4, " 3.", 1.0), Word(0.4, 0.8, "5", 1.0), Word(0.8, 1.2, " percent.", 1.0))
    assert [segment.text for segment in merge([window(0, 0, 5)], {0: said(one)})] == ["3.5 percent."]


def test_chinese_has_no_spaces_and_still_has_sentences() -> None:
    one = tuple(Word(i * 0.2, i * 0.2 + 0.2, c, 1.0) for i, c in enumerate("你好。再见。"))
    assert [segment.text for segment in merge([window(0, 0, 5)], {0: said(one)})] == ["你好。", "再见。"]


@pytest.mark.parametrize("seed", range(20))
def test_no_word_is_lost_and_no_segment_is_endless(seed: int) -> None:
    rng = random.Random(seed)
    plan, results, spoken = [], {}, []
    now = 0.0
    for index in range(20):
        end = now + rng.uniform(5, 30)
        plan.append(window(index, now, end))
        text = [rng.choice(["word", "и", "end.", "what?", "3.5"]) for _ in range(int((end - now) / 0.5))]
        if rng.random() < 0.2:
            results[index] = WindowResult("empty", reason="no words")
        else:
            results[index] = said(words(" ".join(text)))
            spoken += text
        now = end + rng.choice([0.0, 3.0])
    found = merge(plan, results)
    assert [word.word.strip() for segment in found for word in segment.words] == spoken
    assert " ".join(segment.text for segment in found).split() == spoken
    assert all(segment.end - segment.start <= LONGEST_SEGMENT for segment in found)
    assert all(one.end <= other.start + 1e-9 for one, other in zip(found, found[1:]))


def test_segments_without_words_stay_as_they_are() -> None:
    plain = WindowResult("transcribed", (Segment(0.0, 2.0, "One. Two."), Segment(2.0, 40.0, "Three.")))
    found = merge([window(0, 10.0, 20.0)], {0: plain})
    assert [(segment.start, segment.end, segment.text) for segment in found] == [
        (10.1, 12.0, "One. Two."), (12.0, 19.9, "Three.")], "kept inside the window's speech"


def test_the_ledger_tells_of_every_span() -> None:
    plan = [window(0, 0, 10), window(1, 10, 20), window(2, 20, 30), window(3, 30, 40)]
    results = {0: said(words("yes")), 1: WindowResult("empty", reason="no words"),
               2: WindowResult("failed", reason="RuntimeError: broken")}
    found = ledger(plan, results)
    assert [(entry.window, entry.status, entry.reason) for entry in found] == [
        (0, "transcribed", ""), (1, "empty", "no words"), (2, "failed", "RuntimeError: broken"),
        (3, "failed", "not processed")]
    assert [(entry.start, entry.end) for entry in found] == [(w.speech[0].start, w.speech[0].end) for w in plan]
