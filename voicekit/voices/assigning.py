"""Who gets which voice, where several speak: one each, near in height to the speaker's own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from voicekit.spoken import Register, Voice

BORDER = math.log(165.0)
"""Mean log-F0 between men, who speak at about 120 Hz, and women, at about 210 Hz."""


def assign(speakers: Mapping[str, Register | None], given: Mapping[str, Voice], default: Voice,
           others: Sequence[Voice] = ()) -> dict[str, Voice]:
    """A voice for each speaker.

    Whoever is given a voice has it. The rest, in order of their labels, get voices of their own from ``default``
    and ``others``: of the gender that the pitch tells, while there are any; then any that is free; then, when all are
    taken, those that fewest have. A single speaker has the default whatever the pitch: it was asked for.

    Parameters
    ----------
    speakers : mapping of str to (Register or None)
        How high each speaker speaks, where it is known.
    given : mapping of str to Voice
        What was asked for, by speaker.
    default : Voice
        For a single speaker, and the first choice where its gender fits.
    others : sequence of Voice
        More voices, the best first.

    Examples
    --------
    >>> low, high = Voice("e", "m", ("ru",), "", gender="male"), Voice("e", "f", ("ru",), "", gender="female")
    >>> cast = assign({"A": Register(5.4, 0.1), "B": Register(4.7, 0.1)}, {}, low, [high])
    >>> cast["A"].name, cast["B"].name
    ('f', 'm')
    """
    chosen = {label: given[label] for label in speakers if label in given}
    rest = sorted(label for label in speakers if label not in given)
    pool = list(dict.fromkeys([default, *others]))
    if len(speakers) < 2 or len(pool) < 2:
        return chosen | dict.fromkeys(rest, default)
    uses = {voice: list(chosen.values()).count(voice) for voice in pool}
    # Those whose height is known choose first: the others can take any voice.
    for label in sorted(rest, key=lambda each: (speakers[each] is None, each)):
        wanted = _gender(speakers[label])
        voice = min(pool, key=lambda each: (uses[each], _misfit(each, wanted), pool.index(each)))
        uses[voice] += 1
        chosen[label] = voice
    return {label: chosen[label] for label in speakers}


def _gender(register: Register | None) -> str:
    if register is None:
        return ""
    return "female" if register.mean > BORDER else "male"


def _misfit(voice: Voice, wanted: str) -> int:
    """0 for the right gender, 1 where one of them is not known, 2 for the wrong one."""
    if not wanted or not voice.gender:
        return 1
    return 0 if voice.gender == wanted else 2
