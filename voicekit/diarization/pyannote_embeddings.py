"""How the local speakers of each window sound: pyannote's embeddings, computed once per window.

pyannote.audio 4.0.7 runs the whole network for every local speaker of a window (three times, mostly), though only
the last step, a weighted mean and deviation over time, depends on the speaker. Here the trunk is run once for a
window, and not at all where nobody speaks. The result is the same, bit for bit.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

TRUNK_BATCH = {"cpu": 1, "cuda": 32}
"""Windows at once. On a CPU what one window computes still fits into its caches: in batches of 32 it takes 1.7 times
as long."""


def embeddings(pipeline: Any, windows: Any, binary: NDArray[Any]) -> NDArray[np.float32]:
    """As ``SpeakerDiarization.get_embeddings`` computes them.

    Parameters
    ----------
    pipeline : pyannote.audio.pipelines.SpeakerDiarization
        Loaded; its ``embedding_batch_size`` rows go through the last layer together, and through everything where
        the model is of another kind than WeSpeaker's.
    windows : torch.Tensor, shape (windows, samples), float32
        Sound, on the CPU.
    binary : ndarray, shape (windows, frames, local speakers)
        Who is active: 0 or 1.

    Returns
    -------
    ndarray, shape (windows, local speakers, dimension), float32
        For a speaker who is silent, what the model gives for nothing: always the same vector, or NaN.
    """
    import torch
    from pyannote.audio.models.embedding.wespeaker import BaseWeSpeakerResNet

    model = getattr(pipeline._embedding, "model_", None)
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        masks = torch.from_numpy(_masks(pipeline, windows.shape[-1], binary))
        if isinstance(model, BaseWeSpeakerResNet):
            rows = _shared(model, windows, masks, pipeline.embedding_batch_size)
        else:
            rows = _separate(pipeline, windows, masks)
    found: NDArray[np.float32] = rows.astype(np.float32, copy=False).reshape(*masks.shape[:2], -1)
    return found


def _masks(pipeline: Any, samples: int, binary: NDArray[Any]) -> NDArray[np.float32]:
    """The frames that count for each local speaker: (windows, local speakers, frames), 0 or 1.

    Without overlap where the pipeline wants that and enough is left, else all of the speaker's.
    """
    frames = binary.shape[1]
    whole = np.ascontiguousarray(binary.transpose(0, 2, 1), np.float32)
    if not pipeline.embedding_exclude_overlap:
        return whole
    least = math.ceil(frames * pipeline._embedding.min_num_samples / samples)
    clean = whole * (whole.sum(axis=1, keepdims=True) < 2)
    enough = clean.sum(axis=2, keepdims=True) > least
    masks: NDArray[np.float32] = np.where(enough, clean, whole)
    return masks


def _shared(model: Any, windows: Any, masks: Any, batch: int) -> NDArray[Any]:
    """One run of the trunk per window. Its output depends neither on what is in the batch nor on threads."""
    import torch

    device = model.device
    resnet = model.resnet
    pooled = torch.zeros((*masks.shape[:2], resnet.pool_out_dim), device=device)
    # A speaker without frames gets exactly 0 from the pooling: no need to run the trunk for a silent window.
    heard = torch.nonzero(masks.flatten(1).any(dim=1)).flatten()
    for some in heard.split(TRUNK_BATCH[device.type]) if len(heard) else ():
        frames = model.forward_frames(windows[some][:, None].to(device))
        pooled[some.to(device)] = resnet.pool(frames, weights=masks[some].to(device))
    with _one_thread():
        return np.vstack([_last_layers(resnet, rows).cpu().numpy() for rows in pooled.flatten(0, 1).split(batch)])


def _last_layers(resnet: Any, pooled: Any) -> Any:
    found = resnet.seg_1(pooled)
    return resnet.seg_2(resnet.seg_bn_1(found.relu())) if resnet.two_emb_layer else found


def _separate(pipeline: Any, windows: Any, masks: Any) -> NDArray[Any]:
    """One run of the model per local speaker, in pyannote's own batches."""
    import torch

    speakers = masks.shape[1]
    found = []
    for rows in torch.arange(masks.shape[0] * speakers).split(pipeline.embedding_batch_size):
        found.append(pipeline._embedding(windows[rows // speakers][:, None], masks=masks.flatten(0, 1)[rows]))
    return np.vstack(found)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """A matrix product rounds otherwise with another number of threads, where it has few rows."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
