"""``voicekit run``, the main job, which is also ``run_parallel.py``."""

from __future__ import annotations

import contextlib
import logging
import os
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voicekit.version import __version__
from voicekit.cli import config
from voicekit.errors import EXIT_DONE, EXIT_FAILED, InputError, OutputError, UsageError, VoicekitError
from voicekit.options import (
    COMPUTE_TYPES,
    PRESETS,
    STAGES,
    EngineOptions,
    PlanOptions,
    RunOptions,
    StoreOptions,
    SubtitleOptions,
    VoicingOptions,
)

if TYPE_CHECKING:
    from voicekit.cli.outputs import OutputPlan, Target
    from voicekit.cli.progress import Reporter
    from voicekit.running.preparation import Outcome
    from voicekit.spoken import Voicing
    from voicekit.types import InputFile, Transcript


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


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("-o", "--output", "outputs", multiple=True, metavar="PATH",
              help="A file, whose extension decides the format (may be repeated), or a folder. "
                   "[default: .txt, .srt and .json beside the input]")
@click.option("--formats", metavar="LIST", help="For a folder, or beside the input: txt,srt,vtt,tsv,json,rttm.")
@click.option("--overwrite", is_flag=True, help="Replace existing outputs. An input never is.")
@click.option("--chunks", type=float, default=PlanOptions.chunks, show_default=True, metavar="MINUTES",
              help="About how much audio a worker takes at a time. Never changes the words.")
@click.option("--workers", type=CountOrAuto(), default="auto", show_default=True, metavar="N|auto",
              help="Worker processes. Never changes the words.")
@click.option("--quality", type=click.Choice(list(PRESETS)), default=RunOptions.quality, show_default=True,
              help="Model size, beam, word times; with --voice also stress and prosody.")
@click.option("--engine", default=EngineOptions.engine, show_default=True, metavar="NAME",
              help="auto, faster-whisper, openai-whisper, gigaam, parakeet or pocketsphinx.")
@click.option("--model", metavar="NAME|FOLDER", help="[default: what --quality says]")
@click.option("--language", metavar="CODE", help="[default: detected on the first speech]")
@click.option("--task", type=click.Choice(["transcribe", "translate"]), default=RunOptions.task,
              show_default=True, help="translate: into English.")
@click.option("--device", default=EngineOptions.device, show_default=True, metavar="DEVICE",
              help="auto, cpu, cuda, or certain GPUs: cuda:0,1.")
@click.option("--compute-type", type=click.Choice(COMPUTE_TYPES), default=EngineOptions.compute_type,
              show_default=True, metavar="TYPE", help="Precision; auto: float16 on a GPU, int8 on a CPU.")
@click.option("--batch-size", type=CountOrAuto(), default="auto", show_default=True, metavar="N|auto",
              help="Windows decoded together; auto: 16 on a GPU, 4 on a CPU.")
@click.option("--beam-size", type=int, metavar="N", help="[default: what --quality says]")
@click.option("--initial-prompt", metavar="TEXT", help="Text that the recording is taken to follow.")
@click.option("--hotwords", metavar="TEXT", help="Words to expect.")
@click.option("--word-timestamps/--no-word-timestamps", default=None,
              help="Times for every word. [default: what --quality says]")
@click.option("--max-line-width", type=int, metavar="N", help="Subtitles: characters in a line.")
@click.option("--max-line-count", type=int, metavar="N", help="Subtitles: lines shown at once.")
@click.option("--max-words-per-line", type=int, metavar="N", help="Subtitles: words in a line.")
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
    options = _run_options(arguments)
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
        with TemporaryFolder(options.temp_dir) as folder:
            job = _MainJob(options, subtitles, show, arguments["verbose"])
            files = job.accept(arguments, folder)
            if arguments["explain"]:
                return job.explain(files, folder)
            return job.transcribe(files, job.place(files, arguments))
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


def _run_options(arguments: dict[str, Any]) -> RunOptions:
    engine = {name: arguments[name] for name in
              ("engine", "model", "device", "compute_type", "batch_size", "offline")}
    same = {name: arguments[name] for name in
            ("quality", "language", "task", "beam_size", "initial_prompt", "hotwords", "word_timestamps",
             "temp_dir", "hang_after")}
    if arguments["cache"] and arguments["no_cache"]:
        raise UsageError("--cache and --no-cache contradict each other.", "Give one of them.")
    store = StoreOptions(arguments["cache"], not arguments["no_cache"], arguments["since"], arguments["until"])
    return RunOptions(plan=PlanOptions(arguments["chunks"], arguments["workers"]), engine=EngineOptions(**engine),
                      store=store, max_duration=arguments["max_duration"] * 3600, voicing=_voicing(arguments), **same)


def _voicing(arguments: dict[str, Any]) -> VoicingOptions:
    voices: dict[str, str] = {}
    for part in filter(None, (arguments["voices"] or "").split(",")):
        label, equals, voice = (text.strip() for text in part.partition("="))
        if not (label and equals and voice):
            raise UsageError(f"--voices {part!r} is not SPEAKER=VOICE.",
                             "For example --voices SPEAKER_00=espeak:ru,SPEAKER_01=espeak:ru+f3")
        voices[label] = voice
    # A report is what the measures are for.
    reported = any(output.lower().endswith("prosody.json") for output in arguments["outputs"])
    reported = reported or "prosody.json" in (arguments["formats"] or "")
    return VoicingOptions(arguments["voice"], voices, arguments["stress"], arguments["prosody"],
                          arguments["keep_background"], arguments["gate"] or reported, arguments["gate"])


@dataclass
class _MainJob:
    """One call of the command: what was asked, and what has come of it so far."""

    options: RunOptions
    subtitles: SubtitleOptions
    show: Reporter
    verbose: bool
    code: int = EXIT_DONE
    several: bool = False
    began: float = field(default_factory=time.monotonic)
    transcripts: list[Transcript] = field(default_factory=list)
    written: list[Path] = field(default_factory=list)

    def fail(self, error: VoicekitError, name: str = "") -> None:
        """Report an error that ends one input, and remember its exit code."""
        from voicekit.cli.failure import explained

        text = explained(error)
        if self.verbose:
            text += "\n" + "".join(traceback.format_exception(error)).rstrip()
        self.show.message(logging.ERROR, f"{name}: {text}" if name and name not in text else text)
        self.code = max(self.code, error.exit_code)

    def accept(self, arguments: dict[str, Any], folder: Path) -> Sequence[InputFile]:
        """The inputs that can be tried; a misspelt name is told before anything is touched."""
        from voicekit import engines
        from voicekit.cli import inputs

        if self.options.engine.engine != "auto":
            engines.adapter(self.options.engine.engine)
        if self.options.voicing.voice is not None:
            from voicekit.running import casting

            for notice in casting.check(self.options):
                self.show.message(logging.WARNING, notice)
        found = inputs.expand(arguments["inputs"], folder)
        for error in found.errors:
            self.fail(error)
        self.several = len(found.inputs) + len(found.errors) > 1
        return found.inputs

    def place(self, files: Sequence[InputFile], arguments: dict[str, Any]) -> list[OutputPlan[InputFile]]:
        """Where the results go, found out to be writable before a model is loaded."""
        if not self.options.store.does("write"):
            if arguments["outputs"] or arguments["formats"]:
                raise UsageError(f"With --until {self.options.store.until} no file is written.",
                                 "Leave out -o and --formats, or --until.")
            return []
        from voicekit import formats as file_types
        from voicekit.cli import outputs

        formats = arguments["formats"].replace(",", " ").split() if arguments["formats"] else None
        planned = outputs.plan(files, arguments["outputs"], formats, arguments["overwrite"],
                               several=self.several, spoken=self.options.voicing.voice is not None)
        for item in planned:
            for notice in item.notices:
                self.show.message(logging.WARNING, notice)
            for target in item.targets:
                if not outputs.is_sound(target.extension) and file_types.lookup(target.extension).needs_speakers:
                    raise UsageError(f"{target.extension} needs speakers, and this version cannot tell them apart.",
                                     "Choose another format.")
                self._check_pictures(item.input, target)
            if item.error is not None:
                self.fail(item.error, item.input.name)
        return [item for item in planned if item.error is None]

    @staticmethod
    def _check_pictures(file: InputFile, target: Target) -> None:
        """A video can only be made from one; better told now than after the work."""
        from voicekit.audio.remuxing import VIDEO_EXTENSIONS, has_pictures

        with contextlib.suppress(InputError):  # decoding will tell
            if target.extension in VIDEO_EXTENSIONS and not has_pictures(file.path):
                raise UsageError(f"{file.name} has no pictures, so {target.path.name} cannot be a video of it.",
                                 "Choose a sound format, for example mp3.")

    def explain(self, files: Sequence[InputFile], folder: Path) -> int:
        """Print what would be done."""
        from voicekit.cli.explain import explanation

        for text in explanation(files, self.options, folder, self.fail):
            click.echo(text)
        return self.code

    def transcribe(self, files: Sequence[InputFile], plans: Sequence[OutputPlan[InputFile]]) -> int:
        """Do it."""
        from voicekit.pipeline import transcribe_files

        targets = {item.input: item.targets for item in plans}
        if not self.options.store.does("write"):
            targets = {file: () for file in files}
        if not targets:
            return self.code
        try:
            with self.show, contextlib.closing(
                    transcribe_files(targets, self.options, self.show.observe)) as outcomes:
                for outcome in outcomes:
                    self._deliver(outcome, targets[outcome.file])
        except (KeyboardInterrupt, SystemExit):
            kept = "What is finished is kept: the same command goes on from here."
            self.show.message(logging.WARNING, kept if self.options.store.enabled else
                              "Nothing is kept, because of --no-cache.")
            raise
        self._summary()
        if not self.options.store.does("write"):
            self.show.message(logging.INFO, f"Ends after the stage {self.options.store.until}: no file is written.")
        return self.code

    def _deliver(self, outcome: Outcome, targets: Sequence[Target]) -> None:
        """Write the results of one input, or say why there are none."""
        from voicekit import formats as file_types
        from voicekit.cli.outputs import is_sound
        from voicekit.formats import voicing as sound_types

        name = outcome.file.name
        if outcome.error is not None:
            self.fail(outcome.error, name)
            return
        transcript = outcome.transcript
        if transcript is None:  # planned, and that was all
            return
        self.transcripts.append(transcript)
        for target in targets:
            try:
                if outcome.voicing is not None and is_sound(target.extension):
                    for notice in sound_types.write(outcome.voicing, transcript.source, outcome.file.path,
                                                    target.path, target.extension):
                        self.show.message(logging.WARNING, f"{name}: {notice}")
                else:
                    file_types.write(transcript, target.path, self.subtitles, extension=target.extension)
                self.written.append(target.path)
            except VoicekitError as error:
                kept = "The words are kept: the same command writes them without transcribing again."
                hint = f"{error.hint} {kept}" if self.options.store.enabled else error.hint
                self.fail(OutputError(error.message, hint), name)
        if not transcript.ledger:
            self.show.message(logging.WARNING, f"{name}: no speech was found; the transcript is empty.")
        if transcript.failed:
            seconds = sum(entry.end - entry.start for entry in transcript.failed)
            self.show.message(logging.ERROR, f"{name}: {seconds:.1f} s of speech could not be transcribed. The "
                                             "ledger in the json says which and why. The first: "
                                             f"{transcript.failed[0].reason}")
            self.code = max(self.code, EXIT_FAILED)
        if outcome.voicing is not None:
            self._tell_of_voice(name, outcome.voicing)

    def _tell_of_voice(self, name: str, voicing: Voicing) -> None:
        """What became of the sentences, and how near the result is to the original."""
        from voicekit.cli.voices import lines

        for level, text in lines(voicing):
            self.show.message(level, f"{name}: {text}")
        if voicing.failed or (voicing.missed and self.options.voicing.gate):
            self.code = max(self.code, EXIT_FAILED)

    def _summary(self) -> None:
        from voicekit.cli.progress import clock, count

        if not self.transcripts:
            return
        wall = time.monotonic() - self.began
        audio = sum(one.source.duration for one in self.transcripts)
        words = sum(len(segment.text.split()) for one in self.transcripts for segment in one.segments)
        made_by = dict.fromkeys(f"{one.run.engine} {Path(one.run.model).name} on {one.run.device}"
                                for one in self.transcripts)
        workers = len(self.show.workers)
        self.show.message(
            logging.INFO,
            f"Done: {clock(audio)} of audio in {clock(wall)} ({audio / wall:.1f}x real time), "
            f"{count(words, 'word')}, {count(workers, 'worker')}, {'; '.join(made_by)}",
            audio_seconds=round(audio, 3), wall_seconds=round(wall, 3), words=words, workers=workers)
        for path in self.written:
            self.show.message(logging.INFO, f"  {path}", output=str(path))
