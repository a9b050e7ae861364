"""All figures of the embedded engine: ``VOICEKIT_EVAL=... python -m tests.diarization.measure_embedded``."""

from __future__ import annotations

import importlib.util
import os
import tempfile
import time
import warnings
from pathlib import Path

from tests.diarization.conversations import of_librispeech, speakers
from tests.diarization.d_vectors import ANY, engine, error_rates, plan_file, read_rttm, recorded
from tests.sound import write
from voicekit.diarization.embedded import Embedded
from voicekit.speakers import SpeakerBounds
from voicekit.types import Turn

OF_EVALUATION = ("sim2", "sim4", "ami_dev00", "ami_tst00", "ami_tst01")


def recordings(evaluation: Path, folder: Path) -> list[tuple[str, Path, list[Turn]]]:
    """Name, file and reference of all there is to measure on."""
    found = [(name, evaluation / "diarization" / f"{name}.flac", read_rttm(evaluation / "diarization" / f"{name}.rttm"))
             for name in OF_EVALUATION]
    package = importlib.util.find_spec("pyannote.audio")
    if package is not None and package.origin is not None:
        sample = Path(package.origin).parent / "sample" / "sample.wav"
        found.append(("pyannote's call", sample, read_rttm(sample.with_suffix(".rttm"))))
    tuned, held_out = speakers(evaluation)
    for name, names, seed in (("ten held out", held_out, 1), ("thirty", tuned[150:180], 2)):
        made = of_librispeech(evaluation, names, seed, folder)
        found.append((name, write(folder / f"{name}.wav", made.samples), list(made.turns)))
    return found


def main() -> None:
    """Measure, with the number of speakers unknown and known."""
    warnings.simplefilter("ignore")  # pyannote.metrics on NumPy's ways
    evaluation, adapter = Path(os.environ["VOICEKIT_EVAL"]), Embedded()
    model = adapter.fetch(None)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        listening = spoken = 0.0
        for label, path, reference in recordings(evaluation, folder):
            recording, stretches = plan_file(path, model, folder)
            loaded, read = engine(model), recorded(recording)
            begun = time.perf_counter()
            heard = [loaded.listen(stretch, read) for stretch in stretches]
            listening += time.perf_counter() - begun
            spoken += recording.source.duration
            speaking = len({turn.speaker for turn in reference})
            for bounds in (ANY, SpeakerBounds(speaking, speaking)):
                found = loaded.conclude(recording.samples, stretches, heard, bounds)
                rates = error_rates(reference, found.turns, recording.source.duration)
                print(f"{label:16} {'known  ' if bounds.exactly else 'unknown'} {len(found.voices):3} of {speaking:2}  "
                      + "  ".join(f"{part} {rate:.3f}" for part, rate in rates.items()), flush=True)
        print(f"listened at {spoken / listening:.0f} times real time, one thread")


if __name__ == "__main__":
    main()
