"""The peers: each a program of its own, that transcribes the same windows of the same file with the same weights.

    python -m voicekit.benchmark.peers.faster_whisper_batched REQUEST.json

All of them decode greedily, at temperature 0, without the text before as a prompt; with times in the text where no
word times are wanted and without where they are, as voicekit does.
"""
