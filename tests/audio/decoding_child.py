"""The process that decodes hostile files and tells what came of it; it may crash, hang or be killed.

    python -m tests.audio.decoding_child FOLDER           seeds of mutants come in on standard input
    python -m tests.audio.decoding_child --seed N [FILE]  repeat one mutant, and keep it as FILE
    python -m tests.audio.decoding_child --file FILE --longest SECONDS

Answers are JSON objects, one to a line.
"""

from __future__ import annotations

import argparse
import faulthandler
import itertools
import json
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

import numpy as np

from tests.audio.mutants import Mutants, write_originals
from voicekit import audio
from voicekit.errors import VoicekitError
from voicekit.types import Recording

LONGEST = 120.0
"""Seconds of sound that a mutant of a file of two seconds may decode to."""

_ADDRESSES = 6 << 30
"""Bytes; what asks for more fails, so that it does not take the machine along."""


def _peak() -> int:
    """MiB that this process held at most since the last `_forget`."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) >> 10 for line in lines if line.startswith("VmHWM"))


def _forget() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def judge(path: Path, out: Path, longest: float) -> dict[str, Any]:
    """Decode a file into a folder that is empty again afterwards.

    Returns ``came`` (the error's class, ``whole`` or ``partial``), ``told``, ``seconds`` of sound, the ``peak`` of
    memory in MiB and of the raw file in bytes (``disk``), and what is ``wrong``: the promise that was broken.
    """
    answer: dict[str, Any] = {"told": "", "seconds": 0.0, "wrong": "", "disk": 0}

    calls = itertools.count()

    def look() -> None:
        if next(calls) % 16 == 0:  # asked at every packet it would take longer than decoding
            answer["disk"] = max(answer["disk"], sum(one.stat().st_size for one in os.scandir(out)))

    _forget()
    try:
        recording = audio.decode(path, out, longest=longest, check=look)
    except VoicekitError as error:
        answer.update(came=type(error).__name__, told=str(error))
        if not error.message or not error.hint:
            answer["wrong"] = f"an error without a message or a hint: {error!r}"
    except BaseException:
        answer.update(came="traceback", wrong=traceback.format_exc())
    else:
        answer.update(came="partial" if recording.partial else "whole", told=" ".join(recording.warnings),
                      seconds=recording.source.duration, wrong=_checked(recording, longest))
        os.unlink(recording.pcm)
    answer["peak"] = _peak()
    left = os.listdir(out) if out.exists() else []
    for name in left:
        os.unlink(out / name)
        answer["wrong"] += f"; {name} was left behind"
    return answer


def _checked(recording: Recording, longest: float) -> str:
    size = os.path.getsize(recording.pcm)
    if recording.samples > longest * 16000 or size != 2 * recording.samples:
        return f"{recording.samples} samples in a file of {size} bytes"
    if recording.partial and not recording.warnings:
        return "partial without a warning"
    "".join(recording.warnings).encode()  # fails where a surrogate got in
    read, loudest = 0, 0.0
    for block in audio.blocks(recording):
        read, loudest = read + len(block), max(loudest, float(np.abs(block).max()))
    return "" if read == recording.samples and loudest <= 1.0 else f"{read} samples read, as loud as {loudest}"


def serve(folder: Path) -> None:
    """Answer every seed on standard input."""
    mutants = Mutants(folder / "originals")
    for line in sys.stdin:
        name, data = mutants.make(int(line))
        path = folder / f"mutant-{name}"
        path.write_bytes(data)
        print(json.dumps(judge(path, folder / "pcm", LONGEST)), flush=True)
        path.unlink()


def repeat(seed: int, keep: Path | None) -> None:
    """Decode one mutant."""
    with tempfile.TemporaryDirectory() as folder:
        write_originals(Path(folder) / "originals")
        name, data = Mutants(Path(folder) / "originals").make(seed)
        path = Path(folder) / f"mutant-{name}" if keep is None else keep.with_name(f"{keep.name}-{name}")
        path.write_bytes(data)
        print(f"{path}, {len(data)} bytes", flush=True)
        print(json.dumps(judge(path, Path(folder) / "pcm", LONGEST)))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path, nargs="?")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--file", type=Path)
    parser.add_argument("--longest", type=float, default=LONGEST)
    arguments = parser.parse_args()
    import resource  # here: this module is imported where there is none, too

    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESSES, _ADDRESSES))
    if arguments.seed is not None:
        repeat(arguments.seed, arguments.path)
    elif arguments.file is not None:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(judge(arguments.file, Path(folder), arguments.longest)))
    else:
        serve(arguments.path)


if __name__ == "__main__":
    main()
