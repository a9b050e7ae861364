"""Whisper models of the true sizes with random weights, to measure speed where none can be downloaded.

    python -m profiles.whisper_shapes small --tokens 80 --into /tmp/models
    python run_parallel.py talk.mp3 --model /tmp/models/random-small-80-tokens --language en

THEIR WORDS MEAN NOTHING. What is true of them is the cost: the dimensions are those of the published
models, and every window with speech in it is given exactly --tokens tokens (30 s of speech are about 80
in English and about 120 in Russian), so that encoder, decoder and alignment do the work that they would
do for real words. Needs openai-whisper for its vocabulary (pip install -e ".[openai]"), and for large-v3
15 GB of memory. Written are the folder for faster-whisper, random-NAME-N-tokens, and for openai-whisper
random-NAME-N-tokens.pt.
"""

from __future__ import annotations

import time
from pathlib import Path

import click

from voicekit.benchmark.models import WARNING, write
from voicekit.benchmark.shapes import SHAPES
from voicekit.errors import VoicekitError


@click.command()
@click.argument("name", type=click.Choice(list(SHAPES)))
@click.option("--tokens", default=80, show_default=True, type=click.IntRange(1, 220),
              help="Tokens that every window with speech is given.")
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), default=Path("."), show_default=True,
              help="Folder to write to.")
@click.option("--runtime", type=click.Choice(["both", "ctranslate2", "openai"]), default="both", show_default=True)
@click.option("--quantization", type=click.Choice(["int8", "float16", "float32"]), default="int8", show_default=True,
              help="Of CTranslate2's file; openai-whisper's has float16, as the published ones.")
@click.option("--seed", default=1, show_default=True)
def main(name: str, tokens: int, into: Path, runtime: str, quantization: str, seed: int) -> None:
    """Write a model of the size NAME whose words mean nothing."""
    began = time.monotonic()
    click.echo(WARNING)
    try:
        for written in write(name, into / f"random-{name}-{tokens}-tokens", tokens, runtime, quantization, seed):
            click.echo(f"--model {written}")
    except VoicekitError as error:
        raise click.ClickException(f"{error.message}\n  {error.hint}") from error
    except (OSError, MemoryError) as error:
        raise click.ClickException(f"The model cannot be made: {error or 'memory is short'}.") from error
    click.echo(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
