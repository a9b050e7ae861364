"""Writes a Whisper's weights as the files that faster-whisper and openai-whisper read, tokenizer included."""

from __future__ import annotations

import base64
import functools
import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicekit.benchmark.shapes import AUDIO_CONTEXT, EOT, FIRST_LANGUAGE, SOT, TEXT_CONTEXT, TIMESTAMPS, Shape
from voicekit.errors import EngineMissingError
from voicekit.languages import LANGUAGES

Array = NDArray[np.float32]
Weights = dict[str, Array]
"""All parameters, named as openai-whisper names them."""


def sinusoids(width: int) -> Array:
    """The positions of the encoder, which are not learnt."""
    scales = np.exp(-np.log(10_000) / (width // 2 - 1) * np.arange(width // 2))
    times = np.arange(AUDIO_CONTEXT)[:, None] * scales[None, :]
    return np.concatenate([np.sin(times), np.cos(times)], axis=1).astype(np.float32)


def write_openai(path: Path, shape: Shape, weights: Weights, half: bool = False) -> Path:
    """Write a checkpoint of openai-whisper.

    Parameters
    ----------
    path : Path
        The ``.pt`` to write; its folder is made.
    shape, weights
        The model.
    half : bool
        In half precision, as the published ones are.

    Raises
    ------
    ModuleNotFoundError
        If torch is not installed.
    """
    import torch

    sides = {"audio": shape.encoder_layers, "text": shape.decoder_layers}
    dims = {"n_mels": shape.mels, "n_vocab": shape.vocabulary, "n_audio_ctx": AUDIO_CONTEXT,
            "n_text_ctx": TEXT_CONTEXT}
    for side, layers in sides.items():
        dims |= {f"n_{side}_state": shape.width, f"n_{side}_head": shape.heads, f"n_{side}_layer": layers}
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {name: torch.from_numpy(value) for name, value in weights.items()}
    if half:
        state = {name: value.half() for name, value in state.items()}
    torch.save({"dims": dims, "model_state_dict": state}, path)
    return path


def write_ctranslate2(folder: Path, shape: Shape, weights: Weights, quantization: str = "int8") -> Path:
    """Write a model's folder for faster-whisper.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    shape, weights
        The model.
    quantization : {"int8", "float16", "float32"}
        Of the weights on disk.
    """
    from ctranslate2.specs import WhisperSpec

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = build_tokenizer(shape.languages)
    tokenizer.save(str(folder / "tokenizer.json"))
    spec = WhisperSpec(shape.encoder_layers, shape.heads, shape.decoder_layers, shape.heads)
    _fill_spec(spec, {name: value.copy() for name, value in weights.items()})  # it is quantized in place
    spec.register_vocabulary([tokenizer.id_to_token(i) for i in range(shape.vocabulary)])
    spec.config.suppress_ids = [*range(shape.translate, shape.no_timestamps), SOT]
    spec.config.suppress_ids_begin = [220, EOT]
    spec.config.lang_ids = list(range(FIRST_LANGUAGE, shape.translate))
    spec.config.alignment_heads = shape.alignment_heads
    spec.validate()
    spec.optimize(None if quantization == "float32" else quantization)
    spec.save(str(folder))
    (folder / "preprocessor_config.json").write_text(json.dumps(
        {"feature_size": shape.mels, "sampling_rate": 16_000, "hop_length": 160, "chunk_length": 30, "n_fft": 400}))
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
    bias = [w[f"{name}.query.bias"], np.zeros_like(w[f"{name}.query.bias"]), w[f"{name}.value.bias"]]
    cut = 3 if fused else 1
    spec.linear[0].weight, spec.linear[0].bias = np.concatenate(weight[:cut]), np.concatenate(bias[:cut])
    if not fused:
        spec.linear[1].weight, spec.linear[1].bias = np.concatenate(weight[1:]), np.concatenate(bias[1:])
    spec.linear[-1].weight, spec.linear[-1].bias = w[f"{name}.out.weight"], w[f"{name}.out.bias"]


@functools.lru_cache(maxsize=1)
def ranks() -> Mapping[bytes, int]:
    """Whisper's byte-pair ranks, from the file inside openai-whisper (which is not imported).

    Raises
    ------
    EngineMissingError
        If it is not installed.
    """
    package = importlib.util.find_spec("whisper")
    if package is None or not package.submodule_search_locations:
        raise EngineMissingError("A Whisper of random weights needs the vocabulary of openai-whisper, which is not "
                                 "installed.", 'Install it: pip install -e ".[openai]"; or give the folder of a real '
                                 "model.")
    path = Path(package.submodule_search_locations[0]) / "assets" / "multilingual.tiktoken"
    lines = path.read_text(encoding="ascii").splitlines()
    return {base64.b64decode(token): int(rank) for token, rank in map(str.split, lines)}


def special_tokens(languages: int = 99) -> list[str]:
    """Every token after the text tokens, in order."""
    codes = list(LANGUAGES)[:languages]  # Cantonese is the last
    return ["<|endoftext|>", "<|startoftranscript|>", *(f"<|{code}|>" for code in codes),
            "<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>",
            "<|notimestamps|>", *(f"<|{i * 0.02:.2f}|>" for i in range(TIMESTAMPS))]


def build_tokenizer(languages: int = 99) -> Any:
    """Whisper's tokenizer for the ``tokenizers`` library, made from the byte-pair ranks."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    letters = _byte_letters()
    rank = ranks()
    spelt = {token: "".join(letters[byte] for byte in token) for token in rank}
    pairs = (_parents(token, rank) for token in rank if len(token) > 1)
    merges = [(spelt[left], spelt[right]) for left, right in pairs]
    tokenizer = Tokenizer(models.BPE({spelt[token]: number for token, number in rank.items()}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in special_tokens(languages)])
    return tokenizer


def _byte_letters() -> dict[int, str]:
    """The printable letter that stands for each byte in byte-level vocabularies."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(others)}


def _parents(token: bytes, ranks: Mapping[bytes, int]) -> tuple[bytes, bytes]:
    """The two tokens that were merged into this one: what merging by rank leaves before the last step."""
    parts = [token[i:i + 1] for i in range(len(token))]
    while len(parts) > 2:
        pairs = [ranks.get(a + b, len(ranks)) for a, b in zip(parts, parts[1:], strict=False)]
        best = int(np.argmin(pairs)) if len(pairs) > 8 else pairs.index(min(pairs))
        parts[best:best + 2] = [parts[best] + parts[best + 1]]
    return parts[0], parts[1]
