"""Who takes part: voicekit and its peers, each as a command, and how to read what it has written."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from voicekit.benchmark.models import BenchmarkModel
from voicekit.benchmark.options import PEERS
from voicekit.benchmark.peers.request import Answer, Request
from voicekit.benchmark.recording import BenchmarkRecording
from voicekit.errors import ProcessingError

OURS = "voicekit"

Windows = tuple[tuple[float, float], ...]
"""From when to when, in seconds."""

Setting = int | str
"""How a contestant was set up: threads, batch size, precision."""


@dataclass(frozen=True, slots=True)
class Job:
    """What everyone is given.

    Attributes
    ----------
    recording : BenchmarkRecording
        The file.
    model : BenchmarkModel
        The weights.
    device : str
        ``cpu`` or ``cuda``.
    word_timestamps : bool
        Whether words get their times.
    """

    recording: BenchmarkRecording
    model: BenchmarkModel
    device: str
    word_timestamps: bool


@dataclass(frozen=True, slots=True)
class Result:
    """What a contestant has written.

    Attributes
    ----------
    windows : Windows
        What was decoded at once.
    tokens : int
        Of all texts together, without times among the words.
    after_loading : float
        Seconds after the model was loaded.
    settings : mapping
        What the contestant was set to, or chose.
    batches : int
        Into how many batches the windows were divided.
    """

    windows: Windows
    tokens: int
    after_loading: float
    settings: Mapping[str, Setting]
    batches: int


class Contestant(Protocol):
    """A command that transcribes the recording."""

    @property
    def name(self) -> str:
        """For people, and in the json."""
        ...

    def command(self, folder: Path) -> list[str]:
        """The program and its arguments; what it writes goes into `folder`."""
        ...

    def result(self, folder: Path) -> Result:
        """What it has written there."""
        ...


@dataclass(frozen=True, slots=True)
class Voicekit:
    """voicekit's own command line.

    Attributes
    ----------
    job : Job
        What is given.
    engine : str
        Its ``--engine``.
    workers, batch_size : str
        Its ``--workers`` and ``--batch-size``.
    name : str
        To tell several settings apart.
    """

    job: Job
    engine: str = "auto"
    workers: str = "auto"
    batch_size: str = "auto"
    name: str = OURS

    def command(self, folder: Path) -> list[str]:
        """``voicekit run``, with nothing kept from run to run."""
        return self.arguments([self.job.recording.path], "-o", str(folder / "voicekit.json"))

    def arguments(self, inputs: Sequence[Path], *more: str) -> list[str]:
        """The same for any inputs."""
        # All of a machine's GPUs would be no contest: the peers use one.
        device = "cuda:0" if self.job.device == "cuda" else self.job.device
        words = "--word-timestamps" if self.job.word_timestamps else "--no-word-timestamps"
        return [sys.executable, "-m", "voicekit", "run", *map(str, inputs), "--engine", self.engine, "--model",
                str(self.job.model.folder), "--device", device, "--language", "en", "--beam-size", "1", words,
                "--workers", self.workers, "--batch-size", self.batch_size, "--no-cache", "--overwrite", "--quiet",
                *more]

    def result(self, folder: Path) -> Result:
        """From its json: windows and times are in the timeline."""
        written = json.loads((folder / "voicekit.json").read_text(encoding="utf-8"))
        pieces = [entry for entry in written["run"]["timeline"] if entry["stage"] == "transcribe"]
        windows = {int(entry["index"]): (float(entry["start"]), float(entry["end"])) for entry in pieces}
        if not windows:
            raise ProcessingError("No speech was found in the recording.", "Give another --recording.")
        chosen = written["run"]["options"]
        settings = {"engine": written["run"]["engine"], "compute_type": written["run"]["compute_type"],
                    **{name: chosen[name] for name in ("arithmetic", "workers", "threads", "batch_size")
                       if name in chosen}}
        return Result(tuple(windows[index] for index in sorted(windows)), self._tokens(written),
                      max(entry["ended"] for entry in pieces) - min(entry["began"] for entry in pieces), settings,
                      len({entry["batch"] for entry in pieces}))

    def _tokens(self, written: Mapping[str, Any]) -> int:
        """Of its texts. The weights of random numbers only write tokens that a text shows one by one."""
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self.job.model.folder / "tokenizer.json"))
        texts = (" " + " ".join(segment["text"].split()) for segment in written["segments"])
        return sum(len(tokenizer.encode(text, add_special_tokens=False).ids) for text in texts)


@dataclass(frozen=True, slots=True)
class Peer:
    """Another program, from :mod:`voicekit.benchmark.peers`.

    Attributes
    ----------
    name : str
        Of :data:`voicekit.benchmark.options.PEERS`.
    job : Job
        What is given.
    windows : Windows
        Those of voicekit.
    threads, batch_size : int
        Of the CPU, and windows decoded together.
    """

    name: str
    job: Job
    windows: Windows
    threads: int
    batch_size: int = 1

    @property
    def compute_type(self) -> str:
        """int8 on a CPU and float16 on a GPU; openai-whisper has no int8."""
        if self.job.device == "cuda":
            return "float16"
        return "float32" if self.name == "openai-whisper" else "int8"

    def command(self, folder: Path) -> list[str]:
        """Its module, with a request."""
        model = self.job.model.checkpoint if self.name == "openai-whisper" else self.job.model.folder
        request = Request(str(self.job.recording.path), str(model), self.windows, str(folder / f"{self.name}.json"),
                          self.job.word_timestamps, self.job.device, self.compute_type, self.threads,
                          self.batch_size)
        path = request.write(folder / f"{self.name}.request.json")
        return [sys.executable, "-m", f"voicekit.benchmark.peers.{PEERS[self.name]}", str(path)]

    def answer(self, folder: Path) -> Answer:
        """All that it has said."""
        return Answer.read(folder / f"{self.name}.json")

    def result(self, folder: Path) -> Result:
        """The same as of voicekit."""
        answer = self.answer(folder)
        settings: dict[str, Setting] = {"compute_type": self.compute_type, "threads": self.threads,
                                        "batch_size": self.batch_size}
        return Result(self.windows, answer.tokens, answer.after_loading, settings,
                      -(-len(self.windows) // self.batch_size))
