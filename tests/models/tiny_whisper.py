"""A very small Whisper of the original architecture, made on the spot: no training, no network.

Its words mean nothing, but it behaves like a model: what it writes depends on the sound, differs
from window to window, is sure of itself, carries sensible timestamps and ends after some dozens of
tokens; silence is told from sound. The weights are noise, except in a few channels of the hidden
state that are kept for these manners (see the constants below). The same weights are written for
both runtimes, so one can be checked against the other.
"""

from __future__ import annotations

import base64
import functools
import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Weights = dict[str, Array]

WIDTH, HEADS, LAYERS, MELS = 64, 2, 2, 80
AUDIO_CONTEXT, TEXT_CONTEXT, VOCABULARY = 1500, 448, 51_865

EOT, SOT, FIRST_LANGUAGE, TRANSLATE, TRANSCRIBE = 50_257, 50_258, 50_259, 50_358, 50_359
NO_SPEECH, NO_TIMESTAMPS, FIRST_TIMESTAMP = 50_362, 50_363, 50_364
ALIGNMENT_HEADS = [[1, 0], [1, 1]]  # openai-whisper's own default: every head of the later half

# Channels of the hidden state with a meaning; no noise is written into them.
CONSTANT, ENDING, LOUDNESS, PULSE, TIME_X, TIME_Y = range(6)
RESERVED = 6

LAST_TOKEN = 24  # from here on only the end of the text can win
PULSE_EVERY = 9  # tokens from one pair of timestamps to the next
SHARPNESS = 5.0  # of the last layer norm: how sure of itself the model is
MANNERS = 14.0  # the same for the channels with a meaning


def _sinusoids() -> Array:
    scales = np.exp(-np.log(10_000) / (WIDTH // 2 - 1) * np.arange(WIDTH // 2))
    times = np.arange(AUDIO_CONTEXT)[:, None] * scales[None, :]
    return np.concatenate([np.sin(times), np.cos(times)], axis=1).astype(np.float32)


@functools.lru_cache(maxsize=1)
def _ranks() -> dict[bytes, int]:
    """Whisper's byte-pair ranks, from the file inside openai-whisper (which is not imported)."""
    package = importlib.util.find_spec("whisper")
    assert package is not None and package.submodule_search_locations
    path = Path(package.submodule_search_locations[0]) / "assets" / "multilingual.tiktoken"
    lines = path.read_text(encoding="ascii").splitlines()
    return {base64.b64decode(token): int(rank) for token, rank in map(str.split, lines)}


def special_tokens() -> list[str]:
    """Every token after the text tokens, in order."""
    from faster_whisper.tokenizer import _LANGUAGE_CODES  # alphabetic
    from voicekit.languages import LANGUAGES

    languages = [code for code in LANGUAGES if code != "yue"]  # Cantonese came with large-v3
    assert set(languages) == set(_LANGUAGE_CODES) - {"yue"}
    return ["<|endoftext|>", "<|startoftranscript|>", *(f"<|{code}|>" for code in languages),
            "<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>",
            "<|notimestamps|>", *(f"<|{i * 0.02:.2f}|>" for i in range(1501))]


def speakable() -> list[int]:
    """The text tokens that the model writes: short words, endings and full stops."""
    tokens = [rank for token, rank in _ranks().items()
              if 2 <= len(token) <= 7 and token.lstrip(b" ").isalpha() and token.islower()]
    return [*sorted(tokens)[100:2_000:8], _ranks()[b"."]]


def _noise(rng: np.random.Generator, *shape: int, gain: float = 1.0) -> Array:
    fan_in = int(np.prod(shape[1:]))
    return (rng.standard_normal(shape) * gain / np.sqrt(fan_in)).astype(np.float32)


def _attention(rng: np.random.Generator, name: str, sharp: float, gain: float) -> Weights:
    weights = {f"{name}.query.weight": _noise(rng, WIDTH, WIDTH, gain=sharp),
               f"{name}.query.bias": np.zeros(WIDTH, np.float32),
               f"{name}.key.weight": _noise(rng, WIDTH, WIDTH, gain=sharp),
               f"{name}.value.weight": _noise(rng, WIDTH, WIDTH),
               f"{name}.value.bias": np.zeros(WIDTH, np.float32),
               f"{name}.out.weight": _noise(rng, WIDTH, WIDTH, gain=gain),
               f"{name}.out.bias": np.zeros(WIDTH, np.float32)}
    weights[f"{name}.out.weight"][:RESERVED] = 0
    return weights


def _norm(name: str) -> Weights:
    return {f"{name}.weight": np.ones(WIDTH, np.float32), f"{name}.bias": np.zeros(WIDTH, np.float32)}


def _block(rng: np.random.Generator, name: str, cross: bool) -> Weights:
    weights = {**_attention(rng, f"{name}.attn", 1.5, 1.0), **_norm(f"{name}.attn_ln")}
    if cross:
        weights |= {**_attention(rng, f"{name}.cross_attn", 2.5, 3.0), **_norm(f"{name}.cross_attn_ln")}
        # The loudness of the sound, as every head sees it, arrives in its own channel.
        weights[f"{name}.cross_attn.value.weight"][LOUDNESS] = 0
        weights[f"{name}.cross_attn.value.weight"][LOUDNESS, LOUDNESS] = 1
        weights[f"{name}.cross_attn.out.weight"][:, LOUDNESS] = 0
        weights[f"{name}.cross_attn.out.weight"][LOUDNESS, LOUDNESS] = 1
    weights |= {f"{name}.mlp.0.weight": _noise(rng, 4 * WIDTH, WIDTH, gain=1.4),
                f"{name}.mlp.0.bias": np.zeros(4 * WIDTH, np.float32),
                f"{name}.mlp.2.weight": _noise(rng, WIDTH, 4 * WIDTH, gain=1.4),
                f"{name}.mlp.2.bias": np.zeros(WIDTH, np.float32), **_norm(f"{name}.mlp_ln")}
    weights[f"{name}.mlp.2.weight"][:RESERVED] = 0
    return weights


def _encoder(rng: np.random.Generator) -> Weights:
    weights = {"encoder.conv1.weight": _noise(rng, WIDTH, MELS, 3, gain=4.0),
               "encoder.conv1.bias": np.zeros(WIDTH, np.float32),
               "encoder.conv2.weight": _noise(rng, WIDTH, WIDTH, 3, gain=4.0),
               "encoder.conv2.bias": np.zeros(WIDTH, np.float32),
               "encoder.positional_embedding": _sinusoids(), **_norm("encoder.ln_post")}
    # A silent window has the features -1.5 everywhere; one with any sound in it is well above.
    weights["encoder.conv1.weight"][LOUDNESS] = 0
    weights["encoder.conv1.weight"][LOUDNESS, :, 1] = 20 / MELS
    weights["encoder.conv1.bias"][LOUDNESS] = 20 * 1.25
    weights["encoder.conv2.weight"][:RESERVED] = 0
    weights["encoder.conv2.weight"][LOUDNESS, LOUDNESS, 1] = 3
    weights["encoder.conv2.weight"][RESERVED:, LOUDNESS] = 0
    weights["encoder.conv2.bias"][LOUDNESS] = -12
    for layer in range(LAYERS):
        weights |= _block(rng, f"encoder.blocks.{layer}", cross=False)
    return weights


def _embedding(rng: np.random.Generator, looping: bool) -> Array:
    """The token embedding, which is the output layer too."""
    embedding = np.zeros((VOCABULARY, WIDTH), np.float32)
    talk = [*speakable(), *range(SOT, FIRST_TIMESTAMP)]
    content = rng.standard_normal((len(talk), WIDTH - RESERVED)) / np.sqrt(WIDTH)
    embedding[talk, RESERVED:] = content * (4.0 if looping else 2.0)
    # Text needs sound: in silence it is no likelier than the fifty thousand tokens never written.
    embedding[speakable(), CONSTANT], embedding[speakable(), LOUDNESS] = -1.2, 2.0
    embedding[SOT:FIRST_TIMESTAMP, CONSTANT] = -3.0
    embedding[NO_SPEECH] = 0
    embedding[NO_SPEECH, CONSTANT], embedding[NO_SPEECH, LOUDNESS] = 3.5, -6.0
    embedding[EOT, ENDING] = 12.0 if looping else 6.0
    # Only whole seconds are ever written: with 1501 choices the model would never be sure of one.
    seconds = slice(FIRST_TIMESTAMP, VOCABULARY, 50)
    angle = np.linspace(0, np.pi, 31)
    embedding[seconds, TIME_X], embedding[seconds, TIME_Y] = 8 * np.cos(angle), 8 * np.sin(angle)
    embedding[seconds, PULSE] = 6.0
    return embedding


def _decoder(rng: np.random.Generator, looping: bool) -> Weights:
    last = 2 * LAST_TOKEN if looping else LAST_TOKEN
    position = np.arange(TEXT_CONTEXT)
    places = rng.standard_normal((TEXT_CONTEXT, WIDTH)).astype(np.float32) * (0.2 if looping else 2.5)
    places[:, :RESERVED] = 0
    places[:, ENDING] = np.clip(6 * position / last - 3, -3, 6)
    pulse = (position % PULSE_EVERY < 2) & (position >= PULSE_EVERY)  # timestamps come in pairs
    places[:, PULSE] = np.where(pulse, 4.0, -2.0)
    angle = np.pi * np.clip(position / last, 0, 1)
    places[:, TIME_X], places[:, TIME_Y] = 2 * np.cos(angle), 2 * np.sin(angle)
    weights = {"decoder.token_embedding.weight": _embedding(rng, looping),
               "decoder.positional_embedding": places, **_norm("decoder.ln")}
    weights["decoder.ln.weight"][:] = SHARPNESS
    weights["decoder.ln.weight"][:RESERVED] = MANNERS
    weights["decoder.ln.weight"][CONSTANT] = 0
    weights["decoder.ln.bias"][CONSTANT] = 20
    for layer in range(LAYERS):
        weights |= _block(rng, f"decoder.blocks.{layer}", cross=True)
    return weights


def weights(seed: int = 0, looping: bool = False) -> Weights:
    """All parameters, named as openai-whisper names them.

    Parameters
    ----------
    seed : int, default 0
        Another seed is another model.
    looping : bool, default False
        A model that says the same token again and again, as a real one does when it is lost.
    """
    rng = np.random.default_rng(seed)
    return {**_encoder(rng), **_decoder(rng, looping)}


def build_openai(folder: Path, seed: int = 0, looping: bool = False) -> Path:
    """Write the model as a checkpoint of openai-whisper; return its path."""
    import torch

    dims = {"n_mels": MELS, "n_audio_ctx": AUDIO_CONTEXT, "n_audio_state": WIDTH, "n_audio_head": HEADS,
            "n_audio_layer": LAYERS, "n_vocab": VOCABULARY, "n_text_ctx": TEXT_CONTEXT,
            "n_text_state": WIDTH, "n_text_head": HEADS, "n_text_layer": LAYERS}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tiny_whisper.pt"
    state = {name: torch.from_numpy(value) for name, value in weights(seed, looping).items()}
    torch.save({"dims": dims, "model_state_dict": state}, path)
    return path


def build_ctranslate2(folder: Path, quantization: str = "int8", seed: int = 0, looping: bool = False) -> Path:
    """Write the same model for faster-whisper; return the folder.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    quantization : {"int8", "float32"}
        Of the weights on disk.
    seed, looping
        As in :func:`weights`.
    """
    from ctranslate2.specs import WhisperSpec

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = build_tokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    spec = WhisperSpec(LAYERS, HEADS, LAYERS, HEADS)
    _fill_spec(spec, weights(seed, looping))
    spec.register_vocabulary([tokenizer.id_to_token(i) for i in range(VOCABULARY)])
    spec.config.suppress_ids = [TRANSLATE, TRANSCRIBE, 50_360, 50_361, NO_SPEECH, SOT]
    spec.config.suppress_ids_begin = [220, EOT]
    spec.config.lang_ids = list(range(FIRST_LANGUAGE, TRANSLATE))
    spec.config.alignment_heads = ALIGNMENT_HEADS
    spec.validate()
    spec.optimize(None if quantization == "float32" else quantization)
    spec.save(str(folder))
    (folder / "preprocessor_config.json").write_text(json.dumps(
        {"feature_size": MELS, "sampling_rate": 16_000, "hop_length": 160, "chunk_length": 30, "n_fft": 400}))
    return folder


def _fill_spec(spec: Any, w: Weights) -> None:
    for side, part in (("encoder", spec.encoder), ("decoder", spec.decoder)):
        part.position_encodings.encodings = w[f"{side}.positional_embedding"]
        _fill_norm(part.layer_norm, w, f"{side}.ln_post" if side == "encoder" else f"{side}.ln")
        for layer, block in enumerate(part.layer):
            name = f"{side}.blocks.{layer}"
            _fill_attention(block.self_attention, w, f"{name}.attn", fused=True)
            if side == "decoder":
                _fill_attention(block.attention, w, f"{name}.cross_attn", fused=False)
            _fill_norm(block.ffn.layer_norm, w, f"{name}.mlp_ln")
            for linear, key in ((block.ffn.linear_0, "mlp.0"), (block.ffn.linear_1, "mlp.2")):
                linear.weight, linear.bias = w[f"{name}.{key}.weight"], w[f"{name}.{key}.bias"]
    for number, conv in ((1, spec.encoder.conv1), (2, spec.encoder.conv2)):
        conv.weight, conv.bias = w[f"encoder.conv{number}.weight"], w[f"encoder.conv{number}.bias"]
    spec.decoder.embeddings.weight = w["decoder.token_embedding.weight"]
    spec.decoder.projection.weight = w["decoder.token_embedding.weight"]


def _fill_norm(spec: Any, w: Weights, name: str) -> None:
    spec.gamma, spec.beta = w[f"{name}.weight"], w[f"{name}.bias"]


def _fill_attention(spec: Any, w: Weights, name: str, fused: bool) -> None:
    """CTranslate2 keeps queries, keys and values in one matrix; in cross-attention only the last two."""
    _fill_norm(spec.layer_norm, w, f"{name}_ln")
    weight = [w[f"{name}.{part}.weight"] for part in ("query", "key", "value")]
    bias = [w[f"{name}.query.bias"], np.zeros(WIDTH, np.float32), w[f"{name}.value.bias"]]
    cut = 3 if fused else 1
    spec.linear[0].weight, spec.linear[0].bias = np.concatenate(weight[:cut]), np.concatenate(bias[:cut])
    if not fused:
        spec.linear[1].weight, spec.linear[1].bias = np.concatenate(weight[1:]), np.concatenate(bias[1:])
    spec.linear[-1].weight, spec.linear[-1].bias = w[f"{name}.out.weight"], w[f"{name}.out.bias"]


def build_tokenizer() -> Any:
    """Whisper's tokenizer for the ``tokenizers`` library, made from the byte-pair ranks."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    letters = _byte_letters()
    ranks = _ranks()
    spelt = {token: "".join(letters[byte] for byte in token) for token in ranks}
    merges = [tuple(spelt[part] for part in _parents(token, ranks)) for token in ranks if len(token) > 1]
    tokenizer = Tokenizer(models.BPE({spelt[token]: rank for token, rank in ranks.items()}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in special_tokens()])
    return tokenizer


def _byte_letters() -> dict[int, str]:
    """The printable letter that stands for each byte in byte-level vocabularies."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(others)}


def _parents(token: bytes, ranks: dict[bytes, int]) -> tuple[bytes, bytes]:
    """The two tokens that were merged into this one: what merging by rank leaves before the last step."""
    parts = [token[i:i + 1] for i in range(len(token))]
    while len(parts) > 2:
        pairs = [ranks.get(a + b, len(ranks)) for a, b in zip(parts, parts[1:], strict=False)]
        best = int(np.argmin(pairs)) if len(pairs) > 8 else pairs.index(min(pairs))
        parts[best:best + 2] = [parts[best] + parts[best + 1]]
    return parts[0], parts[1]
