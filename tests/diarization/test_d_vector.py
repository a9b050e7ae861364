from __future__ import annotations

import pickle
import struct
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.diarization.d_vectors import random_weights, save
from voicekit.diarization.d_vector import BATCH, FRAMES, Bands, DVector
from voicekit.diarization.d_vector_file import SHAPES, read_weights
from voicekit.errors import ModelError
from voicekit.protocols import ModelOnDisk

torch = pytest.importorskip("torch")


def of_torch(weights: dict[str, NDArray[np.float32]], bands: NDArray[np.float32]) -> NDArray[np.float32]:
    lstm = torch.nn.LSTM(40, 256, 3, batch_first=True)
    lstm.load_state_dict({name.removeprefix("lstm."): torch.from_numpy(values)
                          for name, values in weights.items() if name.startswith("lstm.")})
    with torch.inference_mode():
        hidden = lstm(torch.from_numpy(bands))[1][0][-1]
        raw = torch.relu(hidden @ torch.from_numpy(weights["linear.weight"]).T + torch.from_numpy(weights["linear.bias"]))
    return (raw / raw.norm(dim=1, keepdim=True)).numpy()


def windows(speech: NDArray[np.int16], number: int) -> NDArray[np.float32]:
    bands = Bands()(speech.astype(np.float32) / np.float32(32768))
    return np.stack([bands[start:start + FRAMES] for start in range(0, 18 * number, 18)])


def test_mel_bands_are_librosas(speech: NDArray[np.int16]) -> None:
    librosa = pytest.importorskip("librosa")
    sound = speech[:80_100].astype(np.float32) / np.float32(32768)
    expected = librosa.feature.melspectrogram(y=sound, sr=16_000, n_fft=400, hop_length=160, n_mels=40).T
    np.testing.assert_allclose(Bands()(sound), expected, rtol=1e-4, atol=1e-6)


def test_embeddings_are_those_of_torchs_lstm(speech: NDArray[np.int16]) -> None:
    weights = random_weights(3)
    bands = windows(speech, 45)  # a whole batch and part of another
    np.testing.assert_allclose(DVector(weights)(bands), of_torch(weights, bands), atol=1e-5)


def test_embeddings_of_the_real_weights_are_those_of_torch(d_vector: ModelOnDisk, speech: NDArray[np.int16]) -> None:
    weights, bands = read_weights(Path(d_vector.path)), windows(speech, 45)
    found = DVector(weights)(bands)
    np.testing.assert_allclose(found, of_torch(weights, bands), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, rtol=1e-5)


def test_neither_threads_nor_neighbours_change_a_bit(speech: NDArray[np.int16]) -> None:
    weights, bands = random_weights(4), windows(speech, 3 * BATCH + 7)
    serial = DVector(weights)(bands)
    for threads in (2, 4):
        assert np.array_equal(DVector(weights, threads)(bands), serial)
    assert np.array_equal(DVector(weights)(bands[50:61]), serial[50:61])
    assert DVector(weights)(bands[:0]).shape == (0, 256)


def test_what_excites_nothing_is_nan() -> None:
    weights = random_weights(5)
    weights["linear.bias"] = np.full(256, -1e3, np.float32)
    assert np.isnan(DVector(weights)(np.zeros((2, FRAMES, 40), np.float32))).all()


def test_weights_are_those_that_torch_reads(tmp_path: Path, d_vector: ModelOnDisk) -> None:
    made = random_weights(6)
    for path in (save(made, tmp_path / "made.pt"), Path(d_vector.path)):
        expected = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
        found = read_weights(path)
        assert list(found) == list(SHAPES)
        for name, values in found.items():
            assert values.dtype == np.float32 and np.array_equal(values, expected[name].numpy()), name


class Planted:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.target), "w")


@pytest.mark.parametrize("place", [0, 1, 2, 3, 4])
def test_a_planted_pickle_does_not_run(tmp_path: Path, place: int) -> None:
    parts: list[object] = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, {"model_state": {}}, []]
    parts[place] = Planted(tmp_path / "was here")
    (tmp_path / "planted.pt").write_bytes(b"".join(pickle.dumps(part, protocol=2) for part in parts))
    with pytest.raises(ModelError, match="no checkpoint"):
        read_weights(tmp_path / "planted.pt")
    assert not (tmp_path / "was here").exists()
    pickle.loads(pickle.dumps(Planted(tmp_path / "was here"), protocol=2)).close()
    assert (tmp_path / "was here").exists(), "the trap itself works"


def test_other_files_are_refused_with_what_to_do(tmp_path: Path) -> None:
    whole = save(random_weights(7), tmp_path / "whole.pt").read_bytes()
    smaller = random_weights(7) | {"linear.bias": np.zeros(255, np.float32)}
    broken = random_weights(7) | {"linear.bias": np.full(256, np.nan, np.float32)}
    cases = {"cut.pt": whole[:-1000], "short.pt": whole[:300], "empty.pt": b"", "text.pt": b"no weights at all\n",
             "zip.pt": b"PK\3\4" + bytes(100)}
    for name, content in cases.items():
        (tmp_path / name).write_bytes(content)
    save(smaller, tmp_path / "smaller.pt")
    save(broken, tmp_path / "broken.pt")
    torch.save({"model_state": OrderedDict()}, tmp_path / "without.pt", _use_new_zipfile_serialization=False)
    torch.save({"model_state": {}}, tmp_path / "new.pt")
    for name in (*cases, "smaller.pt", "broken.pt", "without.pt", "new.pt", "missing.pt"):
        with pytest.raises(ModelError) as error:
            read_weights(tmp_path / name)
        assert "fetch" in error.value.hint, name


def test_a_file_that_promises_too_much_takes_no_memory(tmp_path: Path) -> None:
    whole = save(random_weights(8), tmp_path / "whole.pt").read_bytes()
    count = struct.pack("<q", 1024 * 40)
    assert whole.count(count) == 1
    for number in (1 << 40, -5):
        (tmp_path / "more.pt").write_bytes(whole.replace(count, struct.pack("<q", number)))
        with pytest.raises(ModelError):
            read_weights(tmp_path / "more.pt")


def test_torch_is_not_needed(d_vector: ModelOnDisk) -> None:
    code = ("import sys; sys.modules['torch'] = None\n"
            "from pathlib import Path\nimport numpy as np\n"
            "from voicekit.diarization.d_vector import Bands, DVector\n"
            "from voicekit.diarization.d_vector_file import read_weights\n"
            f"bands = Bands()(np.random.default_rng(0).normal(0, 0.01, 32000).astype('float32'))[None, :160]\n"
            f"print(DVector(read_weights(Path({d_vector.path!r})))(bands).shape)")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "(1, 256)\n"
