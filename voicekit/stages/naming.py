"""From labels to names: as the user says, or as the voices tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from voicekit.speakers import Diarization
from voicekit.types import Turn

LABEL = "SPEAKER_{:02d}"
"""Who has no name: in order of first speech; where channels are speakers, in the order of these."""

UNKNOWN = "UNKNOWN_{:02d}"
"""Who is nobody of those that were asked for."""


@dataclass(frozen=True, slots=True)
class Names:
    """What the speakers of a recording are called.

    Attributes
    ----------
    names : mapping of str to str
        By label; who is not in it keeps the label.
    how : mapping of str to str
        By name, how the speaker got it.
    warnings : tuple of str
        What the user should know.
    """

    names: Mapping[str, str]
    how: Mapping[str, str]
    warnings: tuple[str, ...] = ()

    def turns(self, turns: Sequence[Turn]) -> tuple[Turn, ...]:
        """The same turns with names."""
        return tuple(Turn(turn.start, turn.end, self.names.get(turn.speaker, turn.speaker)) for turn in turns)


def similarity(first: Sequence[float], second: Sequence[float]) -> float:
    """The cosine between two vectors of length 1.

    Examples
    --------
    >>> similarity((0.6, 0.8), (1.0, 0.0))
    0.6
    """
    return sum(one * other for one, other in zip(first, second, strict=True))


def recognised(voices: Mapping[str, Sequence[float]], enrolled: Mapping[str, Sequence[float]],
               threshold: float) -> dict[str, tuple[str, float]]:
    """Which speaker is whom: the most similar pair first, everybody once, nobody below the threshold.

    Parameters
    ----------
    voices : mapping of str to vector
        By label, how each speaker sounds; length 1.
    enrolled : mapping of str to vector
        By name, how those sound who may speak; length 1.
    threshold : float
        The least cosine.

    Returns
    -------
    dict of str to (str, float)
        By label, the name and the similarity.

    Examples
    --------
    >>> recognised({"SPEAKER_00": (1.0, 0.0), "SPEAKER_01": (0.0, 1.0)}, {"Anna": (0.6, 0.8)}, 0.7)
    {'SPEAKER_01': ('Anna', 0.8)}
    """
    pairs = sorted((-similarity(voice, known), label, name)
                   for label, voice in voices.items() for name, known in enrolled.items())
    found: dict[str, tuple[str, float]] = {}
    for negative, label, name in pairs:
        taken = {one for one, _ in found.values()}
        if -negative >= threshold and label not in found and name not in taken:
            found[label] = (name, -negative)
    return found


def names_of(diarization: Diarization, given: Sequence[str], enrolled: Mapping[str, Sequence[float]] | None,
             threshold: float) -> Names:
    """What the speakers are called.

    Parameters
    ----------
    diarization : Diarization
        Labels in order of first speech, and voices.
    given : sequence of str
        Names in order of first speech, or ``LABEL=NAME``. They win over what the voices tell.
    enrolled : mapping of str to vector, or None
        By name, who may speak; None asks for nobody. Where somebody was asked for, whoever is none of them is called
        ``UNKNOWN_00`` and so on.
    threshold : float
        As for :func:`recognised`.
    """
    labels = sorted({turn.speaker for turn in diarization.turns})
    names, how, warnings = _given(labels, given)
    if enrolled is not None:
        open_voices = {label: voice for label, voice in diarization.voices.items() if label not in names}
        free = {name: voice for name, voice in enrolled.items() if name not in names.values()}
        for label, (name, cosine) in sorted(recognised(open_voices, free, threshold).items()):
            names[label], how[name] = name, f"voice, similarity {cosine:.3f}"
        unknown = [label for label in labels if label not in names]
        for number, label in enumerate(unknown):
            names[label] = UNKNOWN.format(number)
            alike = max(((similarity(diarization.voices[label], voice), name) for name, voice in free.items()),
                        default=None) if label in diarization.voices else None
            how[names[label]] = f"nobody who was asked for: the most similar is {alike[1]}, {alike[0]:.3f}" \
                if alike else "nobody who was asked for"
    return Names(names, how, tuple(warnings))


def _given(labels: Sequence[str], given: Sequence[str]) -> tuple[dict[str, str], dict[str, str], list[str]]:
    names: dict[str, str] = {}
    warnings: list[str] = []
    in_order = [one for one in given if "=" not in one]
    for number, name in enumerate(in_order):
        if (label := LABEL.format(number)) in labels:
            names[label] = name
    if len(in_order) > len(names):
        warnings.append(f"--speaker-names has {len(in_order)} names, and {len(labels)} "
                        f"speaker{'' if len(labels) == 1 else 's'} {'was' if len(labels) == 1 else 'were'} found.")
    for one in given:
        label, equals, name = one.partition("=")
        if equals and label not in labels:
            warnings.append(f"--speaker-names names {label}, and nobody of that label speaks.")
        elif equals:
            names[label] = name
    return names, {name: "--speaker-names" for name in names.values()}, warnings
