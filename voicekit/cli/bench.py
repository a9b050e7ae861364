"""``voicekit bench``: how fast voicekit is here, beside its peers and beside what the machine allows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from voicekit.benchmark.options import PEERS, BenchmarkOptions, peers_of
from voicekit.benchmark.shapes import SHAPES
from voicekit.errors import EXIT_DONE, EXIT_FAILED, OutputError


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--model", default=BenchmarkOptions.model, show_default=True, metavar="SHAPE|FOLDER",
              help=f"A shape ({', '.join(SHAPES)}): then the weights are random, and the words mean nothing. Or the "
                   "folder of a model for faster-whisper.")
@click.option("--minutes", default=BenchmarkOptions.minutes, show_default=True, type=click.FloatRange(0.1, 600),
              help="Length of the recording.")
@click.option("--recording", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="Repeated or cut to that length. [default: one that espeak-ng speaks]")
@click.option("--rounds", default=BenchmarkOptions.rounds, show_default=True, type=click.IntRange(1, 99),
              help="How often every contestant runs; medians are printed.")
@click.option("--peers", default="all", show_default=True, metavar="LIST|all|none", help=f"Of {', '.join(PEERS)}.")
@click.option("--tokens", default=BenchmarkOptions.tokens, show_default=True, type=click.IntRange(2, 220),
              help="For every window, where the weights are random.")
@click.option("--device", default=BenchmarkOptions.device, show_default=True,
              type=click.Choice(["auto", "cpu", "cuda"]), help="For all contestants.")
@click.option("--engine", default=BenchmarkOptions.engine, show_default=True, metavar="NAME", help="voicekit's.")
@click.option("--word-timestamps/--no-word-timestamps", default=BenchmarkOptions.word_timestamps, show_default=True,
              help="Times for every word, for all contestants.")
@click.option("--peer-batch-size", type=click.IntRange(1, 512), metavar="N",
              help="Of faster-whisper-batched. [default: the best of several, found before]")
@click.option("--peer-threads", type=click.IntRange(1, 1024), metavar="N",
              help="Of the peers. [default: as many as cores; of faster-whisper-batched the best, found before]")
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
              help="Where models of random weights are kept. [default: your cache folder]")
@click.option("--json", "target", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="All figures, for programs; replaced if it is there.")
@click.option("--sweep", "sweeping", is_flag=True,
              help="voicekit alone: workers x threads x batch, and how its own choice compares with the best.")
def bench(target: Path | None, sweeping: bool, peers: str, **given: Any) -> int:
    """Measure voicekit beside faster-whisper and openai-whisper.

    All get the same file, weights, windows and settings, each as a process of its own, in turns. Let nothing else
    run meanwhile. Exit codes: 0 done, 2 bad input or usage, 3 a contestant failed or may not be compared.
    """
    options = BenchmarkOptions(peers=peers_of(peers), **given)
    if target is not None and not target.absolute().parent.is_dir():  # else told only after hours
        raise OutputError(f"There is no folder {target.absolute().parent}.",
                          "Make it, or write elsewhere with --json.")
    from voicekit.benchmark import document
    from voicekit.cli import bench_tables

    if sweeping:
        from voicekit.benchmark.sweep import sweep

        swept = sweep(options, _tell)
        made, lines, refused = document.of_sweep(swept, options), bench_tables.sweep(swept), False
    else:
        from voicekit.benchmark.comparison import compare

        found = compare(options, _tell)
        made, lines = document.of_comparison(found, options), bench_tables.comparison(found)
        refused = bool(found.refused)
    for line in lines:
        click.echo(line)
    if target is not None:
        document.write(made, target)
    return EXIT_FAILED if refused else EXIT_DONE


def _tell(text: str) -> None:
    click.echo(text, err=True)
