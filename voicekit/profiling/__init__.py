"""Where the time of a run goes: named steps, functions, memory and bytes of every process, put into one folder.

::

    DIR/profile.json         the figures; voicekit profile show DIR
    DIR/profile.pstats       all functions of all processes: python -m pstats, snakeviz
    DIR/stages/NAME.pstats   the same by stage
    DIR/trace.json           every step, window, stretch and sentence on its worker: opens in Perfetto
    DIR/parts/               while the run goes on: what each worker has measured so far

Nothing here knows of speech. What is to be measured is marked with :func:`step`; where nobody profiles that costs the
call of a function. Times are :func:`time.monotonic`'s, which all processes of a machine share.
"""

from voicekit.profiling.steps import note, step

__all__ = ["note", "step"]
