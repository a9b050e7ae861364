"""One call of the main job: what was asked, what has come of it so far, and what the user is told."""

from __future__ import annotations

import contextlib
import logging
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from voicekit.errors import EXIT_DONE, EXIT_FAILED, InputError, OutputError, UsageError, VoicekitError
from voicekit.options import RunOptions, SubtitleOptions
from voicekit.profiling import step

if TYPE_CHECKING:
    from voicekit.cli.outputs import OutputPlan, Target
    from voicekit.cli.progress import Reporter
    from voicekit.provenance import SpeakersInfo
    from voicekit.running.preparation import Outcome
    from voicekit.spoken import Voicing
    from voicekit.types import InputFile, Transcript


@dataclass
class MainJob:
    """One call of the command: what was asked, and what has come of it so far."""

    options: RunOptions
    subtitles: SubtitleOptions
    show: Reporter
    verbose: bool
    embed: bool = False
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
        if self.options.speakers.wanted and self.options.speakers.engine not in ("auto", "channels"):
            from voicekit import diarization

            diarization.require_installed(self.options.speakers.engine)
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
        formats = arguments["formats"].replace(",", " ").split() if arguments["formats"] else None
        if not self.options.store.does("write"):
            if arguments["outputs"] or formats or self.embed:
                raise UsageError(f"With --until {self.options.store.until} no file is written.",
                                 "Leave out -o, --formats and --embed-audio, or --until.")
            return []
        from voicekit import formats as file_types
        from voicekit.cli import outputs

        if self.embed and not outputs.wants_page(arguments["outputs"], formats or ()):
            raise UsageError("--embed-audio puts the sound into a page, and none is asked for.",
                             "Add -o NAME.html, or html to --formats.")
        planned = outputs.plan(files, arguments["outputs"], formats, arguments["overwrite"],
                               several=self.several, spoken=self.options.voicing.voice is not None)
        for item in planned:
            for notice in item.notices:
                self.show.message(logging.WARNING, notice)
            for target in item.targets:
                if (not self.options.speakers.wanted and not outputs.is_sound(target.extension)
                        and file_types.lookup(target.extension).needs_speakers):
                    raise UsageError(f"{target.extension} says who spoke, and nothing tells speakers apart.",
                                     "Add --diarize, or choose another format.")
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
        with step("import"):
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
        name = outcome.file.name
        if outcome.error is not None:
            self.fail(outcome.error, name)
            return
        transcript = outcome.transcript
        if transcript is None:  # planned, and that was all
            return
        self.transcripts.append(transcript)
        self._write(outcome, transcript, targets)
        if not transcript.ledger:
            self.show.message(logging.WARNING, f"{name}: no speech was found; the transcript is empty.")
        if transcript.failed:
            seconds = sum(entry.end - entry.start for entry in transcript.failed)
            self.show.message(logging.ERROR, f"{name}: {seconds:.1f} s of speech could not be transcribed. The "
                                             "ledger in the json says which and why. The first: "
                                             f"{transcript.failed[0].reason}")
            self.code = max(self.code, EXIT_FAILED)
        if transcript.run.speakers is not None:
            self._tell_of_speakers(name, transcript.run.speakers)
        if outcome.voicing is not None:
            self._tell_of_voice(name, outcome.voicing)

    def _write(self, outcome: Outcome, transcript: Transcript, targets: Sequence[Target]) -> None:
        """Write each file of one input that can be written."""
        with step("import"):
            from voicekit import formats as file_types
            from voicekit.cli.outputs import PAGE, is_sound
            from voicekit.formats import voicing as sound_types
            from voicekit.formats.report import writing as page

        name = outcome.file.name
        spoken: Path | None = None
        # Pages last: they point at the file with the new voice, if that could be written.
        for target in sorted(targets, key=lambda target: target.extension == PAGE):
            with self._one_file(target, name):
                if target.extension == PAGE:
                    page.write(transcript, target.path, sound=outcome.file.path, voicing=outcome.voicing,
                               embed=self.embed, new_voice=spoken, stays=not outcome.file.stdin,
                               longest=self.options.max_duration)
                elif outcome.voicing is not None and is_sound(target.extension):
                    for notice in sound_types.write(outcome.voicing, transcript.source, outcome.file.path,
                                                    target.path, target.extension):
                        self.show.message(logging.WARNING, f"{name}: {notice}")
                    spoken = spoken or (target.path if target.extension != sound_types.REPORT else None)
                else:
                    file_types.write(transcript, target.path, self.subtitles, extension=target.extension)

    @contextlib.contextmanager
    def _one_file(self, target: Target, name: str) -> Iterator[None]:
        """One file: noted if the block writes it, and told if it cannot."""
        try:
            with step("write", file=target.path.name):
                yield
            self.written.append(target.path)
        except VoicekitError as error:
            kept = "The words are kept: the same command writes them without transcribing again."
            hint = f"{error.hint} {kept}" if self.options.store.enabled else error.hint
            self.fail(OutputError(error.message, hint), name)

    def _tell_of_speakers(self, name: str, speakers: SpeakersInfo) -> None:
        """Who was found, or why nobody."""
        from voicekit.cli.progress import count

        if speakers.failed:
            self.show.message(logging.ERROR, f"{name}: {speakers.failed[0]}")
            self.code = max(self.code, EXIT_FAILED)
        named = "".join(f"; {who} ({how})" for who, how in speakers.known.items())
        self.show.message(logging.INFO, f"{name}: {count(speakers.found, 'speaker')}, {speakers.engine} on "
                                        f"{speakers.device}{named}")

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
