"""Every option, its default and its limits: one frozen dataclass per stage.

The command line reads its defaults from here, so the library and the commands cannot differ.
An option that is None is filled in from the quality preset, or from what the machine offers.
(No ``slots`` here: ``PlanOptions.chunks`` is then the default itself.)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from voicekit.errors import UsageError
from voicekit.languages import language_code

Quality = Literal["fast", "normal", "high"]
Task = Literal["transcribe", "translate"]
Stage = Literal["plan", "transcribe", "speak", "write"]

STAGES: tuple[Stage, ...] = ("plan", "transcribe", "speak", "write")
"""In order: decode and find speech; words; the words in another voice, where that is asked for; files."""

COMPUTE_TYPES = ("auto", "int8", "int8_float16", "int8_float32", "int8_bfloat16",
                 "float16", "bfloat16", "float32")


@dataclass(frozen=True, slots=True)
class Preset:
    """What a quality level means, for every step that asks.

    Attributes
    ----------
    model_cpu, model_gpu : str
        Whisper's model on either kind of device.
    beam_size : int
        Hypotheses kept while decoding; 1 is greedy.
    word_timestamps : bool
        Whether every word gets its own times.
    stress, prosody : bool
        For re-voicing: mark stressed vowels; carry the original's melody over.
    """

    model_cpu: str
    model_gpu: str
    beam_size: int
    word_timestamps: bool
    stress: bool
    prosody: bool


PRESETS: Mapping[str, Preset] = MappingProxyType({
    #               on a CPU  on a GPU          beam  words  stress prosody
    "fast": Preset("base", "base", 1, False, False, False),
    "normal": Preset("small", "small", 1, True, True, True),
    "high": Preset("medium", "large-v3-turbo", 5, True, True, True),
})


MOST_WORKERS = 1024


def _require(condition: bool, message: str, hint: str = "") -> None:
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
        _require(math.isfinite(self.chunks) and self.chunks > 0,
                 f"--chunks must be a positive number of minutes, not {self.chunks:g}.",
                 "For example --chunks 5, or --chunks 0.5 for half a minute.")
        _require(self.workers is None or self.workers >= 1,
                 f"--workers must be at least 1, not {self.workers}.",
                 "Leave it out, or say auto, to let voicekit choose.")
        _require(self.workers is None or self.workers <= MOST_WORKERS,
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
        Windows decoded together; None is 16 on a GPU and 4 on a CPU.
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
        _require(self.compute_type in COMPUTE_TYPES,
                 f"Unknown compute type {self.compute_type!r}.",
                 f"Choose one of: {', '.join(COMPUTE_TYPES)}.")
        _require(self.batch_size is None or self.batch_size >= 1,
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
        _require(self.task in ("transcribe", "translate"),
                 f"Unknown task {self.task!r}.", "Choose transcribe or translate.")
        _require(self.beam_size >= 1, f"--beam-size must be at least 1, not {self.beam_size}.")


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
            _require(stage is None or stage in STAGES, f"{flag} {stage} is no stage.",
                     f"Choose one of: {', '.join(STAGES)}.")
        _require(self.since is None or STAGES.index(self.since) <= STAGES.index(self.until),
                 f"--from {self.since} comes after --until {self.until}.", f"The order is: {', '.join(STAGES)}.")
        _require(self.enabled or (self.since in (None, "plan") and self.until == "write"),
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
            _require(value is None or value >= 1,
                     f"--{name.replace('_', '-')} must be at least 1, not {value}.")


@dataclass(frozen=True)
class VoicingOptions:
    """How a recording is spoken again.

    Attributes
    ----------
    voice : str or None
        ``ENGINE`` or ``ENGINE:NAME``; None speaks nothing.
    voices : mapping of str to str
        The same by label of the speaker, for those who get another voice.
    stress, prosody : bool or None
        Whether stressed vowels are marked, and the original's melody, loudness and pace carried over; the preset's
        if None.
    keep_background : bool
        Whether the original is heard where nobody speaks.
    measure : bool
        Whether the result is compared with the original, and transcribed again.
    gate : bool
        Whether a result that misses the targets is a failure.
    """

    voice: str | None = None
    voices: Mapping[str, str] = field(default_factory=dict)
    stress: bool | None = None
    prosody: bool | None = None
    keep_background: bool = False
    measure: bool = False
    gate: bool = False

    def __post_init__(self) -> None:
        asked = [flag for flag, given in (
            ("--voices", self.voices), ("--keep-background", self.keep_background), ("--gate", self.gate),
            ("--stress", self.stress is not None), ("--prosody", self.prosody is not None)) if given]
        _require(self.voice is not None or not asked, f"{', '.join(asked)} says how to speak, and no --voice does.",
                 "Add --voice, for example --voice espeak; voicekit voices list shows what there is.")


@dataclass(frozen=True)
class RunOptions:
    """Everything one run of the main job is asked for.

    ``beam_size`` and ``word_timestamps`` are None where the quality preset decides. ``max_duration`` is
    in seconds: a file that decodes to more is refused. ``hang_after`` is how many times its own length
    audio may take before its worker is taken to hang; None tells it from the work so far.
    """

    quality: Quality = "normal"
    plan: PlanOptions = field(default_factory=PlanOptions)
    engine: EngineOptions = field(default_factory=EngineOptions)
    language: str | None = None
    task: Task = "transcribe"
    beam_size: int | None = None
    initial_prompt: str | None = None
    hotwords: str | None = None
    word_timestamps: bool | None = None
    temp_dir: str | None = None
    store: StoreOptions = field(default_factory=StoreOptions)
    voicing: VoicingOptions = field(default_factory=VoicingOptions)
    max_duration: float = 24 * 3600.0
    hang_after: float | None = None

    def __post_init__(self) -> None:
        _require(self.quality in PRESETS, f"Unknown quality {self.quality!r}.",
                 f"Choose one of: {', '.join(PRESETS)}.")
        if self.language is not None:
            object.__setattr__(self, "language", language_code(self.language))  # "Russian" is "ru"
        _require(self.max_duration > 0,
                 f"--max-duration must be more than 0 hours, not {self.max_duration / 3600:g}.")
        _require(self.hang_after is None or self.hang_after > 0,
                 f"--hang-after must be more than 0, not {self.hang_after}.")
        _require(self.voicing.voice is not None or "speak" not in (self.store.since, self.store.until),
                 "The stage speak is there only with --voice.", "Add --voice, or choose another stage.")
        _require(self.voicing.voice is None or self.task == "transcribe",
                 "What is translated is not spoken again yet.", "Leave out --task translate, or --voice.")
        self.decoding()  # a bad combination is found now, not in a worker

    @property
    def preset(self) -> Preset:
        """The row of the table that ``quality`` names."""
        return PRESETS[self.quality]

    @property
    def stress(self) -> bool:
        """Whether stressed vowels are marked, with the preset filled in."""
        return self.preset.stress if self.voicing.stress is None else self.voicing.stress

    @property
    def prosody(self) -> Quality:
        """How much of the original's prosody is carried over: the preset, or ``fast`` for its times only."""
        wanted = self.preset.prosody if self.voicing.prosody is None else self.voicing.prosody
        if not wanted:
            return "fast"
        return "normal" if self.quality == "fast" else self.quality

    @property
    def _word_times(self) -> bool:
        if self.word_timestamps is not None:
            return self.word_timestamps
        # A melody is carried over word by word.
        return self.preset.word_timestamps or (self.voicing.voice is not None and self.prosody != "fast")

    def decoding(self, language: str | None = None) -> DecodingOptions:
        """What the engine is asked for, with the preset filled in.

        Parameters
        ----------
        language : str, optional
            The detected language, where none was given.
        """
        preset = self.preset
        return DecodingOptions(
            language=self.language or language,
            task=self.task,
            beam_size=preset.beam_size if self.beam_size is None else self.beam_size,
            initial_prompt=self.initial_prompt,
            hotwords=self.hotwords,
            word_timestamps=self._word_times,
        )
