"""openai-whisper, a window at a time: for scale.

``whisper.transcribe`` would look again at the end of a window after its last word; so its two steps are called
themselves, once for each window: decoding, and word times.
"""

from __future__ import annotations

import warnings
from typing import Any

from voicekit.benchmark.peers.request import Account, Answer, Request, run


def transcribe(request: Request) -> Answer:
    """Transcribe one window after the other, in float32 on a CPU and in half precision on a GPU."""
    # Files are decoded with PyAV: whisper.load_audio starts the program ffmpeg, which may not be there.
    from faster_whisper import decode_audio
    import torch
    import whisper
    from whisper.tokenizer import get_tokenizer

    torch.set_num_threads(request.threads)
    model = whisper.load_model(request.model, device=request.device)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves its vocabulary's file open
        tokenizer = get_tokenizer(model.is_multilingual, num_languages=model.num_languages, language=request.language,
                                  task="transcribe")
    account = Account(tokenizer.eot)
    sound = decode_audio(request.recording)
    account.begin()
    options = whisper.DecodingOptions(
        language=request.language, temperature=0.0, without_timestamps=request.word_timestamps,
        suppress_tokens=request.suppressed(tokenizer.timestamp_begin), fp16=request.device != "cpu")
    texts: list[tuple[float, float, str]] = []
    for start, end in request.windows:
        window = sound[round(start * 16_000):round(end * 16_000)]
        mel = whisper.log_mel_spectrogram(whisper.pad_or_trim(window), model.dims.n_mels, device=model.device)
        result = whisper.decode(model, mel.half() if options.fp16 else mel, options)
        if request.word_timestamps:
            _word_times(model, tokenizer, mel, result, len(window))
        texts.append((start, end, result.text))
        account.wrote(result.tokens)
    return account.answer(texts)


def _word_times(model: Any, tokenizer: Any, mel: Any, result: Any, samples: int) -> None:
    """Find the words in the sound, as ``whisper.transcribe`` does with the segments of a window."""
    from whisper.timing import add_word_timestamps

    segment = {"seek": 0, "start": 0.0, "end": samples / 16_000, "tokens": list(result.tokens), "text": result.text}
    add_word_timestamps(segments=[segment], model=model, tokenizer=tokenizer, mel=mel,
                        num_frames=min(max(samples // 160, 16), 3000), last_speech_timestamp=0.0)


if __name__ == "__main__":
    run(transcribe)
