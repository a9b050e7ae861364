"""Python runs this at its start where it is on PYTHONPATH: faults for the commands that the tests run.

``VOICEKIT_FAULT`` says which, as JSON: what to do (``kill``, ``hang``, ``memory``, ``raise``), and when:
``loud``: with a window in which a sample reaches full scale; ``together``: with more windows than that at
once; ``compute_type``: in that precision; ``sentence``: not in transcribing, but in speaking the sentence of that
number; ``measure``: not there, but in measuring the new voice; ``stretch``: not there, but in listening to the stretch
of that number; ``cluster``: not there, but in clustering; ``once``: only if this file is not there, and it is made.
"""

import json
import os
import signal
import time

if os.environ.get("VOICEKIT_FAULT"):
    import numpy as np

    from voicekit.engines.faster_whisper import FasterWhisper
    from voicekit.engines.openvino_whisper import OpenVINOWhisper

    fault = json.loads(os.environ["VOICEKIT_FAULT"])

    def is_first():
        """Whether the fault is still to happen, where it happens once."""
        if fault.get("once"):
            try:
                os.close(os.open(fault["once"], os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                return False
        return True

    def go_wrong():
        if fault["do"] == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if fault["do"] == "hang":
            time.sleep(3600)
        if fault["do"] == "memory":
            raise MemoryError
        raise RuntimeError(fault["do"])

    class Faulty:
        """An engine with which something goes wrong at times."""

        def __init__(self, inner, spec):
            self.inner, self.spec = inner, spec
            self.device = inner.device

        def settle(self):
            self.inner.settle()

        def detect_language(self, windows):
            return self.inner.detect_language(windows)

        def transcribe(self, windows, options):
            if self._is_due(windows):
                go_wrong()
            return self.inner.transcribe(windows, options)

        def _is_due(self, windows):
            if fault.get("loud") and not any(np.abs(window).max() > 0.99 for window in windows):
                return False
            if len(windows) <= fault.get("together", 0):
                return False
            if fault.get("compute_type", self.spec.compute_type) != self.spec.compute_type:
                return False
            return is_first()

    if "measure" in fault:
        from voicekit.prosody import measures

        measures.figures = lambda *arguments: go_wrong()
    elif "sentence" in fault:
        from voicekit.stages import revoicing

        speak = revoicing.speak

        def faulty(sentence, *arguments):
            """Speak, unless it is the sentence of the fault."""
            if sentence.index == fault["sentence"] and is_first():
                go_wrong()
            return speak(sentence, *arguments)

        revoicing.speak = faulty
    elif "stretch" in fault or "cluster" in fault:
        from voicekit.diarization.embedded import EmbeddedDiarizer

        listen, conclude = EmbeddedDiarizer.listen, EmbeddedDiarizer.conclude

        def faulty_ear(self, stretch, read):
            """Listen, unless it is the stretch of the fault."""
            if stretch.index == fault.get("stretch") and is_first():
                go_wrong()
            return listen(self, stretch, read)

        def faulty_mind(self, *arguments):
            """Cluster, unless that is the fault."""
            if "cluster" in fault and is_first():
                go_wrong()
            return conclude(self, *arguments)

        EmbeddedDiarizer.listen, EmbeddedDiarizer.conclude = faulty_ear, faulty_mind
    else:
        def faulty_loader(load):
            """Load an engine with which something goes wrong."""
            return lambda self, spec: Faulty(load(self, spec), spec)

        for engine in (FasterWhisper, OpenVINOWhisper):  # whichever the run takes
            engine.load = faulty_loader(engine.load)
