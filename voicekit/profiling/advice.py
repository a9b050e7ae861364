"""What would help, told from the figures of a profile."""

from __future__ import annotations

from dataclasses import dataclass

from voicekit.profiling.accounting import OTHER, PROFILING, START_UP
from voicekit.profiling.steps import DECODE, LOAD
from voicekit.profiling.summary import ComponentLine, Summary
from voicekit.profiling.switch import PREPARE

WORTH = 0.05
"""The share of the wall time from which on it is said what would help."""

IDLE_WORTH = 0.15
"""The same for the share of the workers' lives that they wait."""

BUSY_THREADS = 0.65
"""From this share of its threads on, a model is said to use them."""

_MODEL = ("model", "features", "encoder", "decoder", "decoder again")
"""Steps in which a model that recognises speech computes."""

_STORE = ("look up", "keep", "name the results", "hash")

_MORE = "Give more recordings to one run, for its workers stay; or take fewer --workers."

_FIXED = {
    (PREPARE, DECODE):
        "Recordings are decoded by one thread, ahead of the workers; only the first is waited for. wav and flac are "
        "decoded sooner than compressed sound and video.",
    (PREPARE, "find speech"):
        "Speech is found by one thread, ahead of the workers; only that of the first recording is waited for. With a "
        "cache it is found once only.",
    ("diarize", "model"):
        "--diarize embedded is the quickest engine; with pyannote a GPU helps most.",
    ("clustering", "cluster"):
        "Clustering is done once, by one worker, and grows faster than the recording is long.",
    ("speak", "synthesize"):
        "The voice itself: espeak is the quickest.",
    ("speak", "follow the original"):
        "--no-prosody, or --quality fast, leaves melody and loudness to the voice.",
    ("measures", "hear both"):
        "The new voice is compared with the original for --gate and for a report; without both it is not.",
    (START_UP, "program"):
        "Python and its libraries start once for all recordings of a run.",
}


@dataclass(frozen=True, slots=True)
class Advice:
    """What would help with what. ``about`` is a component's name, or ``waiting``."""

    about: str
    text: str


def advice(summary: Summary) -> tuple[Advice, ...]:
    """What would help, the slowest first; nothing about what is not worth it."""
    found = [Advice(one.name, text) for one in summary.components
             if one.share >= WORTH and (text := _about(one, summary)) is not None]
    waiting = _waiting(summary)
    return (*found, *([Advice("waiting", waiting)] if waiting else []))


def slowest(summary: Summary) -> ComponentLine | None:
    """The component that takes the largest share of the wall time."""
    return max(summary.components, key=lambda one: one.wall, default=None)


def _about(one: ComponentLine, summary: Summary) -> str | None:
    lives = sum(process.life for process in summary.workers)
    if (one.stage, one.step) in _FIXED:
        return _FIXED[one.stage, one.step]
    if one.step == LOAD:
        return (f"A model was loaded {_times(one.calls)}, {one.seconds / max(one.calls, 1):.1f} s each"
                + (f", {one.seconds / lives:.0%} of the workers' time. " if lives else ". ") + _MORE)
    if one.stage == START_UP:
        return f"A worker was started {_times(one.calls)}, {one.seconds / max(one.calls, 1):.1f} s each. {_MORE}"
    if one.step in _STORE:
        return ("Looking up and keeping results: --cache on a faster disk, or --no-cache where nothing has to be "
                "taken up again.")
    if one.step in _MODEL:
        return _model(one, summary)
    if one.step == "word times":
        return "Times for every word: --no-word-timestamps leaves them out, as --quality fast does."
    if one.step == "write":
        return "Writing files: fewer --formats, or a faster disk."
    if one.stage == PROFILING or one.step == OTHER:
        return "No step says what this is: see the functions of its stage."
    return None


def _model(one: ComponentLine, summary: Summary) -> str:
    on_gpu = [process for process in summary.workers if process.device.startswith("cuda")]
    if on_gpu:
        full = max((process.gpu_memory or 0 for process in on_gpu), default=0)
        held = f" ({full / 1e9:.1f} GB of its memory were in use)" if full else ""
        return f"The model on the GPU{held}: a larger --batch-size while its memory lasts, or a smaller --model."
    threads = max((process.threads for process in summary.workers), default=1)
    busy = one.cpu / one.seconds if one.seconds else 0.0
    if busy < BUSY_THREADS * threads:
        return (f"{busy:.1f} of a worker's {threads} threads were busy: the model waits for memory, or for cores "
                "that others use. Fewer --workers, a larger --batch-size, or a machine with nothing else to do.")
    return (f"The model computes with the threads that it has ({busy:.1f} of {threads} busy): a smaller --model or "
            "--quality fast, more cores, or a GPU.")


def _waiting(summary: Summary) -> str | None:
    workers = summary.workers
    lives, waiting = sum(one.life for one in workers), sum(one.waiting for one in workers)
    if not lives or waiting / lives < IDLE_WORTH:
        return None
    told = f"Workers waited {waiting:.1f} s, {waiting / lives:.0%} of their time. "
    at_end = min(one.waiting_end for one in workers)
    uneven = sum(one.waiting_end - at_end for one in workers)
    if at_end * len(workers) >= 0.5 * waiting:
        return told + "Most of that at the end, while the files were put together and written."
    if uneven >= 0.5 * waiting:
        return told + (f"For {uneven:.1f} s some had nothing left while others still worked: smaller --chunks divide "
                       "the work more evenly; fewer --workers cost less.")
    return told + ("Most of that between their pieces: they waited for decoding, or for what is done once for a "
                   "recording.")


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"
