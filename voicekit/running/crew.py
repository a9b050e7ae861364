"""An engine with its model, and how this machine is divided for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from voicekit.engines import choice as engine_choice
from voicekit.engines.choice import Choice, DevicesOf
from voicekit.errors import VoicekitError
from voicekit.options import RunOptions
from voicekit.planning import chunks as chunking
from voicekit.planning import machine as machines
from voicekit.planning.machine import Machine, MachinePlan
from voicekit.protocols import EngineAdapter, EngineSpec
from voicekit.types import Window
from voicekit.worker.transcribing import SLOT_DEVICE


FEWEST = 4
"""Windows that are worth a batch of their own while it is not known how many there will be."""


@dataclass(frozen=True, slots=True)
class Crew:
    """An engine with its model, and how the machine is divided for it."""

    choice: Choice
    plan: MachinePlan
    spec: EngineSpec | None

    @property
    def window(self) -> float:
        """Seconds that a window may last."""
        return self.choice.adapter.profile.max_window

    @property
    def any_batch(self) -> bool:
        """Whether a window gets the same result whatever is decoded beside it."""
        return self.plan.devices[0] == "cpu" and self.plan.compute_type in self.choice.adapter.profile.any_batch

    @property
    def early_batch(self) -> int:
        """Windows in a batch that is handed out before all of a recording is known.

        What is left then is divided evenly, so what is begun must not keep one worker long; nor be so little that
        its worker reads the weights for hardly anything.
        """
        size = self.plan.batch_size
        return max(size // self.plan.workers, min(size, FEWEST)) if self.any_batch else size

    @property
    def ample(self) -> float:
        """Seconds of sound that give every worker a full batch, and another to follow, however short the files."""
        return 2 * self.plan.workers * self.plan.batch_size * self.window if self.any_batch else 0.0

    def divided(self, windows: Sequence[Window], begun: Sequence[float] = ()) -> Sequence[tuple[Window, ...]]:
        """What is decoded together: as many as the batch holds, or so that workers end together where words allow.

        `begun` is how many windows some of the workers are still on.
        """
        plan = self.plan
        if self.any_batch:
            return chunking.even_batches(windows, plan.batch_size, plan.workers, begun)
        return chunking.plan_batches(windows, plan.batch_size)

    @property
    def placed(self) -> EngineSpec:
        """The engine where the first worker runs it: what names results in the store."""
        assert self.spec is not None
        device = self.plan.devices[0] if self.spec.device == SLOT_DEVICE else self.spec.device
        return dataclasses.replace(self.spec, device=device)


def hire(choice: Choice, options: RunOptions, machine: Machine, warnings: Sequence[str] = ()) -> Crew:
    """Plan workers, threads, batch and precision for an engine."""
    size = choice.model.bytes if choice.model else 0
    decoding = options.decoding()
    plan = machines.plan_machine(options.engine, options.plan.workers, choice.adapter.profile, size, machine,
                                 choice.devices, decoding.beam_size)
    plan = dataclasses.replace(plan, warnings=(*warnings, *plan.warnings))
    spec = None
    if choice.model is not None:
        spec = EngineSpec(choice.name, choice.model, SLOT_DEVICE, plan.compute_type, plan.threads,
                          decoding.word_timestamps)
    return Crew(choice, plan, spec)


def choose_crew(options: RunOptions, machine: Machine, *, fetch: bool = True) -> Crew:
    """Engine, model and division of labour for a run, before anything is decoded."""
    warnings: list[str] = []
    devices = devices_for(options, machine, warnings)
    return hire(engine_choice.choose(options, devices, fetch=fetch), options, machine, warnings)


def devices_for(options: RunOptions, machine: Machine, warnings: list[str]) -> DevicesOf:
    def devices_of(adapter: EngineAdapter) -> tuple[str, ...]:
        devices, notices = machines.plan_devices(options.engine, adapter.profile, machine, adapter.cuda_devices)
        warnings[:] = notices
        return devices

    return devices_of


def russian_crew(options: RunOptions, stays: Callable[[VoicekitError], None]) -> Crew | None:
    """GigaAM for recordings found to be Russian, in the workers that there are.

    None where it cannot be had; `stays` gets the error if it is one of a precision or a device that only
    Whisper has.
    """
    machine = machines.this_machine()
    warnings: list[str] = []
    try:
        choice = engine_choice.russian(options, devices_for(options, machine, warnings))
        if choice is None:
            return None
        crew = hire(choice, options, machine, warnings)
    except VoicekitError as error:
        stays(error)
        return None
    assert crew.spec is not None
    if choice.devices[0] == "cpu":
        crew = dataclasses.replace(crew, spec=dataclasses.replace(crew.spec, device="cpu"))
    return crew
