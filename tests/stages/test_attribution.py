"""Words get their speakers: none is lost, sentences stay whole, and real changes of speaker are kept."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from itertools import pairwise

import pytest

from voicekit.stages.attribution import CRUMB, attribute
from voicekit.types import Segment, Turn, Word

Said = list[tuple[str | None, str]]


def words(text: str, start: float = 0.0, each: float = 0.3, gap: float = 0.05) -> tuple[Word, ...]:
    made, at = [], start
    for word in text.split():
        made.append(Word(round(at, 3), round(at + each, 3), " " + word, 0.9))
        at += each + gap
    return tuple(made)


def segment(*parts: tuple[Word, ...]) -> Segment:
    together = tuple(word for part in parts for word in part)
    return Segment(together[0].start, together[-1].end, "".join(word.word for word in together).strip(), together)


def said(segments: list[Segment], turns: list[Turn], **options: float) -> Said:
    return [(one.speaker, one.text) for one in attribute(segments, turns, turns, **options).segments]


# -- who gets a word -----------------------------------------------------------------------------------------------

def test_a_word_goes_to_whoever_is_heard_most_in_it() -> None:
    sentence = [segment(words("One.", 0, 1.0)), segment(words("Two.", 1.0, 1.0))]
    assert said(sentence, [Turn(0, 1.4, "A"), Turn(1.4, 3, "B")]) == [("A", "One."), ("B", "Two.")]
    assert said(sentence, [Turn(0, 1.6, "A"), Turn(1.6, 3, "B")]) == [("A", "One."), ("A", "Two.")]
    # Several turns of one speaker count together.
    shared = [Turn(1.0, 1.3, "A"), Turn(1.3, 1.7, "B"), Turn(1.7, 2.0, "A")]
    assert said(sentence[1:], shared) == [("A", "Two.")]


def test_of_two_who_are_heard_equally_the_first_counts() -> None:
    sentence = [segment(words("One.", 1, 1.0))]
    turns = [Turn(0, 1.5, "B"), Turn(1.5, 3, "A")]
    assert said(sentence, turns) == said(sentence, turns[::-1]) == [("B", "One.")]


@pytest.mark.parametrize(("start", "speaker"), [
    (2.5, "A"), (2.99, "A"), (3.0, "A"), (3.01, None), (6.19, None), (6.2, "B"), (7.0, "B")])
def test_a_word_outside_of_all_turns_goes_to_the_nearest(start: float, speaker: str | None) -> None:
    turns = [Turn(0, 2, "A"), Turn(7.5, 9, "B")]
    found = attribute([segment(words("Word.", start))], turns, turns)
    assert (found.segments[0].speaker, found.unattributed) == (speaker, speaker is None)


def test_the_limit_can_be_set() -> None:
    turns = [Turn(0, 2, "A")]
    assert said([segment(words("Word.", 4))], turns) == [(None, "Word.")]
    assert said([segment(words("Word.", 4))], turns, nearest=2.5) == [("A", "Word.")]


def test_without_turns_nobody_is_named_and_nothing_is_lost() -> None:
    spoken = segment(words("Is anybody there?"))
    found = attribute([replace(spoken, speaker="OLD"), Segment(3, 4, "no word times")], [], [])
    assert found.segments == (spoken, Segment(3, 4, "no word times"))
    assert found.unattributed == 6
    assert attribute([], [Turn(0, 1, "A")], [Turn(0, 1, "A")]).segments == ()


def test_a_segment_without_words_is_attributed_as_a_whole() -> None:
    turns = [Turn(0, 2.2, "A"), Turn(2.2, 5, "B")]
    assert said([Segment(0, 2.5, "a"), Segment(2.0, 4.5, "b"), Segment(5.5, 6, "c"), Segment(9, 9, "d e")],
                turns) == [("A", "a"), ("B", "b"), ("B", "c"), (None, "d e")]


@pytest.mark.parametrize("time", [0.0, 1.0, 2.0])
def test_a_word_without_length_has_a_speaker(time: float) -> None:
    turns = [Turn(0, 1.5, "A"), Turn(1.5, 3, "B")]
    assert said([segment((Word(time, time, " x", 1),))], turns) == [("A" if time < 1.5 else "B", "x")]


def test_turns_that_are_not_exclusive_are_made_so() -> None:
    turns = [Turn(0, 5, "A"), Turn(1, 2, "B"), Turn(4, 8, "C")]
    sentences = [segment(words("One.", 1.2)), segment(words("Two.", 4.2)), segment(words("Three.", 6))]
    assert said(sentences, turns) == [("A", "One."), ("A", "Two."), ("C", "Three.")]


# -- overlapped speech ---------------------------------------------------------------------------------------------

def test_words_said_while_others_speak_are_marked() -> None:
    turns = [Turn(0, 2, "A"), Turn(1.0, 3, "B"), Turn(1.1, 1.2, "B"), Turn(5, 6, "A"), Turn(5.5, 6, "A")]
    exclusive = [Turn(0, 2, "A"), Turn(2, 3, "B"), Turn(5, 6, "A")]
    spoken = (*words("a b c d e f", 0, 0.5, 0), *words("g", 5.5))
    found = attribute([segment(spoken)], turns, exclusive)
    marked = [word.word.strip() for one in found.segments for word in one.words if word.overlap]
    assert marked == ["c", "d"]  # one speaker's own turns, where they overlap, are no overlapped speech
    assert all(not word.overlap for one in attribute(found.segments, exclusive, exclusive).segments
               for word in one.words)


# -- sentences -----------------------------------------------------------------------------------------------------

TWO = [segment(words("We will meet on Monday.", 0)), segment(words("I am not there then.", 1.85))]


@pytest.mark.parametrize("boundary", [1.3, 1.45, 1.75, 1.9, 2.1, 2.25])
def test_a_boundary_that_is_a_little_off_tears_no_sentence(boundary: float) -> None:
    turns = [Turn(0, boundary, "A"), Turn(boundary, 4, "B")]
    assert said(TWO, turns) == [("A", "We will meet on Monday."), ("B", "I am not there then.")]


def test_both_sentences_in_one_segment_are_divided_at_the_full_stop() -> None:
    assert said([segment(TWO[0].words, TWO[1].words)], [Turn(0, 1.4, "A"), Turn(1.4, 4, "B")]) == [
        ("A", "We will meet on Monday."), ("B", "I am not there then.")]


def test_a_real_change_of_speaker_inside_a_segment_is_kept() -> None:
    # Whisper likes to write a question and its answer as one sentence.
    spoken = segment(words("so you were there in the evening yes I was there", 0))
    assert said([spoken], [Turn(0, 2.4, "A"), Turn(2.4, 4, "B")]) == [
        ("A", "so you were there in the evening"), ("B", "yes I was there")]


def test_a_sentence_of_one_word_has_its_own_speaker() -> None:
    spoken = [segment(words("Were you there?", 0)), segment(words("Yes.", 1.1)), segment(words("And then?", 1.5))]
    turns = [Turn(0, 1.05, "A"), Turn(1.1, 1.4, "B"), Turn(1.45, 3, "A")]
    assert said(spoken, turns) == [("A", "Were you there?"), ("B", "Yes."), ("A", "And then?")]


def test_an_interjection_does_not_tear_a_sentence_but_a_longer_one_does() -> None:
    spoken = segment(words("we went home very late last night with him", 0))
    assert said([spoken], [Turn(0, 1, "A"), Turn(1, 1 + CRUMB - 0.1, "B"), Turn(1.4, 4, "A")]) == [
        ("A", spoken.text)]
    torn = said([spoken], [Turn(0, 1, "A"), Turn(1, 2.05, "B"), Turn(2.05, 4, "A")])
    assert [speaker for speaker, _ in torn] == ["A", "B", "A"]


def test_long_words_at_an_edge_follow_where_they_continue_the_turn_beyond_it() -> None:
    spoken = segment(words("That is what we all call", 0), words("responsibility.", 2.1, 0.8))
    answer = segment(words("Indeed we do.", 3.0))
    late = [Turn(0, 2.05, "A"), Turn(2.05, 5, "B")]
    assert said([spoken, answer], late) == [("A", spoken.text), ("B", answer.text)]
    # Without that, somebody did say the word.
    lone = [Turn(0, 2.05, "A"), Turn(2.05, 2.95, "B"), Turn(2.95, 5, "A")]
    assert [speaker for speaker, _ in said([spoken, answer], lone)] == ["A", "B", "A"]


def test_words_that_nobody_is_near_to_follow_nobody_and_nobody_follows_them() -> None:
    spoken = segment(words("these words are far away from him", 0), words("x", 2.5, 0.1))
    turns = [Turn(2.5, 2.6, "A")]
    assert said([spoken], turns, nearest=0.1) == [(None, "these words are far away from him"), ("A", "x")]
    assert attribute([spoken], turns, turns, 0.1).unattributed == 7


def test_without_punctuation_a_pause_ends_a_sentence() -> None:
    spoken = segment(words("will you come with us", 0), words("yes I will", 2.15))
    turns = [Turn(0, 1.4, "A"), Turn(1.4, 4, "B")]
    assert said([spoken], turns) == [("A", "will you come with us"), ("B", "yes I will")]
    # A pause of 0.4 s is one inside a sentence where full stops are written: its first words are no crumb then.
    punctuated = segment(words("will you come with us", 0), words("yes I will.", 2.15))
    assert len(said([punctuated], turns)) == 2


def test_signs_and_parts_of_words_stay_with_their_word() -> None:
    spoken = segment((Word(0, 0.5, " well", 1), Word(0.5, 1.2, "-known", 1), Word(1.2, 1.3, " –", 1),
                      Word(1.3, 1.4, "?", 1), Word(1.5, 1.9, " no", 1), Word(1.9, 2.5, " he", 1)))
    assert said([spoken], [Turn(0, 0.4, "A"), Turn(0.4, 0.6, "A"), Turn(0.6, 1.0, "B"), Turn(1.25, 3, "B")]) == [
        ("A", "well-known –?"), ("B", "no he")]


def test_a_script_without_spaces_is_divided_by_characters() -> None:
    made = [Word(index * 0.2, index * 0.2 + 0.2, sign, 1) for index, sign in enumerate("你今天去哪里？我去公园。")]
    assert said([segment(tuple(made))], [Turn(0, 1.1, "A"), Turn(1.1, 3, "B")]) == [
        ("A", "你今天去哪里？"), ("B", "我去公园。")]


def test_the_times_of_a_part_are_those_of_its_words() -> None:
    one = attribute([Segment(-0.1, 9.0, "not what the words say", TWO[0].words + TWO[1].words)],
                    [], [Turn(0, 1.8, "A"), Turn(1.8, 4, "B")]).segments
    assert [(part.start, part.end) for part in one] == [(0, 1.7), (1.85, 3.55)]
    whole = Segment(-0.1, 9.0, "not what the words say", TWO[0].words)
    kept = attribute([whole], [], [Turn(0, 9, "A")]).segments[0]
    assert (kept.start, kept.end, kept.text, kept.speaker) == (-0.1, 9.0, "not what the words say", "A")


# -- what always holds ---------------------------------------------------------------------------------------------

TOKENS = [" a", " b.", " no", " «what»?", "'s", "-so", " -", ".", "。", "你", "好", " 3", ".5", "", " "]


def random_case(rng: random.Random) -> tuple[list[Segment], list[Turn], list[Turn]]:
    segments, at = [], 0.0
    for _ in range(rng.randint(0, 6)):
        made = []
        for _ in range(rng.choice([0, 1, 2, 5, 12])):
            end = at + rng.choice([0.0, 0.1, 0.3, 0.3, 0.9, -0.1])
            made.append(Word(at, end, rng.choice(TOKENS), rng.random(), rng.choice([None, "OLD"])))
            at = max(end + rng.choice([0.0, 0.0, 0.05, 0.4, 1.2, -0.2]), 0.0)
        text = "".join(word.word for word in made).strip() if made else "no words"
        segments.append(Segment(at, at + 0.5, text, tuple(made), rng.choice([None, "OLD"])))
    turns = [Turn(start, start + rng.choice([0.0, 0.1, 0.3, 1.0, 4.0]), rng.choice("ABC"))
             for start in (rng.uniform(-1, at + 1) for _ in range(rng.randint(0, 12)))]
    exclusive, end = [], 0.0
    for turn in sorted(turns, key=lambda turn: turn.start):
        exclusive.append(Turn(max(turn.start, end), max(turn.end, end), turn.speaker))
        end = exclusive[-1].end
    return segments, turns, exclusive


@pytest.mark.parametrize("seed", range(100))
def test_no_word_is_lost_or_changed(seed: int) -> None:
    segments, turns, exclusive = random_case(random.Random(seed))
    found = attribute(segments, turns, exclusive)

    def bare(made: list[Segment]) -> list[Word]:
        return [replace(word, speaker=None, overlap=False) for one in made for word in one.words]

    assert bare(list(found.segments)) == bare(segments)
    assert [one for one in found.segments if not one.words] == [
        replace(one, speaker=again.speaker) for one, again in
        zip([each for each in segments if not each.words], [each for each in found.segments if not each.words],
            strict=True)]
    assert all(word.speaker == one.speaker for one in found.segments for word in one.words)
    assert "".join("".join(one.text.split()) for one in found.segments) == "".join(
        "".join(one.text.split()) for one in segments)
    assert {one.speaker for one in found.segments} <= {None, *(turn.speaker for turn in exclusive)}
    unnamed = sum(word.speaker is None for one in found.segments for word in one.words)
    assert found.unattributed == unnamed + sum(2 for one in found.segments if not one.words and one.speaker is None)


@pytest.mark.parametrize("seed", range(100))
def test_to_attribute_again_changes_nothing(seed: int) -> None:
    segments, turns, exclusive = random_case(random.Random(seed))
    once = attribute(segments, turns, exclusive)
    assert attribute(once.segments, turns, exclusive) == once
    random.Random(seed).shuffle(turns)
    assert attribute(segments, turns, exclusive[::-1]) == once


# -- as in life ----------------------------------------------------------------------------------------------------

SENTENCES = ["I have not seen him since the summer.", "Where were you going with all of that?", "No, we did not.",
             "It was late and the shop had already closed, so we went back.", "That is a good question.",
             "My sister told me about it on the telephone yesterday."]


def conversation(rng: random.Random, sentences: int, punctuated: bool) -> tuple[list[Segment], list[Turn]]:
    """Segments as the engines make them, and the true turns; one speaker may say several sentences."""
    segments, turns, at, speaker = [], [], 0.5, "A"
    for _ in range(sentences):
        speaker = rng.choice(["A", "B", "C"])
        text = rng.choice(SENTENCES)
        made = []
        for word in text.split():
            length = 0.08 + 0.055 * len(word) * rng.uniform(0.8, 1.2)
            shown = word if punctuated else word.strip(".,?").lower()
            made.append(Word(round(at, 3), round(at + length, 3), " " + shown, 0.9))
            at += length + rng.choice([0.0, 0.0, 0.03, 0.12])
        segments.append(segment(tuple(made)))
        if turns and turns[-1].speaker == speaker:
            turns[-1] = Turn(turns[-1].start, made[-1].end, speaker)
        else:
            turns.append(Turn(made[0].start, made[-1].end, speaker))
        at = made[-1].end + (rng.uniform(0.05, 0.7) if punctuated else rng.uniform(0.36, 0.9))
    return segments, turns


def jittered(rng: random.Random, turns: list[Turn], by: float) -> list[Turn]:
    starts = [turn.start + rng.uniform(-by, by) for turn in turns]
    ends = [turn.end + rng.uniform(-by, by) for turn in turns]
    for at, (end, following) in enumerate(zip(ends, starts[1:], strict=False)):
        if end > following:  # exclusive turns do not overlap
            ends[at] = starts[at + 1] = (end + following) / 2
    return [Turn(start, end, turn.speaker) for start, end, turn in zip(starts, ends, turns, strict=True)]


@pytest.mark.parametrize("punctuated", [True, False])
@pytest.mark.parametrize("joined", [True, False])
@pytest.mark.parametrize("seed", range(20))
def test_boundaries_that_are_off_by_three_tenths_tear_no_sentence(seed: int, joined: bool, punctuated: bool) -> None:
    rng = random.Random(seed)
    sentences, turns = conversation(rng, 60, punctuated)
    truth = [(next(turn.speaker for turn in turns if turn.start <= one.start < turn.end), one.text)
             for one in sentences]
    given = [segment(*(one.words for one in sentences[at:at + 3])) for at in range(0, 60, 3)] if joined else sentences
    found = attribute(given, turns, jittered(rng, turns, 0.3)).segments
    if not joined:
        assert [(one.speaker, one.text) for one in found] == truth
        return
    # Three sentences are one segment: it is divided exactly where the speaker changes inside of it.
    expected: Said = []
    for at in range(0, 60, 3):
        expected.append(truth[at])
        for before, (speaker, text) in pairwise(truth[at:at + 3]):
            if speaker == before[0]:
                expected[-1] = (speaker, f"{expected[-1][1]} {text}")
            else:
                expected.append((speaker, text))
    assert [(one.speaker, one.text) for one in found] == expected


def test_twelve_hours_take_seconds() -> None:
    rng = random.Random(0)
    spoken, turns, at = [], [], 0.0
    for _ in range(20_000):
        length = rng.uniform(0.2, 4)
        turns.append(Turn(at, at + length, rng.choice("ABCDE")))
        at += length
    for index in range(100_000):
        start = at * index / 100_000
        spoken.append(Word(start, start + 0.3, " word", 0.9))
    began = time.process_time()
    found = attribute([segment(tuple(spoken))], turns, turns)  # one sentence: the worst case
    assert time.process_time() - began < 20
    assert sum(len(one.words) for one in found.segments) == 100_000
