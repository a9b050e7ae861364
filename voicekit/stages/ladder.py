"""When memory runs out: half the batch, then a smaller precision, then the CPU. Each step is told.

Half a batch changes no word. A smaller precision may, so results say which one made them.
"""

from __future__ import annotations

import dataclasses
import gc
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from voicekit.errors import VoicekitError
from voicekit.options import DecodingOptions
from voicekit.profiling import step
from voicekit.profiling.steps import LOAD
from voicekit.protocols import EngineSpec, Samples, Transcriber
from voicekit.stages import transcription
from voicekit.types import WindowResult

Tell = Callable[[str, bool], None]
"""``tell(message, downgrade)``"""

Found = TypeVar("Found")

_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}


def _size(compute_type: str) -> int:
    return _BYTES.get(compute_type, 1)


class Ladder:
    """An engine and how far it had to step down.

    Parameters
    ----------
    spec : EngineSpec
        Where to begin.
    compute_types : mapping of str to tuple of str
        Per kind of device the precisions the engine has, as in its profile.
    load : callable
        Builds the engine of a spec.
    """

    def __init__(self, spec: EngineSpec, compute_types: Mapping[str, tuple[str, ...]],
                 load: Callable[[EngineSpec], Transcriber]) -> None:
        self.spec = spec
        self.stepped = False
        self.together: int | None = None
        self._compute_types = compute_types
        self._load = load
        self._engine: Transcriber | None = None

    def transcribe(self, windows: Sequence[Samples], options: DecodingOptions,
                   tell: Tell) -> list[tuple[WindowResult, EngineSpec]]:
        """Transcribe windows, in smaller batches or on a lower step where memory is short.

        Returns
        -------
        list of (WindowResult, EngineSpec)
            One per window, with what made it.

        Raises
        ------
        MemoryError
            Where one window on the lowest step is still too much.
        """
        results: list[tuple[WindowResult, EngineSpec]] = []
        while len(results) < len(windows):
            part = windows[len(results):]
            part = part[:self.together] if self.together else part
            try:
                made = transcription.transcribe_batch(self.engine(tell), part, options)
            except Exception as error:
                self._step_down(len(part), error, tell)
            else:
                results += [(result, self.spec) for result in made]
        return results

    def ask(self, question: Callable[[Transcriber], Found], tell: Tell) -> Found:
        """Anything else that an engine is asked, on the step where memory suffices."""
        while True:
            try:
                return question(self.engine(tell))
            except Exception as error:
                self._step_down(1, error, tell)

    def engine(self, tell: Tell) -> Transcriber:
        """The engine; the first call pays for loading it."""
        while self._engine is None:
            try:
                with step(LOAD, model=self.spec.model.name, engine=self.spec.engine):
                    self._engine = self._load(self.spec)
            except Exception as error:
                if self.stepped and isinstance(error, VoicekitError) and self._lower() is not None:
                    error = MemoryError(error.message)  # this step cannot be had here: on to the next
                self._step_down(1, error, tell)
        return self._engine

    def _step_down(self, together: int, error: Exception, tell: Tell) -> None:
        """One step, or the error if memory is not what was short or there is none left."""
        if not transcription.out_of_memory(error):
            raise error
        where = f"Memory ran out on {self.spec.device}"
        if together > 1:
            self.together = together // 2
            tell(f"{where} with {together} windows together; from here on it is {self.together} at a time.", False)
            return
        lower = self._lower()
        if lower is None and isinstance(error, VoicekitError):
            raise error
        if lower is None:
            raise MemoryError(f"{where} with {self.spec.compute_type} and one window at a time") from error
        tell(f"{where} with {self.spec.compute_type}; what follows in this worker is done with "
             f"{lower.compute_type} on {lower.device}.", True)
        self.spec, self._engine, self.stepped = lower, None, True
        error.__traceback__ = None  # its frames hold the old engine's arrays
        gc.collect()
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_initialized():
            torch.cuda.empty_cache()

    def _lower(self) -> EngineSpec | None:
        kind = self.spec.device.partition(":")[0]
        now = _size(self.spec.compute_type)
        smaller = [one for one in self._compute_types[kind] if _size(one) < now]
        if smaller:
            return dataclasses.replace(self.spec, compute_type=max(smaller, key=_size))
        if kind != "cpu" and "cpu" in self._compute_types:
            return dataclasses.replace(self.spec, device="cpu", compute_type=self._compute_types["cpu"][0])
        return None
