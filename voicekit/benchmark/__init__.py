"""How fast voicekit is, beside what others do with the same weights and windows, and beside what the machine allows.

:mod:`~voicekit.benchmark.comparison` is the page to read first. Every contestant, voicekit too, is a command in a
process of its own, timed from its start to its end. Nothing heavy is imported with the package itself.
"""
