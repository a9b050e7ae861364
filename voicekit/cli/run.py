"""``voicekit run``, the main job, which is also ``run_parallel.py``."""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path
from typing import Any

import click

from voicekit.version import __version__
from voicekit.cli import config
from voicekit.cli.main_job import MainJob
from voicekit.cli.profile import recorded
from voicekit.cli.run_options import BareOptions, run_options
from voicekit.errors import UsageError
from voicekit.options import (
    COMPUTE_TYPES,
    PRESETS,
    STAGES,
    EngineOptions,
    PlanOptions,
    RunOptions,
    StoreOptions,
    SubtitleOptions,
)
from voicekit.profiling import step


class CountOrAuto(click.ParamType):  # type: ignore[type-arg]  # generic in newer releases only
    """A whole number, or ``auto``, which is None."""

    name = "N|auto"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        """Turn an argument into a count."""
        if value is None or str(value).lower() == "auto":
            return None
        try:
            return int(str(value))
        except ValueError:
            self.fail(f"{value!r} is neither a whole number nor auto.", param, ctx)


@click.command(cls=BareOptions, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("-o", "--output", "outputs", multiple=True, metavar="PATH",
              help="A file, whose extension decides the format (may be repeated), or a folder. "
                   "[default: .txt, .srt and .json beside the input]")
@click.option("--formats", metavar="LIST", help="For a folder, or beside the input: txt,srt,vtt,tsv,json,html,rttm.")
@click.option("--embed-audio", is_flag=True, help="Put a copy of the sound into the html page: 15 MB an hour.")
@click.option("--overwrite", is_flag=True, help="Replace existing outputs. An input never is.")
@click.option("--chunks", type=float, default=PlanOptions.chunks, show_default=True, metavar="MINUTES",
              help="About how much audio a worker takes at a time. Never changes the result.")
@click.option("--workers", type=CountOrAuto(), default="auto", show_default=True, metavar="N|auto",
              help="Worker processes. Never changes the result.")
@click.option("--quality", type=click.Choice(list(PRESETS)), default=RunOptions.quality, show_default=True,
              help="Model size, beam, word times; with --voice also stress and prosody.")
@click.option("--engine", default=EngineOptions.engine, show_default=True, metavar="NAME",
              help="auto, faster-whisper, openvino, openai-whisper, gigaam, parakeet or pocketsphinx.")
@click.option("--model", metavar="NAME|FOLDER", help="[default: what --quality says]")
@click.option("--language", metavar="CODE", help="[default: detected on the first speech]")
@click.option("--task", type=click.Choice(["transcribe", "translate"]), default=RunOptions.task,
              show_default=True, help="translate: into English.")
@click.option("--device", default=EngineOptions.device, show_default=True, metavar="DEVICE",
              help="auto, cpu, cuda, or certain GPUs: cuda:0,1.")
@click.option("--compute-type", type=click.Choice(COMPUTE_TYPES), default=EngineOptions.compute_type,
              show_default=True, metavar="TYPE", help="Precision; auto: float16 on a GPU, int8 on a CPU.")
@click.option("--batch-size", type=CountOrAuto(), default="auto", show_default=True, metavar="N|auto",
              help="Windows decoded together; auto: 16 on a GPU, 16 or 8 with openvino, else 4.")
@click.option("--beam-size", type=int, metavar="N", help="[default: what --quality says]")
@click.option("--initial-prompt", metavar="TEXT", help="Text that the recording is taken to follow.")
@click.option("--hotwords", metavar="TEXT", help="Words to expect.")
@click.option("--word-timestamps/--no-word-timestamps", default=None,
              help="Times for every word. [default: what --quality says]")
@click.option("--max-line-width", type=int, metavar="N", help="Subtitles: characters in a line.")
@click.option("--max-line-count", type=int, metavar="N", help="Subtitles: lines shown at once.")
@click.option("--max-words-per-line", type=int, metavar="N", help="Subtitles: words in a line.")
@click.option("--diarize", metavar="[ENGINE[:MODEL]]",
              help="Tell speakers apart: auto (also without a value), pyannote, onnx, embedded or off; MODEL is "
                   "a name or a folder. [default: off]")
@click.option("--speakers", type=int, metavar="N", help="How many there are. [default: found out]")
@click.option("--min-speakers", type=int, metavar="N", help="How many there are at least.")
@click.option("--max-speakers", type=int, metavar="N", help="How many there are at most.")
@click.option("--speaker-names", metavar="LIST",
              help="What to call them, in order of first speech: Anna,Boris; or some of them: SPEAKER_01=Boris.")
@click.option("--known-speakers", metavar="LIST|all",
              help="Name those who were enrolled (voicekit speakers add); others are UNKNOWN_00 and so on.")
@click.option("--known-threshold", type=float, metavar="X",
              help="How alike a voice must be to an enrolled one: a cosine. [default: the engine's own]")
@click.option("--channels-as-speakers", is_flag=True,
              help="Each channel is a speaker, as in recorded telephone calls; SPEAKER_00 is the first channel.")
@click.option("--hf-token", metavar="TOKEN", help="For a hub that asks who wants a model. [default: $HF_TOKEN]")
@click.option("--voice", metavar="ENGINE[:NAME]",
              help="Speak the recording again: espeak, espeak:ru, silero:xenia, piper:ru_RU-irina-medium. "
                   "Then -o takes mp3, wav, flac, ogg, m4a, opus and videos, and prosody.json for a report.")
@click.option("--voices", metavar="SPEAKER=VOICE,...", help="Another voice for some of the speakers.")
@click.option("--stress/--no-stress", default=None,
              help="Mark stressed vowels (Russian, Ukrainian, Belarusian). [default: what --quality says]")
@click.option("--prosody/--no-prosody", default=None,
              help="Carry melody, loudness and pace over. [default: what --quality says]")
@click.option("--keep-background", is_flag=True, help="Keep what is heard where nobody speaks.")
@click.option("--gate", is_flag=True, help="Measure the new voice, and fail (3) if it misses the targets.")
@click.option("--offline", is_flag=True, help="Never ask a model hub.")
@click.option("--temp-dir", metavar="FOLDER",
              help="Where decoded audio lies meanwhile: 115 MB an hour, with --voice 2 GB.")
@click.option("--cache", metavar="FOLDER",
              help="Where finished parts are kept, so that the same command goes on after any interruption. "
                   "[default: $VOICEKIT_CACHE, or voicekit in your cache folder]")
@click.option("--no-cache", is_flag=True, help="Keep nothing, and use nothing that was kept.")
@click.option("--from", "since", type=click.Choice(STAGES), metavar="STAGE",
              help="Do this stage and those after it again, with what the cache has of those before: "
                   + ", ".join(STAGES) + ".")
@click.option("--until", type=click.Choice(STAGES), default=StoreOptions.until, show_default=True, metavar="STAGE",
              help="The last stage to do.")
@click.option("--max-duration", type=float, default=RunOptions.max_duration / 3600, show_default=True,
              metavar="HOURS", help="Refuse a file that decodes to more.")
@click.option("--hang-after", type=float, metavar="X",
              help="Replace a worker that takes X times as long as its audio (and 20 s). "
                   "[default: told from the batches so far]")
@click.option("--config", is_eager=True, expose_value=False, callback=config.apply, metavar="FILE.toml",
              help="Options by the same names, from a file.")
@click.option("--profile", metavar="[DIR]",
              help="Measure where the time goes, in every process: voicekit profile show DIR. "
                   "[DIR: the first input's name with .profile, in the current folder]")
@click.option("--explain", is_flag=True, help="Print the plan and why; transcribe nothing.")
@click.option("-q", "--quiet", is_flag=True, help="Only errors.")
@click.option("-v", "--verbose", is_flag=True, help="More, and tracebacks.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.version_option(__version__, prog_name="voicekit")
def run(**arguments: Any) -> int:
    """Transcribe recordings in parallel: the same words whatever the chunks and workers.

    INPUT is an audio or video file, a folder, a pattern such as "*.mp3", @list.txt with a path a line, or
    - for standard input. Exit codes: 0 done, 2 bad input or usage, 3 something failed and is in the
    ledger, 130 interrupted.
    """
    options = run_options(arguments)
    subtitles = SubtitleOptions(arguments["max_line_width"], arguments["max_line_count"],
                                arguments["max_words_per_line"])
    if arguments["quiet"] and arguments["verbose"]:
        raise UsageError("-q and -v contradict each other.", "Give one of them.")
    if options.engine.offline:
        os.environ["HF_HUB_OFFLINE"] = "1"  # also for what a library might ask on its own
    from voicekit.cli.progress import LogHandler, reporter
    from voicekit.running.temporary import TemporaryFolder

    _check_cache(arguments["cache"])
    level = logging.ERROR if arguments["quiet"] else logging.DEBUG if arguments["verbose"] else logging.INFO
    show = reporter(arguments["log_format"], level)
    handler, logger = LogHandler(show), logging.getLogger("voicekit")
    logger.addHandler(handler)
    logger.setLevel(level)
    logger.propagate = False
    try:
        with recorded(arguments), TemporaryFolder(options.temp_dir) as folder:
            job = MainJob(options, subtitles, show, arguments["verbose"], arguments["embed_audio"])
            with step("find the inputs"):
                files = job.accept(arguments, folder)
            if arguments["explain"]:
                return job.explain(files, folder)
            with step("place the outputs"):
                plans = job.place(files, arguments)
            return job.transcribe(files, plans)
    finally:
        logger.removeHandler(handler)


def _check_cache(folder: str | None) -> None:
    """A folder that was named, and holds something else, is a mistake and no broken disk."""
    from voicekit.store import is_ours

    with contextlib.suppress(OSError):  # that it cannot be used is told by the run
        if folder is not None and not is_ours(Path(folder)):
            raise UsageError(f"--cache {folder} is a folder with other things in it.",
                             "Say one that is empty or not there yet, for example "
                             f"--cache {Path(folder, 'voicekit')}")
