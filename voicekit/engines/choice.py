"""Which engine and model a run uses, and what to tell the user about it.

``auto`` means: Russian goes to GigaAM where it is installed and its model can be had, everything else to
Whisper: on OpenVINO where that is faster, else on CTranslate2. With no Whisper model on disk and no hub,
English goes to PocketSphinx, loudly; any other language is an error that says how to fetch a model.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from voicekit import engines, processor
from voicekit.errors import ModelError, UsageError
from voicekit.options import RunOptions
from voicekit.protocols import EngineAdapter, EngineProfile, ModelOnDisk

log = logging.getLogger("voicekit")

WHISPER = "faster-whisper"
ON_CPU = "openvino"
RUSSIAN = "gigaam"
EMBEDDED = "pocketsphinx"

DevicesOf = Callable[[EngineAdapter], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine, its model, and the devices it would run on.

    Attributes
    ----------
    adapter : EngineAdapter
        The engine.
    model : ModelOnDisk or None
        None where it is not on disk and was not to be fetched (``explain``).
    model_name : str
        As asked for, or the preset's.
    devices : tuple of str
        ``cpu``, or ``cuda:0`` and so on.
    downgrades : tuple of str
        What is worse than asked for.
    """

    adapter: EngineAdapter
    model: ModelOnDisk | None
    model_name: str
    devices: tuple[str, ...]
    downgrades: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The engine's name."""
        return self.adapter.profile.name


def choose(options: RunOptions, devices_of: DevicesOf, *, fetch: bool = True) -> Choice:
    """Choose the engine and find its model, downloading it where that is needed and allowed.

    Parameters
    ----------
    options : RunOptions
        As asked for.
    devices_of : callable
        Which devices an engine would run on; may raise DeviceError.
    fetch : bool
        False leaves a missing model missing.

    Raises
    ------
    UsageError, EngineMissingError, ModelError, DeviceError
        With what to do about it.
    """
    name = options.engine.engine
    if name != "auto":
        _refuse(engines.adapter(name).profile, options)  # before anything is fetched for nothing
        engines.require_installed(name)
        return _check(_find(name, options, devices_of, fetch), options)
    if options.engine.model is not None:
        return _check(_find(_engine_of(options, devices_of), options, devices_of, fetch), options)
    if options.language == "ru" and (choice := russian(options, devices_of, fetch=fetch)):
        return choice
    try:
        return _check(_find(whisper(options, devices_of), options, devices_of, fetch), options)
    except ModelError as error:
        if options.language not in (None, "en") or options.task != "transcribe":
            raise
        return _embedded(error, options, devices_of)


def may_be_russian(options: RunOptions) -> bool:
    """Whether a recording that is found to be Russian may go to another engine."""
    asked = options.engine
    wanted = asked.engine == "auto" and asked.model is None and options.task == "transcribe"
    return wanted and engines.installed(RUSSIAN)


def russian(options: RunOptions, devices_of: DevicesOf, *, fetch: bool = True) -> Choice | None:
    """GigaAM, where ``--engine auto`` may use it and it can be had; else None."""
    if not may_be_russian(options):
        return None
    try:
        choice = _find(RUSSIAN, options, devices_of, fetch)
    except ModelError as error:
        log.info("Russian goes to Whisper: %s", error.message)
        return None
    return _check(choice, options) if choice.model is not None else None


def whisper(options: RunOptions, devices_of: DevicesOf) -> str:
    """The engine that runs Whisper fastest: OpenVINO on processors that multiply in 8 bits, else CTranslate2.

    Both read the same models.
    """
    asked = options.engine.compute_type
    if not engines.installed(ON_CPU) or devices_of(engines.adapter(WHISPER))[0] != "cpu":
        return WHISPER
    if asked != "auto" and asked not in engines.adapter(ON_CPU).profile.compute_types["cpu"]:
        return WHISPER
    fast = processor.multiplies_in_8_bits() or processor.multiplies_in_steps() and asked in ("auto", "int8")
    return ON_CPU if fast else WHISPER


def _engine_of(options: RunOptions, devices_of: DevicesOf) -> str:
    """Which engine a model's name belongs to; a path is a Whisper's, and so is a name that a Whisper has, too."""
    model = options.engine.model
    others = () if model in engines.adapter(WHISPER).models() else engines.names()
    for name in others:
        if model in engines.adapter(name).models():
            engines.require_installed(name)
            return name
    return whisper(options, devices_of)


def _find(name: str, options: RunOptions, devices_of: DevicesOf, fetch: bool) -> Choice:
    adapter = engines.adapter(name)
    devices = devices_of(adapter)
    kind = devices[0].partition(":")[0]
    model_name = options.engine.model or adapter.default_model(options.quality, kind)
    model = adapter.find(model_name)
    if model is None and options.engine.offline:
        raise ModelError(f"The {name} model {model_name} is not on disk, and --offline forbids fetching it.",
                         f"Run once with a network: voicekit models fetch {model_name} --engine {name}")
    if model is None and fetch:
        log.info("Fetching the %s model %s ...", name, model_name)
        model = adapter.fetch(model_name)
    return Choice(adapter, model, model_name, devices)


def _embedded(why: ModelError, options: RunOptions, devices_of: DevicesOf) -> Choice:
    """PocketSphinx, and a notice that cannot be missed."""
    wanted = engines.adapter(WHISPER).default_model(options.quality, "cpu")
    choice = _find(EMBEDDED, options, lambda adapter: ("cpu",), fetch=True)
    devices_of(choice.adapter)  # --device cuda stays an error
    notices = [
        f"No Whisper model could be had ({why.message.rstrip('.')}). Using the built-in PocketSphinx instead: "
        f"English only, without punctuation, and with many words wrong (one in ten of clear read speech, eight in "
        f"ten of a telephone call). For real results fetch a model where there is a network, once: "
        f"voicekit models fetch {wanted}"]
    if options.language is None:
        notices.append("The language was not detected, English is assumed: PocketSphinx knows no other.")
    return Choice(choice.adapter, choice.model, choice.model_name, ("cpu",), tuple(notices))


def _check(choice: Choice, options: RunOptions) -> Choice:
    """Refuse what the engine cannot do; tell what it does not use."""
    profile = choice.adapter.profile
    _refuse(profile, options)
    asked = {"--beam-size": ("beam_size", options.beam_size), "--hotwords": ("hotwords", options.hotwords),
             "--initial-prompt": ("initial_prompt", options.initial_prompt)}
    notices = tuple(f"{profile.name} does not use {flag}." for flag, (name, value) in asked.items()
                    if value is not None and name not in profile.supports)
    return Choice(choice.adapter, choice.model, choice.model_name, choice.devices, choice.downgrades + notices)


def _refuse(profile: EngineProfile, options: RunOptions) -> None:
    if options.task == "translate" and "translate" not in profile.supports:
        raise UsageError(f"{profile.name} cannot translate.", "Use --engine faster-whisper.")
    if options.language and profile.languages is not None and options.language not in profile.languages:
        raise UsageError(f"{profile.name} does not know the language {options.language!r}.",
                         f"It knows: {', '.join(sorted(profile.languages))}. "
                         f"Use --engine faster-whisper for others.")
