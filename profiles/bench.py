"""The same as ``voicekit bench``: ``python -m profiles.bench --model small --minutes 10 --json out.json``."""

if __name__ == "__main__":
    import sys

    from voicekit.cli.bench import bench
    from voicekit.cli.failure import guarded

    sys.exit(guarded(bench, "profiles.bench"))
