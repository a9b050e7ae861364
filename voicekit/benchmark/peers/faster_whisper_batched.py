"""faster-whisper's ``BatchedInferencePipeline``: the peer to compare with."""

from __future__ import annotations

from typing import Any

from voicekit.benchmark.peers.request import Account, Answer, Request, run


def transcribe(request: Request) -> Answer:
    """Transcribe the windows, so many at a time.

    The library finds speech as it does by default; its own windows are not used, but what they cost is in its time.
    """
    from faster_whisper import BatchedInferencePipeline, WhisperModel, decode_audio
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    class Counting(BatchedInferencePipeline):  # type: ignore[misc]  # the library has no types
        """The pipeline, and how many tokens the model wrote: it keeps only whole segments."""

        def generate_segment_batched(self, *arguments: Any) -> Any:
            """Decode a batch, and count."""
            encoded, outputs = super().generate_segment_batched(*arguments)
            for output in outputs:
                account.wrote(output["tokens"])
            return encoded, outputs

    model = WhisperModel(request.model, device=request.device, compute_type=request.compute_type,
                         cpu_threads=request.threads)
    known = model.hf_tokenizer.token_to_id
    account = Account(known("<|endoftext|>"))
    sound = decode_audio(request.recording)
    # As in BatchedInferencePipeline.transcribe without clip_timestamps.
    get_speech_timestamps(sound, VadOptions(max_speech_duration_s=30, min_silence_duration_ms=160))
    account.begin()
    segments, _ = Counting(model).transcribe(
        sound, language=request.language, beam_size=1, temperature=0.0, batch_size=request.batch_size,
        word_timestamps=request.word_timestamps, without_timestamps=request.word_timestamps,
        suppress_tokens=request.suppressed(known("<|notimestamps|>") + 1),
        clip_timestamps=[{"start": start, "end": end} for start, end in request.windows])
    return account.answer([(one.start, one.end, one.text) for one in segments])


if __name__ == "__main__":
    run(transcribe)
