"""Who speaks, and with which voice it is spoken again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from voicekit.options.steps import require
from voicekit.speakers import SpeakerBounds


MOST_SPEAKERS = 100
"""More than this is a mistake."""

CHANNELS = "channels"
"""The engine for which each channel is a speaker."""


@dataclass(frozen=True)
class SpeakerOptions:
    """How speakers are told apart.

    Attributes
    ----------
    diarize : str or None
        ``auto``, ``ENGINE`` or ``ENGINE:MODEL``; None, or ``off``, tells nobody apart.
    speakers, min_speakers, max_speakers : int or None
        How many there are, or may be; found out where nothing is said.
    names : tuple of str
        What to call them, in order of first speech; or ``LABEL=NAME`` for some of them.
    known : tuple of str or None
        Enrolled people who may speak; empty for all of them; None asks for nobody.
    known_threshold : float or None
        How alike a voice must be to be that of an enrolled person: a cosine; None is the engine's own.
    channels : bool
        Whether each channel is a speaker.
    token : str or None
        For a hub that asks who wants a model. Never written anywhere.
    """

    diarize: str | None = None
    speakers: int | None = None
    min_speakers: int | None = None
    max_speakers: int | None = None
    names: tuple[str, ...] = ()
    known: tuple[str, ...] | None = None
    known_threshold: float | None = None
    channels: bool = False
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.diarize == "off":
            object.__setattr__(self, "diarize", None)
        self._check_counts()
        require(self.known_threshold is None or -1 <= self.known_threshold <= 1,
                f"--known-threshold is a cosine between -1 and 1, not {self.known_threshold}.")
        require(self.known_threshold is None or self.known is not None,
                "--known-threshold says how alike voices must be, and no --known-speakers asks.",
                "Add --known-speakers all.")
        asked = [flag for flag, given in (
            ("--speakers", self.speakers), ("--min-speakers", self.min_speakers),
            ("--max-speakers", self.max_speakers), ("--speaker-names", self.names or None),
            ("--known-speakers", self.known)) if given is not None]
        require(self.wanted or not asked, f"{', '.join(asked)} says who may speak, and no --diarize asks.",
                "Add --diarize.")
        if self.channels:
            self._check_channels()
        given = [name.partition("=")[2] or name for name in self.names]
        require(all(given) and len(set(given)) == len(given),
                f"--speaker-names {','.join(self.names)} has an empty name, or one twice.",
                "For example --speaker-names Anna,Boris or --speaker-names SPEAKER_01=Boris")

    def _check_counts(self) -> None:
        for flag, count in (("--speakers", self.speakers), ("--min-speakers", self.min_speakers),
                            ("--max-speakers", self.max_speakers)):
            require(count is None or 1 <= count <= MOST_SPEAKERS,
                    f"{flag} must be from 1 to {MOST_SPEAKERS}, not {count}.",
                    "Leave it out, and the number is found out.")
        require(self.speakers is None or (self.min_speakers is None and self.max_speakers is None),
                "--speakers is the number itself, so --min-speakers and --max-speakers have nothing to say.",
                "Leave out --speakers, or the other two.")
        require(self.min_speakers is None or self.max_speakers is None or self.min_speakers <= self.max_speakers,
                f"--min-speakers {self.min_speakers} is more than --max-speakers {self.max_speakers}.")

    def _check_channels(self) -> None:
        require(self.diarize in (None, "auto"), "--channels-as-speakers needs no --diarize engine.",
                "Leave one of them out.")
        counts = (self.speakers, self.min_speakers, self.max_speakers)
        require(counts == (None, None, None), "With --channels-as-speakers there are as many speakers as channels.",
                "Leave out --speakers, --min-speakers and --max-speakers.")
        require(self.known is None, "--channels-as-speakers listens to no voices, so it knows nobody by his voice.",
                "Leave out --known-speakers; --speaker-names can name the channels.")

    @property
    def wanted(self) -> bool:
        """Whether speakers are to be told apart at all."""
        return self.channels or self.diarize is not None

    @property
    def bounds(self) -> SpeakerBounds:
        """How many there may be."""
        return SpeakerBounds(self.speakers or self.min_speakers, self.speakers or self.max_speakers)

    @property
    def engine(self) -> str:
        """The engine's name, ``auto`` or ``channels``."""
        return CHANNELS if self.channels else (self.diarize or "auto").partition(":")[0]

    @property
    def model(self) -> str | None:
        """What stands behind the engine's name."""
        return (self.diarize or "").partition(":")[2] or None


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
        require(self.voice is not None or not asked, f"{', '.join(asked)} says how to speak, and no --voice does.",
                "Add --voice, for example --voice espeak; voicekit voices list shows what there is.")
