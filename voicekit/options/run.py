"""Everything one run of the main job is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

from voicekit.languages import language_code
from voicekit.options.presets import PRESETS, Preset, Quality, Task
from voicekit.options.speakers import SpeakerOptions, VoicingOptions
from voicekit.options.steps import DecodingOptions, EngineOptions, PlanOptions, StoreOptions, require


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
    speakers: SpeakerOptions = field(default_factory=SpeakerOptions)
    voicing: VoicingOptions = field(default_factory=VoicingOptions)
    max_duration: float = 24 * 3600.0
    hang_after: float | None = None

    def __post_init__(self) -> None:
        require(self.quality in PRESETS, f"Unknown quality {self.quality!r}.",
                f"Choose one of: {', '.join(PRESETS)}.")
        if self.language is not None:
            object.__setattr__(self, "language", language_code(self.language))  # "Russian" is "ru"
        require(self.max_duration > 0,
                f"--max-duration must be more than 0 hours, not {self.max_duration / 3600:g}.")
        require(self.hang_after is None or self.hang_after > 0,
                f"--hang-after must be more than 0, not {self.hang_after}.")
        require(self.voicing.voice is not None or "speak" not in (self.store.since, self.store.until),
                "The stage speak is there only with --voice.", "Add --voice, or choose another stage.")
        require(self.speakers.wanted or "diarize" not in (self.store.since, self.store.until),
                "The stage diarize is there only with --diarize.", "Add --diarize, or choose another stage.")
        require(self.voicing.voice is None or self.task == "transcribe",
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
        # Speakers are told apart, and a melody is carried over, word by word.
        return (self.preset.word_timestamps or self.speakers.wanted
                or (self.voicing.voice is not None and self.prosody != "fast"))

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
