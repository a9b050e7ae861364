"""Models of a few kilobytes with the inputs and outputs that onnx-asr expects of GigaAM and Parakeet.

The weights are random but fixed, so the words mean nothing; they do depend on the audio, silence
gives none, and the graphs run through the real library: its features, its decoding, its timestamps.
As in the real encoders, strided convolutions with biases see whatever stands beyond a window's end.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

LETTERS = ("\u2581", *(chr(ord("а") + place) for place in range(32)), "<blk>")
"""GigaAM's own vocabulary: no ё, and the blank last."""

RUSSIAN_PIECES = ("<unk>", "\u2581При", "вет", "\u2581мир", ",", ".", "\u2581да", "\u2581", "нет", "?",
                  "\u2581и", "\u2581не", "ский", "\u258140", "%", "<blk>")
ENGLISH_PIECES = ("<unk>", "\u2581Hel", "lo", "\u2581world", ",", ".", "\u2581yes", "\u2581the", "ing", "?",
                  "\u2581a", "\u2581not", "ed", "\u25817", "'s", "<|nospeech|>", "<blk>")

_HIDDEN = 320  # of GigaAM's decoder; onnx-asr has the number in its code
_OPSET = 17


def speechlike(seconds: float, seed: int = 0) -> NDArray[np.float32]:
    """Syllables of changing tones and noise with pauses between them.

    Returns
    -------
    ndarray, shape (samples,), float32
        At 16 kHz.
    """
    random = np.random.default_rng(seed)
    parts, length = [], 0
    while length < seconds * 16_000:
        time = np.arange(random.integers(1200, 4800)) / 16_000
        tones = sum(random.uniform(0.05, 0.2) * np.sin(2 * np.pi * random.uniform(100, 6000) * time)
                    for _ in range(4))
        parts.append(tones + random.uniform(0.001, 0.05) * random.standard_normal(len(time)))
        if random.random() < 0.3:
            parts.append(np.zeros(random.integers(1600, 8000)))
        length = sum(map(len, parts))
    return np.concatenate(parts)[:int(seconds * 16_000)].astype(np.float32)


def gigaam_ctc(folder: Path, *, generation: str = "v3", e2e: bool = False, suffix: str = "",
               seed: int = 1) -> Path:
    """Write ``v3_ctc.onnx`` (``suffix`` ".int8": ``v3_ctc.int8.onnx``), its vocabulary and settings."""
    stem, pieces = _gigaam_names(folder, generation, e2e, "ctc")
    nodes, weights = _encoder("features", 64, len(pieces), strides=2, seed=seed)
    nodes += [helper.make_node("Transpose", ["encoded"], ["logits"], perm=[0, 2, 1]),
              helper.make_node("LogSoftmax", ["logits"], ["log_probs"], axis=-1)]
    _save(folder / f"{stem}{suffix}.onnx", nodes, weights,
          [("features", TensorProto.FLOAT, ["b", 64, "t"]), ("feature_lengths", TensorProto.INT64, ["b"])],
          [("log_probs", TensorProto.FLOAT, ["b", "frames", len(pieces)])])
    return folder


def gigaam_rnnt(folder: Path, *, generation: str = "v3", e2e: bool = False, suffix: str = "",
                seed: int = 1) -> Path:
    """Write the encoder, decoder and joint of a transducer, its vocabulary and settings."""
    stem, pieces = _gigaam_names(folder, generation, e2e, "rnnt")
    size = len(pieces)
    nodes, weights = _encoder("audio_signal", 64, size, strides=2, seed=seed)
    nodes, weights = _with_lengths(nodes, weights, 4, "encoded_len", TensorProto.INT32)
    _save(folder / f"{stem}_encoder{suffix}.onnx", nodes, weights,
          [("audio_signal", TensorProto.FLOAT, ["b", 64, "t"]), ("length", TensorProto.INT64, ["b"])],
          [("encoded", TensorProto.FLOAT, ["b", size, "frames"]), ("encoded_len", TensorProto.INT32, ["b"])])

    state = [1, 1, _HIDDEN]
    _save(folder / f"{stem}_decoder{suffix}.onnx",
          [*_memory("x", "h.1", "h"), helper.make_node("Identity", ["h"], ["dec"]),
           helper.make_node("Identity", ["c.1"], ["c"])],
          {"embedding": np.eye(size, _HIDDEN), "half": np.float32(0.5)},
          [("x", TensorProto.INT64, [1, 1]), ("h.1", TensorProto.FLOAT, state), ("c.1", TensorProto.FLOAT, state)],
          [("dec", TensorProto.FLOAT, state), ("h", TensorProto.FLOAT, state), ("c", TensorProto.FLOAT, state)])

    _save(folder / f"{stem}_joint{suffix}.onnx",
          [helper.make_node("Transpose", ["enc"], ["heard"], perm=[0, 2, 1]),
           helper.make_node("Transpose", ["dec"], ["said"], perm=[0, 2, 1]),
           helper.make_node("MatMul", ["said", "not_again"], ["penalty"]),
           helper.make_node("Add", ["heard", "penalty"], ["sum"]),
           helper.make_node("Unsqueeze", ["sum", "axis"], ["joint"])],
          {"not_again": _not_again(_HIDDEN, size, size - 1), "axis": np.array([1])},
          [("enc", TensorProto.FLOAT, [1, size, 1]), ("dec", TensorProto.FLOAT, [1, _HIDDEN, 1])],
          [("joint", TensorProto.FLOAT, [1, 1, 1, size])])
    return folder


def parakeet_tdt(folder: Path, *, suffix: str = "", seed: int = 1, external: bool = False) -> Path:
    """Write a TDT model: the encoder (``external``: weights in a file of their own) and the rest."""
    durations, hidden = 5, 24
    size, blank = len(ENGLISH_PIECES) + durations, len(ENGLISH_PIECES) - 1
    _write_vocab(folder / "vocab.txt", ENGLISH_PIECES)
    _write_config(folder, model_type="nemo-conformer-tdt", features_size=128, subsampling_factor=8)
    nodes, weights = _encoder("audio_signal", 128, size, strides=3, seed=seed, blank=blank)
    nodes, weights = _with_lengths(nodes, weights, 8, "encoded_lengths", TensorProto.INT64)
    nodes.append(helper.make_node("Identity", ["encoded"], ["outputs"]))
    _save(folder / f"encoder-model{suffix}.onnx", nodes, weights,
          [("audio_signal", TensorProto.FLOAT, ["b", 128, "t"]), ("length", TensorProto.INT64, ["b"])],
          [("outputs", TensorProto.FLOAT, ["b", size, "frames"]), ("encoded_lengths", TensorProto.INT64, ["b"])],
          external=external)

    state = [1, "b", hidden]
    _save(folder / f"decoder_joint-model{suffix}.onnx",
          [*_memory("targets", "input_states_1", "output_states_1"),
           helper.make_node("Identity", ["input_states_2"], ["output_states_2"]),
           helper.make_node("Transpose", ["encoder_outputs"], ["heard"], perm=[0, 2, 1]),
           helper.make_node("MatMul", ["output_states_1", "not_again"], ["penalty"]),
           helper.make_node("Add", ["heard", "penalty"], ["sum"]),
           helper.make_node("Unsqueeze", ["sum", "axis"], ["outputs"])],
          {"embedding": np.eye(size, hidden), "half": np.float32(0.5),
           "not_again": _not_again(hidden, size, blank), "axis": np.array([1])},
          [("encoder_outputs", TensorProto.FLOAT, ["b", size, "t"]), ("targets", TensorProto.INT32, ["b", "u"]),
           ("target_length", TensorProto.INT32, ["b"]), ("input_states_1", TensorProto.FLOAT, state),
           ("input_states_2", TensorProto.FLOAT, state)],
          [("outputs", TensorProto.FLOAT, ["b", "t", "u", size]), ("output_states_1", TensorProto.FLOAT, state),
           ("output_states_2", TensorProto.FLOAT, state)])
    return folder


_Weights = dict[str, NDArray[np.generic]]


def _encoder(features: str, bands: int, size: int, *, strides: int, seed: int,
             blank: int = -1) -> tuple[list[onnx.NodeProto], _Weights]:
    """Convolutions that halve the frames; the last one gives ``encoded``, shape (batch, size, frames)."""
    random = np.random.default_rng(seed)
    channels = [bands, *[12] * (strides - 1), size]
    nodes, weights, source = [], {}, features
    for step in range(strides):
        before, after = channels[step:step + 2]
        kernel = random.standard_normal((after, before, 3))
        if step == 0:  # silence has the same value in all bands, and shall say nothing
            kernel -= kernel.mean(axis=1, keepdims=True)
            kernel[0] = 0.2  # but how loud it is may be heard
        target = "encoded" if step == strides - 1 else f"layer{step}"
        weights |= {f"w{step}": kernel / np.sqrt(before), f"b{step}": 0.3 * random.standard_normal(after)}
        nodes.append(helper.make_node("Conv", [source, f"w{step}", f"b{step}"], [f"c{step}"],
                                      kernel_shape=[3], strides=[2], pads=[1, 1]))
        nodes.append(helper.make_node("Identity" if target == "encoded" else "Tanh", [f"c{step}"], [target]))
        source = target
    last = weights[f"b{strides - 1}"]
    last[blank] += 2.0  # as in a trained model, most frames say nothing
    if size == len(LETTERS):
        last[0] += 1.0  # and words are of some letters, not of forty
    return nodes, weights


def _with_lengths(nodes: list[onnx.NodeProto], weights: _Weights, factor: int, output: str,
                  kind: int) -> tuple[list[onnx.NodeProto], _Weights]:
    more = [helper.make_node("Sub", ["length", "one"], ["l0"]), helper.make_node("Div", ["l0", "factor"], ["l1"]),
            helper.make_node("Add", ["l1", "one"], ["l2"]), helper.make_node("Cast", ["l2"], [output], to=kind)]
    return nodes + more, weights | {"one": np.array(1), "factor": np.array(factor)}


def _memory(token: str, before: str, after: str) -> list[onnx.NodeProto]:
    """What was said last, and half of what was said before."""
    return [helper.make_node("Gather", ["embedding", token], ["last"]),
            helper.make_node("Mul", [before, "half"], ["faded"]),
            helper.make_node("Add", ["last", "faded"], [after])]


def _not_again(hidden: int, size: int, blank: int) -> NDArray[np.float64]:
    """What was said is less likely to be said again; the blank is not said."""
    weights = 0.3 * np.random.default_rng(9).standard_normal((hidden, size)) - 4 * np.eye(hidden, size)
    weights[blank] = weights[:, blank] = 0
    return weights


def _gigaam_names(folder: Path, generation: str, e2e: bool, kind: str) -> tuple[str, Sequence[str]]:
    stem = f"{generation}_e2e_{kind}" if e2e else f"{generation}_{kind}"
    pieces = RUSSIAN_PIECES if e2e else LETTERS
    _write_vocab(folder / (f"{stem}_vocab.txt" if e2e else f"{generation}_vocab.txt"), pieces)
    _write_config(folder, model_type="gigaam", version=generation, subsampling_factor=4)
    return stem, pieces


def _write_vocab(path: Path, pieces: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{piece} {place}\n" for place, piece in enumerate(pieces)), encoding="utf-8")


def _write_config(folder: Path, **settings: object) -> None:
    (folder / "config.json").write_text(json.dumps(settings), encoding="utf-8")


_Values = Sequence[tuple[str, int, Sequence[int | str]]]


def _save(path: Path, nodes: Sequence[onnx.NodeProto], weights: _Weights, inputs: _Values, outputs: _Values,
          external: bool = False) -> None:
    tensors = [numpy_helper.from_array(np.asarray(value, np.float32 if np.asarray(value).dtype.kind == "f"
                                                  else np.int64), name) for name, value in weights.items()]
    graph = helper.make_graph(list(nodes), path.stem, [helper.make_tensor_value_info(*each) for each in inputs],
                              [helper.make_tensor_value_info(*each) for each in outputs], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)])
    model.ir_version = 8  # older than the newest, for older onnxruntimes
    onnx.checker.check_model(model)
    onnx.save(model, str(path), save_as_external_data=external, location=f"{path.name}.data", size_threshold=0)
