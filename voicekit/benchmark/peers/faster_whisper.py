"""faster-whisper's ``WhisperModel.transcribe``, a window at a time: for scale."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from voicekit.benchmark.peers.request import Account, Answer, Request, run


class _LookedAgain(Exception):
    """The library wants to decode what is left of a window after its last word."""


def transcribe(request: Request) -> Answer:
    """Transcribe one window after the other. Each is decoded once."""
    from faster_whisper import WhisperModel, decode_audio

    class OneLook(WhisperModel):  # type: ignore[misc]  # the library has no types
        """A model that encodes each window once, and counts what it writes."""

        fresh = True

        def encode(self, features: Any) -> Any:
            """Encode, unless the window was looked at."""
            if not self.fresh:
                raise _LookedAgain
            self.fresh = False
            return super().encode(features)

        def generate_with_fallback(self, *arguments: Any) -> Any:
            """Decode, and count."""
            result = super().generate_with_fallback(*arguments)
            account.wrote(result[0].sequences_ids[0])
            return result

    model = OneLook(request.model, device=request.device, compute_type=request.compute_type,
                    cpu_threads=request.threads)
    known = model.hf_tokenizer.token_to_id
    account = Account(known("<|endoftext|>"))
    sound = decode_audio(request.recording)
    account.begin()
    texts: list[tuple[float, float, str]] = []
    for start, end in request.windows:
        model.fresh = True
        segments, _ = model.transcribe(
            sound[round(start * 16_000):round(end * 16_000)], language=request.language, beam_size=1, temperature=0.0,
            compression_ratio_threshold=None, log_prob_threshold=None, no_speech_threshold=None,
            condition_on_previous_text=False, word_timestamps=request.word_timestamps,
            without_timestamps=request.word_timestamps,
            suppress_tokens=request.suppressed(known("<|notimestamps|>") + 1))
        texts += [(start + one.start, start + one.end, one.text) for one in _first_look(segments)]
    return account.answer(texts)


def _first_look(segments: Iterator[Any]) -> Iterator[Any]:
    """What was heard when the window was decoded for the first time."""
    try:
        yield from segments
    except _LookedAgain:
        return


if __name__ == "__main__":
    run(transcribe)
