"""The voices that a run may need: found, fetched where they are missing, and their licences told."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Set
from dataclasses import dataclass

from voicekit import voices
from voicekit.errors import EngineMissingError, ModelError, UsageError
from voicekit.options import RunOptions
from voicekit.protocols import VoiceSpec
from voicekit.spoken import Voice


@dataclass(frozen=True, slots=True)
class Chosen:
    """What may speak.

    Attributes
    ----------
    given : mapping of str to VoiceSpec
        By label of the speaker, what was asked for.
    default : VoiceSpec
        For everybody else.
    others : tuple of VoiceSpec
        Further voices of the same engine and language, so that several speakers sound different.
    stress : bool
        Whether stressed vowels are marked.
    notices : tuple of str
        What the user should know.
    """

    given: Mapping[str, VoiceSpec]
    default: VoiceSpec
    others: tuple[VoiceSpec, ...]
    stress: bool
    notices: tuple[str, ...]


def check(options: RunOptions) -> tuple[str, ...]:
    """Before anything is decoded: whether the voices are known and installed, and what their licences forbid.

    Raises
    ------
    UsageError, EngineMissingError
        If one is not, or a package that any of them needs.
    """
    needed = {"num2words": True, "pyloudnorm": True, "pyworld": options.prosody != "fast",
              "jiwer": options.voicing.measure}
    missing = [name for name, wanted in needed.items() if wanted and importlib.util.find_spec(name) is None]
    if missing:
        raise EngineMissingError(f"To speak a recording again voicekit needs {', '.join(missing)}.",
                                 'In voicekit\'s folder run: pip install -e ".[revoice]"')
    asked = [text for text in (options.voicing.voice, *options.voicing.voices.values()) if text is not None]
    found = [voice for text in asked if (voice := voices.parse(text, options.language)) is not None]
    return tuple(dict.fromkeys(_licence(voice) for voice in found if not voice.commercial))


def specs(options: RunOptions, language: str, speakers: Set[str | None]) -> Chosen:
    """The voices for a recording in this language.

    Raises
    ------
    UsageError
        If a voice does not speak it; the hint lists those that do.
    ModelError
        If a voice's files can neither be found nor fetched.
    """
    voicing = options.voicing
    assert voicing.voice is not None
    unknown = sorted(set(voicing.voices) - {one for one in speakers if one})
    notices = [f"--voices names {label}, and nobody of that name speaks." for label in unknown]
    default = _voice(voicing.voice, language)
    given = {label: _voice(text, language) for label, text in voicing.voices.items() if label not in unknown}
    # Whoever named a voice wants that one, for everybody who is not given another.
    others = voices.others(default, language) if len(speakers) > 1 and ":" not in voicing.voice else ()
    stress = options.stress and voices.stresses(language)
    if options.stress and voices.may_stress(language) and not stress:
        notices.append("Stressed vowels are not marked: silero-stress is not installed. "
                       'In voicekit\'s folder run: pip install -e ".[silero]"')
    made = {voice: _spec(voice, offline=options.engine.offline) for voice in (default, *given.values(), *others)}
    asked = {voicing.voice: default, **{voicing.voices[label]: voice for label, voice in given.items()}}
    # Of a voice that was named, or whose language was known, it was told before anything was done.
    notices += dict.fromkeys(_licence(voice) for text, voice in asked.items()
                             if not voice.commercial and options.language is None and ":" not in text)
    return Chosen({label: made[voice] for label, voice in given.items()}, made[default],
                  tuple(made[voice] for voice in others), stress, tuple(notices))


def _voice(text: str, language: str) -> Voice:
    voice = voices.parse(text, language)
    if voice is None:
        raise UsageError(f"{text} has no voice for the language {language}.",
                         "voicekit voices list --language " + language + " shows those there are.")
    return voice


def _spec(voice: Voice, *, offline: bool) -> VoiceSpec:
    adapter = voices.adapter(voice.engine)
    model = adapter.find(voice)
    if model is None and offline:
        raise ModelError(f"The voice {voice.engine}:{voice.name} is not on disk, and --offline forbids to fetch it.",
                         "Run once without --offline, or choose another voice.")
    return VoiceSpec(voice, model or adapter.fetch(voice))


def _licence(voice: Voice) -> str:
    return (f"The voice {voice.engine}:{voice.name} has the licence {voice.licence}: what it speaks must not be used "
            "commercially.")
