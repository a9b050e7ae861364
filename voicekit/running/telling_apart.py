"""Which engine tells speakers apart, where it runs, and who may be known: decided before anything is decoded.

``auto`` means: pyannote where it is installed and its model can be had, else the ONNX models, else the embedded
engine, which needs no hub. What is worse than the best is told loudly.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from voicekit import diarization, enrolment
from voicekit.errors import EngineMissingError, ModelError, UsageError, VoicekitError
from voicekit.options import RunOptions
from voicekit.planning import machine as machines
from voicekit.planning.machine import Machine
from voicekit.protocols import DiarizerAdapter, DiarizerSpec, ModelOnDisk
from voicekit.worker.transcribing import SLOT_DEVICE

log = logging.getLogger("voicekit")

EMBEDDED = "embedded"


@dataclass(frozen=True, slots=True)
class TellingApart:
    """What tells the speakers of a run apart.

    Attributes
    ----------
    adapter : DiarizerAdapter or None
        The engine; None where each channel is a speaker.
    spec : DiarizerSpec or None
        What workers load; None as above, and where the model is not on disk and was not to be fetched.
    device : str
        Where, for people and for names in the store.
    people : mapping of str to vector, or None
        By name, those who may speak; None where nobody asked.
    threshold : float
        How alike a voice must be to be that of one of them.
    notices, downgrades : tuple of str
        What the user should know; what is worse than asked for.
    """

    adapter: DiarizerAdapter | None
    spec: DiarizerSpec | None
    device: str
    people: Mapping[str, tuple[float, ...]] | None = None
    threshold: float = 1.0
    notices: tuple[str, ...] = ()
    downgrades: tuple[str, ...] = ()


def choose(options: RunOptions, slots: tuple[str, ...], machine: Machine, *,
           fetch: bool = True) -> TellingApart | None:
    """Choose the engine and find its model, downloading it where that is needed and allowed; None if nobody asked.

    Parameters
    ----------
    options : RunOptions
        As asked for.
    slots : tuple of str
        The devices of the workers.
    machine : Machine
        What there is.
    fetch : bool
        False leaves a missing model missing.

    Raises
    ------
    UsageError, EngineMissingError, ModelError, DeviceError
        With what to do about it.
    """
    asked = options.speakers
    if not asked.wanted or not options.store.does("diarize"):
        return None
    if asked.channels:
        return TellingApart(None, None, "cpu")
    people = enrolment.chosen(enrolment.default_folder(), asked.known) if asked.known is not None else None
    downgrades: tuple[str, ...] = ()
    if asked.engine == "auto":
        name, model, downgrades = _best(options, fetch)
    else:
        name, model = asked.engine, _find(asked.engine, options, fetch)
    adapter = diarization.adapter(name)
    device, notices = _device(adapter, options, slots, machine)
    spec = DiarizerSpec(name, model, device) if model is not None else None
    threshold = adapter.profile.alike if asked.known_threshold is None else asked.known_threshold
    known = None
    if people is not None and spec is not None:
        known = _voices(people, spec, notices)
    shown = slots[0] if device == SLOT_DEVICE else device
    return TellingApart(adapter, spec, shown, known, threshold, tuple(notices), downgrades)


def _find(name: str, options: RunOptions, fetch: bool) -> ModelOnDisk | None:
    diarization.require_installed(name)
    adapter, wanted = diarization.adapter(name), options.speakers.model
    model = adapter.find(wanted)
    if model is None and options.engine.offline:
        raise ModelError(f"The diarization model of {name} is not on disk, and --offline forbids fetching it.",
                         f"Run once with a network: voicekit models fetch {wanted or adapter.models()[0]} "
                         f"--engine {name}")
    if model is None and fetch:
        log.info("Fetching the diarization model of %s ...", name)
        model = adapter.fetch(wanted, options.speakers.token)
    return model


def _best(options: RunOptions, fetch: bool) -> tuple[str, ModelOnDisk | None, tuple[str, ...]]:
    """The first engine whose model can be had, and what is to be said where it is not the best."""
    reasons: list[str] = []
    for name in diarization.names():
        last = name == diarization.names()[-1]
        try:
            model = _find(name, options, fetch)
        except (EngineMissingError, ModelError) as error:
            if last:
                raise _nothing(error, reasons) from error
            reasons.append(error.message.rstrip("."))
            continue
        if model is None and not last:
            reasons.append(f"the model of {name} is not on disk")
            continue
        if name == EMBEDDED:
            return name, model, (
                f"No better diarization model could be had ({'; '.join(reasons)}). The embedded engine is taken: it "
                "hears one speaker at a time, and mixes up similar voices sooner. voicekit doctor says what the "
                "others need.",)
        return name, model, ()
    raise AssertionError("the last engine returns or raises")


def _nothing(error: VoicekitError, reasons: list[str]) -> VoicekitError:
    why = "; ".join((*reasons, error.message.rstrip(".")))
    return ModelError(f"Nothing can tell speakers apart here: {why}.", error.hint)


def _device(adapter: DiarizerAdapter, options: RunOptions, slots: tuple[str, ...],
            machine: Machine) -> tuple[str, list[str]]:
    """Where it runs: with the slot, where both have a GPU."""
    profile = adapter.profile
    if "cuda" not in profile.compute_types:
        return "cpu", []  # told by the engine's own name: there is no GPU build of it to be missed
    devices, notices = machines.plan_devices(options.engine, profile, machine, adapter.cuda_devices)
    if devices[0] != "cpu" and slots[0] != "cpu":
        return SLOT_DEVICE, list(notices)
    return devices[0], list(notices)


def _voices(people: tuple[enrolment.Person, ...], spec: DiarizerSpec,
            notices: list[str]) -> dict[str, tuple[float, ...]]:
    """How those who may speak sound to this engine.

    Raises
    ------
    UsageError
        If none of them was enrolled with it.
    """
    found = {}
    for person in people:
        heard = person.heard_by(spec.engine, spec.model.revision)
        if heard is not None:
            found[person.name] = heard.voice
        else:
            notices.append(f"{person.name} was enrolled with another engine or model, and cannot be recognised by "
                           f"{spec.engine}: voicekit speakers add {person.name} sample.wav --diarize {spec.engine}")
    if not found:
        raise UsageError(f"Nobody was enrolled with {spec.engine} and this model.",
                         f"Enrol with: voicekit speakers add NAME sample.wav --diarize {spec.engine}")
    return found
