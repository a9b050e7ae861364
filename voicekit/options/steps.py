"""How the work is divided, recognised, kept and written: one frozen dataclass per step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from voicekit.errors import UsageError
from voicekit.options.presets import Task

Stage = Literal["plan", "transcribe", "diarize", "speak", "write"]

STAGES: tuple[Stage, ...] = ("plan", "transcribe", "diarize", "speak", "write")
"""In order: decode and find speech; words; who speaks, and the words in another voice, where these are asked for;
files."""

COMPUTE_TYPES = ("auto", "int8", "int8_float16", "int8_float32", "int8_bfloat16",
                 "float16", "bfloat16", "float32")

MOST_WORKERS = 1024


def require(condition: bool, message: str, hint: str = "") -> None:
    """Refuse what cannot be meant."""
    if not condition:
        raise UsageError(message, hint)


@dataclass(frozen=True)
class PlanOptions:
    """How the work is divided. Speed only: the words never depend on it.

    Attributes
    ----------
    chunks : float
        About how many minutes of audio a worker takes at a time.
    workers : int or None
        Worker processes; None lets the machine decide.
    """

    chunks: float = 5.0
    workers: int | None = None

    def __post_init__(self) -> None:
        require(math.isfinite(self.chunks) and self.chunks > 0,
                f"--chunks must be a positive number of minutes, not {self.chunks:g}.",
                "For example --chunks 5, or --chunks 0.5 for half a minute.")
        require(self.workers is None or self.workers >= 1,
                f"--workers must be at least 1, not {self.workers}.",
                "Leave it out, or say auto, to let voicekit choose.")
        require(self.workers is None or self.workers <= MOST_WORKERS,
                f"--workers must be at most {MOST_WORKERS}, not {self.workers}.",
                "More workers than cores are not faster.")


@dataclass(frozen=True)
class EngineOptions:
    """Which engine and model, and where they run.

    Attributes
    ----------
    engine : str
        A name from the registry, or ``auto``.
    model : str or None
        A model's name, or the path of its folder or file; None takes the preset's.
    device : str
        ``auto``, ``cpu``, ``cuda``, or ``cuda:0,1`` for certain GPUs.
    compute_type : str
        Precision; ``auto`` is float16 on a GPU and int8 on a CPU.
    batch_size : int or None
        Windows decoded together; None is 16 on a GPU, on a CPU what the engine says: 4, with openvino 16 or 8.
    offline : bool
        Never ask a model hub.
    """

    engine: str = "auto"
    model: str | None = None
    device: str = "auto"
    compute_type: str = "auto"
    batch_size: int | None = None
    offline: bool = False

    def __post_init__(self) -> None:
        require(self.compute_type in COMPUTE_TYPES,
                f"Unknown compute type {self.compute_type!r}.",
                f"Choose one of: {', '.join(COMPUTE_TYPES)}.")
        require(self.batch_size is None or self.batch_size >= 1,
                f"--batch-size must be at least 1, not {self.batch_size}.")


@dataclass(frozen=True)
class DecodingOptions:
    """What an engine is asked to do with a window. Exactly these decide the words.

    Attributes
    ----------
    language : str or None
        Language code; in a worker always set.
    task : {"transcribe", "translate"}
        ``translate`` means into English.
    beam_size : int
        Hypotheses kept while decoding; 1 is greedy.
    initial_prompt : str or None
        Text that the recording is taken to follow, before every window.
    hotwords : str or None
        Words to expect.
    word_timestamps : bool
        Whether every word gets its own times.
    """

    language: str | None = None
    task: Task = "transcribe"
    beam_size: int = 1
    initial_prompt: str | None = None
    hotwords: str | None = None
    word_timestamps: bool = True

    def __post_init__(self) -> None:
        require(self.task in ("transcribe", "translate"),
                f"Unknown task {self.task!r}.", "Choose transcribe or translate.")
        require(self.beam_size >= 1, f"--beam-size must be at least 1, not {self.beam_size}.")


@dataclass(frozen=True)
class StoreOptions:
    """What is kept between runs, and which stages a run does.

    Attributes
    ----------
    folder : str or None
        Where results are kept; None is what ``VOICEKIT_CACHE`` names, or the user's cache folder.
    enabled : bool
        Whether anything is kept at all.
    since : str or None
        One of :data:`STAGES`: it and those after it are done again, those before it must have been done.
    until : str
        One of :data:`STAGES`: the last to do.
    """

    folder: str | None = None
    enabled: bool = True
    since: Stage | None = None
    until: Stage = "write"

    def __post_init__(self) -> None:
        for flag, stage in (("--from", self.since), ("--until", self.until)):
            require(stage is None or stage in STAGES, f"{flag} {stage} is no stage.",
                    f"Choose one of: {', '.join(STAGES)}.")
        require(self.since is None or STAGES.index(self.since) <= STAGES.index(self.until),
                f"--from {self.since} comes after --until {self.until}.", f"The order is: {', '.join(STAGES)}.")
        require(self.enabled or (self.since in (None, "plan") and self.until == "write"),
                "--from and --until need the cache, for what other stages made or will need lies there.",
                "Leave out --no-cache.")

    def may_read(self, stage: Stage) -> bool:
        """Whether what an earlier run made in this stage is taken."""
        return self.since is None or STAGES.index(stage) < STAGES.index(self.since)

    def must_find(self, stage: Stage) -> bool:
        """Whether this stage is not to be done, so that it must have been done before."""
        return self.since is not None and self.may_read(stage)

    def does(self, stage: Stage) -> bool:
        """Whether the run goes as far as this stage."""
        return STAGES.index(stage) <= STAGES.index(self.until)


@dataclass(frozen=True)
class SubtitleOptions:
    """How subtitles are broken into lines; None means no limit.

    Attributes
    ----------
    max_line_width : int or None
        Characters in a line.
    max_line_count : int or None
        Lines shown at once.
    max_words_per_line : int or None
        Words in a line.
    """

    max_line_width: int | None = None
    max_line_count: int | None = None
    max_words_per_line: int | None = None

    def __post_init__(self) -> None:
        for name in ("max_line_width", "max_line_count", "max_words_per_line"):
            value = getattr(self, name)
            require(value is None or value >= 1,
                    f"--{name.replace('_', '-')} must be at least 1, not {value}.")
