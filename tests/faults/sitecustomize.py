"""Python runs this at its start where it is on PYTHONPATH: faults for the commands that the tests run.

``VOICEKIT_FAULT`` says which, as JSON: what to do (``kill``, ``hang``, ``memory``, ``raise``), and when:
``loud``: with a window in which a sample reaches full scale; ``together``: with more windows than that at
once; ``compute_type``: in that precision; ``once``: only if this file is not there, and it is made.
"""

import json
import os
import signal
import time

if os.environ.get("VOICEKIT_FAULT"):
    import numpy as np

    from voicekit.engines.faster_whisper import FasterWhisper

    fault = json.loads(os.environ["VOICEKIT_FAULT"])
    load = FasterWhisper.load

    class Faulty:
        """An engine with which something goes wrong at times."""

        def __init__(self, inner, spec):
            self.inner, self.spec = inner, spec
            self.device = inner.device

        def detect_language(self, windows):
            return self.inner.detect_language(windows)

        def transcribe(self, windows, options):
            if self._is_due(windows):
                self._go_wrong()
            return self.inner.transcribe(windows, options)

        def _is_due(self, windows):
            if fault.get("loud") and not any(np.abs(window).max() > 0.99 for window in windows):
                return False
            if len(windows) <= fault.get("together", 0):
                return False
            if fault.get("compute_type", self.spec.compute_type) != self.spec.compute_type:
                return False
            if fault.get("once"):
                try:
                    os.close(os.open(fault["once"], os.O_CREAT | os.O_EXCL))
                except FileExistsError:
                    return False
            return True

        def _go_wrong(self):
            if fault["do"] == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if fault["do"] == "hang":
                time.sleep(3600)
            if fault["do"] == "memory":
                raise MemoryError
            raise RuntimeError(fault["do"])

    FasterWhisper.load = lambda self, spec: Faulty(load(self, spec), spec)
