"""Recordings that never were, to make pages of: an hour of talk, its sound, its new voice, and hostile ones."""

from __future__ import annotations

import base64
import io
import math
import random
import wave
from dataclasses import replace

import numpy as np

from tests.formats.transcripts import transcript
from voicekit.formats.report import Material, Track
from voicekit.formats.report.material import CONTOUR_STEP, LEVEL_STEP
from voicekit.provenance import CacheUse, RunInfo, SpeakersInfo, TimelineEntry
from voicekit.spoken import SentenceEntry, Voice, Voicing
from voicekit.types import Language, LedgerEntry, Segment, Source, Transcript, Turn, Word

ENGLISH = """
When I first came to the island nobody believed that the old lighthouse could be saved.
We had a budget for one winter, and a list of repairs that would have taken ten.
Could you tell us how the first storm changed your plans?
Well, the water came in through the north door, and in the morning the archive was under half a metre of it.
That is the part people remember, but it is not the part that mattered.
What mattered was the telephone, which still worked, and a neighbour who knew how to use it.
So you called the mainland, and they sent a boat?
They sent three, and the second one carried the pumps.
I have the letters here, and one of them is dated the fourteenth of February 1953.
It says, and I quote, that nobody should try to be a hero.
Right.
And did anybody listen to that advice?
Of course not, we were all between nineteen and twenty-five, and it was the most exciting week of our lives.
Later the university asked for a copy of the tapes, because the dialect on them is not spoken any more.
That is how the recordings survived; the originals went brittle and were thrown away in the seventies.
""".strip().splitlines()
RUSSIAN = """
Когда я впервые приехал на остров, никто не верил, что старый маяк можно спасти.
У нас были деньги на одну зиму и список работ, которых хватило бы на десять лет.
Расскажите, как первый шторм изменил ваши планы?
Вода пришла через северную дверь, и утром весь архив стоял в ней по колено.
Всё это помнят, но важно было совсем другое: телефон ещё работал.
Ёлка, которую мы поставили на Новый год, уплыла вместе с лестницей.
""".strip().splitlines()
ARABIC = """
عندما وصلت إلى الجزيرة لأول مرة، لم يصدق أحد أن المنارة القديمة يمكن إنقاذها.
هل يمكنك أن تخبرنا كيف غيرت العاصفة الأولى خططكم؟
دخل الماء من الباب الشمالي، وفي الصباح كان الأرشيف تحت الماء.
كان الهاتف لا يزال يعمل، وهذا هو المهم.
""".strip().splitlines()
NAMES = ("Anna Petrova", "Boris", "ليلى حداد", "SPEAKER_03", "Mother", "Father", "Étienne", "Dr. Śliwa", "Иван", "Noor",
         "A twelfth-generation lighthouse keeper of the northern islands", "Zoë")


def talk(seconds: float = 3600.0, *, speakers: int = 4, sentences: list[str] | None = None, seed: int = 7) -> Transcript:
    """People who take turns for so long, in about 10,000 words an hour, with all that a run can tell of itself."""
    rng = random.Random(seed)
    sentences = sentences or ENGLISH
    segments: list[Segment] = []
    turns: list[Turn] = []
    at, number = 0.4, 0
    while at < seconds - 12:
        speaker = NAMES[rng.choice([0, 0, 1, *range(speakers)])] if speakers else None
        began = at
        for _ in range(rng.randint(1, 4)):
            made = _sentence(rng, sentences[number % len(sentences)], at, speaker)
            number += 1
            segments.append(made)
            at = made.end + rng.choice([0.15, 0.3, 0.7])
        if speaker:
            turns.append(Turn(round(began, 3), segments[-1].end, speaker))
        at += rng.choice([-0.6, 0.2, 0.4, 1.1, 2.4])
    ledger = _ledger(rng, segments, seconds)
    found = len({turn.speaker for turn in turns})
    return transcript(
        *segments, source=Source("lighthouse-interview.mp3", seconds, "3fa9" * 16), language=Language("en", 0.987),
        turns=tuple(turns), ledger=ledger,
        run=RunInfo("faster-whisper", "small", "536b0662742c02347bc0e980a01041f333bce120", "cpu", "int8", "0.1.0",
                    options={"quality": "normal", "language": "en", "task": "transcribe", "beam_size": 1,
                             "initial_prompt": None, "hotwords": "lighthouse", "word_timestamps": True,
                             "batch_size": 4, "chunks": 5.0, "workers": 2, "threads": 1},
                    downgrades=("float16 cannot be computed on this CPU; int8 is used instead.",),
                    warnings=("2 windows could not be transcribed.",) if ledger else (), wall_seconds=seconds / 14,
                    cache=CacheUse(12, 108, 0), timeline=_timeline(seconds),
                    speakers=SpeakersInfo("onnx", "pyannote-segmentation-3.0", "1c1c", "cpu",
                                          {"speakers": None, "min_speakers": 2}, found) if found else None))


def _sentence(rng: random.Random, text: str, at: float, speaker: str | None) -> Segment:
    words = []
    start = at
    for part in text.split():
        length = 0.09 + 0.042 * len(part) + rng.random() * 0.08
        probability = min(1.0, rng.betavariate(9, 0.9) if rng.random() > 0.06 else rng.random() * 0.8)
        words.append(Word(round(at, 3), round(at + length, 3), f" {part}", round(probability, 3), speaker,
                          overlap=rng.random() < 0.015))
        at += length + (0.25 if part[-1] in ",.?!;:،؟" else 0.02)
    return Segment(start, words[-1].end, text, tuple(words), speaker)


def _ledger(rng: random.Random, segments: list[Segment], seconds: float) -> tuple[LedgerEntry, ...]:
    entries = [LedgerEntry(one.start, one.end, int(one.start // 30), "transcribed") for one in segments[::4]]
    entries += [LedgerEntry(at := rng.random() * seconds * 0.9, at + 1.2, int(at // 30), "empty",
                            "the engine heard no words (no speech probability 0.93)") for _ in range(4)]
    if seconds > 600:
        entries += [LedgerEntry(seconds * 0.42, seconds * 0.42 + 14.2, int(seconds * 0.42 // 30), "failed",
                                "a worker was killed twice on this window (signal 9: is there enough memory?)"),
                    LedgerEntry(seconds * 0.77, seconds * 0.77 + 9.8, int(seconds * 0.77 // 30), "failed",
                                "ValueError: <no frames> & nothing else")]
    return tuple(sorted(entries, key=lambda entry: entry.start))


def _timeline(seconds: float) -> tuple[TimelineEntry, ...]:
    windows = int(seconds // 30)
    entries = [TimelineEntry("prepare", 0.0, seconds, 0.0, 6.1),
               TimelineEntry("language", 0.0, 60.0, 6.2, 9.0, worker=0)]
    entries += [TimelineEntry("transcribe", 30.0 * index, 30.0 * index + 30, 6.1, 6.1, None, index, index, "found")
                for index in range(min(12, windows))]
    free = {0: 9.0, 1: 7.5}
    for batch in range(12, windows, 4):
        worker = min(free, key=lambda one: free[one])
        took = 7.5 + batch * 7 % 5
        lost = batch == 48
        entries += [TimelineEntry("transcribe", 30.0 * index, 30.0 * index + 30, free[worker], free[worker] + took, worker,
                                  index, batch, "lost" if lost else "done") for index in range(batch, min(batch + 4, windows))]
        free[worker] += took + (6 if lost else 0.1)
    done = max(free.values())
    for index in range(int(seconds // 300)):
        entries.append(TimelineEntry("diarize", 300.0 * index, 300.0 * index + 300, done + index // 2 * 6.0,
                                     done + index // 2 * 6.0 + 5.5, index % 2, index, index))
    entries.append(TimelineEntry("clustering", 0.0, seconds, done + 40, done + 43, 1))
    return tuple(entries)


def material(made: Transcript, *, new_voice: bool = False, url: str = "") -> Material:
    """What would have been measured: loud where somebody speaks, with a melody where that is asked for."""
    loud = _levels(made, 3)
    if not new_voice:
        return Material((Track(made.source.name, url, loud),))
    return Material((Track(made.source.name, url, loud, *_contours(made, 118.0, 5)),
                     Track("new voice (silero:xenia)", url, _levels(made, 4), *_contours(made, 205.0, 6))),
                    ("Pitch was measured with WORLD.",))


def _levels(made: Transcript, seed: int) -> tuple[int, ...]:
    rng = np.random.default_rng(seed)
    loud = np.full(math.ceil(made.source.duration / LEVEL_STEP), 4.0)
    for segment in made.segments:
        for word in segment.words or (segment,):
            first, last = int(word.start / LEVEL_STEP), int(word.end / LEVEL_STEP) + 1
            shape = np.sin(np.linspace(0.15, np.pi, last - first)) ** 0.7
            loud[first:last] = (70 + 120 * rng.random()) * shape[:len(loud[first:last])]
    return tuple(int(level) for level in np.clip(loud + rng.normal(0, 3, len(loud)), 0, 255))


def _contours(made: Transcript, hertz: float, seed: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
    rng = np.random.default_rng(seed)
    length = math.ceil(made.source.duration / CONTOUR_STEP)
    pitch, energy = np.zeros(length), np.full(length, -71.0) + rng.normal(0, 1.5, length)
    for segment in made.segments:
        for word in segment.words:
            first, last = int(word.start / CONTOUR_STEP), min(int(word.end / CONTOUR_STEP) + 1, length)
            fall = 1.25 - 0.4 * (word.start - segment.start) / max(segment.end - segment.start, 0.1)
            pitch[first:last] = hertz * fall * (1 + 0.12 * np.sin(np.linspace(0, 2.5, last - first)) + rng.normal(0, 0.02))
            energy[first:last] = -24 - 9 * rng.random() - 6 * np.linspace(-1, 1, last - first) ** 2
    return tuple(int(value) for value in pitch), tuple(float(round(value, 1)) for value in energy)


def voicing(made: Transcript) -> Voicing:
    """A new voice for it, with figures, and sentences that were not spoken."""
    entries = tuple(
        SentenceEntry(one.start, one.end, one.text, one.speaker, "silero:xenia",
                      "failed" if number == 3 else "skipped" if number == 5 else "spoken",
                      {3: "the voice gave no sound", 5: "nothing in it can be said"}.get(number, ""),
                      1.0 + number % 7 / 20, 0.0, ("The pace was capped at 1.6.",) if number % 40 == 1 else ())
        for number, one in enumerate(made.segments))
    return Voicing("track.f32", 44100, int(made.source.duration * 44100), 0.0,
                   {"Anna Petrova": Voice("silero", "xenia", ("ru",), "CC BY-NC 4.0", False, "female"),
                    "Boris": Voice("espeak", "en", ("en",), "GPL-3.0", True, "male")}, entries,
                   {"f0_rmse": 71.3, "f0_correlation": 0.962, "energy_correlation": 0.81, "overlap": 0.93,
                    "duration_error": 0.0, "voiced_frames": 41234.0, "wer_above_own": 0.021},
                   ("overlap with the original's speech is 0.93, not at least 0.95.",),
                   {"language": "en", "prosody": "normal", "stress": True, "keep_background": False},
                   ("One voice is not for commercial use.",))


def wav(seconds: float, hertz: float = 220.0, rate: int = 4000) -> bytes:
    """A tone as a WAV file."""
    tone = np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate) * 8000
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(tone.astype("<i2").tobytes())
    return file.getvalue()


def data_url(seconds: float, hertz: float = 220.0) -> str:
    return "data:audio/wav;base64," + base64.b64encode(wav(seconds, hertz)).decode("ascii")


def hostile(base: Transcript, segments: list[Segment], texts: tuple[str, ...]) -> Transcript:
    """The same with texts that are no texts, wherever a text can be."""
    run = replace(base.run, engine=texts[0], model=texts[1], revision=texts[2], device=texts[3], warnings=texts,
                  options={**base.run.options, **{text: text for text in texts}, "hotwords": texts[1], "nested": {"<i>": 1}},
                  downgrades=texts, timeline=tuple(
                      TimelineEntry(text, 0.0, 1.0, float(number), number + 1.0, number, number, number)
                      for number, text in enumerate(texts)),
                  speakers=SpeakersInfo(texts[4], texts[1], texts[2], texts[3], {texts[0]: texts[1]}, 2,
                                        {text: text for text in texts}, texts, failed=texts))
    ledger = tuple(LedgerEntry(number * 3.0, number * 3 + 1.0, number, "failed" if number % 2 else "empty", text)
                   for number, text in enumerate(texts))
    turns = tuple(Turn(one.start, one.end, one.speaker) for one in segments if one.speaker)
    return replace(base, source=Source("".join(texts[:5]), 120.0, texts[1]), language=Language(texts[2], 0.5),
                   segments=tuple(segments), ledger=ledger, run=run, turns=turns)


def hostile_voicing(base: Transcript, texts: tuple[str, ...]) -> Voicing:
    made = voicing(base)
    return replace(made, voices={text: Voice(text, text, (text,), text) for text in texts}, missed=texts, warnings=texts,
                   measures={text: 1.0 for text in texts}, options={text: text for text in texts},
                   sentences=tuple(replace(one, text=text, reason=text, notes=(text,), status="failed")
                                   for one, text in zip(made.sentences, texts, strict=False)))
