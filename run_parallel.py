"""The main job: transcribe recordings in parallel.

    python run_parallel.py in.mp3 --chunks 2 --workers 8

The same as ``voicekit run``; ``--help`` lists the options.
"""

if __name__ == "__main__":
    from voicekit.cli import run_parallel

    run_parallel()
