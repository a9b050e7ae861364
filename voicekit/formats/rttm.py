"""Who spoke when, in the format of the NIST Rich Transcription evaluations."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath

from voicekit.errors import UsageError
from voicekit.formats.base import Format, milliseconds, one_line
from voicekit.options import SubtitleOptions
from voicekit.types import Segment, Transcript, Turn

MERGE_GAP = 0.1
"""Seconds: a shorter pause between two segments of one speaker is not the end of a turn."""


class Rttm(Format):
    """``.rttm``: a ``SPEAKER`` line per turn, for scoring against a reference.

    The turns are those of the diarization, which overlap where several people spoke at once; in a transcript without
    them, those that the segments make. Fields are told apart by white space, so a name's spaces become ``_``.

    Examples
    --------
    >>> print(Rttm().render(transcript, SubtitleOptions()), end="")  # doctest: +SKIP
    SPEAKER interview 1 0.320 4.180 <NA> <NA> SPEAKER_00 <NA> <NA>
    """

    extension = "rttm"
    needs_speakers = True

    def render(self, transcript: Transcript, subtitles: SubtitleOptions) -> str:
        """See :meth:`Format.render`.

        Raises
        ------
        UsageError
            If there are segments, and nobody tried to tell their speakers apart. A recording in which nobody
            speaks gives an empty file.
        """
        found = sorted(transcript.turns, key=lambda turn: (turn.start, turn.end, turn.speaker))
        found = found or turns(transcript.segments)
        if transcript.segments and not found and transcript.run.speakers is None:
            raise UsageError("An rttm file says who spoke when, but this transcript has no speakers.",
                             "Ask for speakers as well, or choose another format.")
        name = _field(PurePath(transcript.source.name).stem, "audio")
        labels = _labels(found)
        lines = []
        for turn in found:
            start = milliseconds(turn.start)
            duration = milliseconds(turn.end) - start
            # A turn of no length is refused by scoring tools, and says nothing.
            if duration > 0:
                lines.append(f"SPEAKER {name} 1 {start / 1000:.3f} {duration / 1000:.3f} <NA> <NA> "
                             f"{labels[turn.speaker]} <NA> <NA>\n")
        return "".join(lines)


def _labels(found: Iterable[Turn]) -> dict[str, str]:
    """A field for each speaker, no two the same: "Ann Lee" and "Ann_Lee" may be two people."""
    speakers = list(dict.fromkeys(turn.speaker for turn in found))
    fields = {speaker: _field(speaker, "UNKNOWN") for speaker in speakers}
    taken = {speaker for speaker in speakers if fields[speaker] == speaker}  # these keep their names
    for speaker in speakers:
        if fields[speaker] == speaker:
            continue
        plain, number = fields[speaker], 2
        while fields[speaker] in taken:
            fields[speaker] = f"{plain}_{number}"
            number += 1
        taken.add(fields[speaker])
    return fields


def turns(segments: Iterable[Segment], gap: float = MERGE_GAP) -> list[Turn]:
    """The turns that segments make: neighbours of one speaker are joined.

    Parameters
    ----------
    segments : iterable of Segment
        In order of time; those without a speaker are left out.
    gap : float, optional
        Seconds; a pause shorter than this is bridged, also where the segments overlap.

    Examples
    --------
    >>> turns([Segment(0, 1, "Hello", speaker="A"), Segment(1.05, 2, "again.", speaker="A")])
    [Turn(start=0, end=2, speaker='A')]
    """
    found: list[Turn] = []
    for segment in segments:
        if not segment.speaker:
            continue
        last = found[-1] if found else None
        if last is not None and last.speaker == segment.speaker and segment.start - last.end < gap:
            found[-1] = Turn(min(last.start, segment.start), max(last.end, segment.end), last.speaker)
        else:
            found.append(Turn(segment.start, segment.end, segment.speaker))
    return found


def _field(text: str, fallback: str) -> str:
    # Fields are told apart by white space, and some readers (pandas) take a quotation mark for a bracket.
    return "_".join(one_line(text).replace('"', "'").split()) or fallback
