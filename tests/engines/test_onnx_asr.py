from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.engines.onnx_kinds import KINDS, build, put_in_cache, spec, speech
from voicekit import device_audit, engines
from voicekit.engines.onnx_asr import GigaAM, Parakeet
from voicekit.engines.onnx_models import EUROPEAN
from voicekit.errors import DeviceError, ModelError, UsageError
from voicekit.options import DecodingOptions
from voicekit.protocols import Transcriber
from voicekit.types import WindowResult


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Transcriber]:
    made: dict[str, Transcriber] = {}

    def load(kind: str) -> Transcriber:
        if kind not in made:
            folder = tmp_path_factory.mktemp(kind)
            adapter = build(kind, folder)
            made[kind] = adapter.load(spec(adapter, folder))
        return made[kind]

    return load


# --- what the planner reads -----------------------------------------------------------------------

def test_profiles() -> None:
    assert GigaAM.profile.languages == {"ru"}
    assert Parakeet.profile.languages == EUROPEAN and len(EUROPEAN) == 25
    for adapter in (GigaAM(), Parakeet()):
        assert adapter.profile.package == "onnx_asr" and adapter.profile.extra == "onnx"
        assert not adapter.profile.batched and adapter.profile.max_window <= 30
        assert adapter.profile.compute_types["cpu"][0] == "float32"
        for quality in ("fast", "normal", "high"):
            for device in ("cpu", "cuda"):
                assert adapter.default_model(quality, device) in adapter.models()  # type: ignore[arg-type]
    assert GigaAM().default_model("fast", "cpu") == "gigaam-v3-ctc"
    assert GigaAM().default_model("high", "cuda") == "gigaam-v3-e2e-rnnt"
    assert isinstance(engines.adapter("gigaam"), GigaAM) and isinstance(engines.adapter("parakeet"), Parakeet)


def test_nothing_heavy_is_imported_to_ask() -> None:
    code = ("import sys; from voicekit.engines.onnx_asr import GigaAM, Parakeet; Parakeet().models(); "
            "GigaAM().default_model('fast', 'cpu'); GigaAM().profile; "
            "print([m for m in ('onnx_asr', 'onnxruntime', 'huggingface_hub', 'torch') if m in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- loading --------------------------------------------------------------------------------------

@pytest.mark.model
@pytest.mark.parametrize("kind", KINDS)
def test_load(kind: str, loaded: Callable[[str], Transcriber]) -> None:
    engine = loaded(kind)
    assert engine.device == "cpu"
    assert "onnx-asr " in engines.version("gigaam") and "onnxruntime" in engines.version("parakeet")


@pytest.mark.model
def test_torch_is_not_needed(tmp_path: Path) -> None:
    build("tdt", tmp_path)
    code = ("import sys; sys.modules['torch'] = None\n"
            "from voicekit.engines.onnx_asr import Parakeet; from voicekit.protocols import EngineSpec\n"
            "from voicekit.options import DecodingOptions; import numpy as np; a = Parakeet()\n"
            f"e = a.load(EngineSpec('parakeet', a.find({str(tmp_path)!r}), 'cpu', 'float32', 1))\n"
            "print(e.transcribe([np.zeros(16000, np.float32)], DecodingOptions())[0].status)")
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "empty"


@pytest.mark.model
def test_threads_reach_every_session(tmp_path: Path) -> None:
    adapter = build("rnnt", tmp_path)
    engine = adapter.load(spec(adapter, tmp_path, threads=2))
    asr: Any = engine._recognizer.asr  # type: ignore[attr-defined]
    for session in (asr._encoder, asr._decoder, asr._joiner):
        options = session.get_session_options()
        assert (options.intra_op_num_threads, options.inter_op_num_threads) == (2, 1)


@pytest.mark.model
def test_int8_takes_the_int8_files(tmp_path: Path) -> None:
    adapter = build("ctc", tmp_path, seed=1)
    plain = spec(adapter, tmp_path)
    with pytest.raises(ModelError, match=r"no int8 files: it lacks v3_ctc\.int8\.onnx") as caught:
        adapter.load(spec(adapter, tmp_path, compute_type="int8"))
    assert "--compute-type float32" in caught.value.hint
    build("ctc", tmp_path, seed=2, suffix=".int8")
    both = spec(adapter, tmp_path, compute_type="int8")
    assert both.model.bytes == plain.model.bytes and both.model.revision != plain.model.revision
    texts = [adapter.load(each).transcribe(speech(4), DecodingOptions())[0] for each in (plain, both)]
    assert texts[0] != texts[1]
    (tmp_path / "v3_ctc.onnx").unlink()
    assert adapter.load(spec(adapter, tmp_path, compute_type="int8")).transcribe(
        speech(4), DecodingOptions())[0] == texts[1]
    with pytest.raises(ModelError, match="no float32 files"):
        adapter.load(spec(adapter, tmp_path))


@pytest.mark.model
def test_precisions_that_do_not_exist(tmp_path: Path) -> None:
    adapter = build("ctc", tmp_path)
    with pytest.raises(UsageError, match="no float16 on cpu") as caught:
        adapter.load(spec(adapter, tmp_path, compute_type="float16"))
    assert caught.value.hint == "Use --compute-type float32 or int8."
    with pytest.raises(UsageError, match="no int8 on cuda:0"):
        adapter.load(spec(adapter, tmp_path, device="cuda:0", compute_type="int8"))


@pytest.mark.model
@pytest.mark.parametrize(("kind", "file"), [("ctc", "v3_ctc.onnx"), ("rnnt", "v3_rnnt_joint.onnx"),
                                            ("ctc", "v3_vocab.txt"), ("tdt-data", "encoder-model.onnx.data")])
def test_damaged_files(kind: str, file: str, tmp_path: Path) -> None:
    adapter = build(kind, tmp_path)
    (tmp_path / file).write_bytes(b"not a model")
    with pytest.raises(ModelError, match="cannot be loaded: .") as caught:
        adapter.load(spec(adapter, tmp_path))
    assert "copy them anew" in caught.value.hint and caught.value.__cause__ is not None


@pytest.mark.model
def test_a_damaged_file_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = build("ctc", tmp_path / "made")
    (tmp_path / "made" / "v3_ctc.onnx").write_bytes(b"not a model")
    monkeypatch.setenv("VOICEKIT_MODELS", str(tmp_path))
    put_in_cache(tmp_path / "hub", "istupakov/gigaam-v3-onnx", tmp_path / "made")
    with pytest.raises(ModelError, match="gigaam-v3-ctc cannot be loaded") as caught:
        adapter.load(spec(adapter, "gigaam-v3-ctc"))
    # Its blobs have to go too: to fetch what the hub's client believes to have does nothing.
    assert "hub/models--istupakov--gigaam-v3-onnx and run: voicekit models fetch" in caught.value.hint


@pytest.mark.model
def test_files_that_do_not_fit_together_fail_while_loading(tmp_path: Path) -> None:
    adapter = build("tdt", tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["features_size"]  # then onnx-asr takes 80
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="cannot be loaded"):
        adapter.load(spec(adapter, tmp_path))


# --- devices --------------------------------------------------------------------------------------

def without_cuda() -> bool:
    runtime = pytest.importorskip("onnxruntime")
    return "CUDAExecutionProvider" not in runtime.get_available_providers()


@pytest.mark.model
@pytest.mark.parametrize("kind", ["ctc", "rnnt", "tdt"])
def test_a_gpu_that_is_not_there_is_an_error(kind: str, tmp_path: Path) -> None:
    if not without_cuda():
        pytest.skip("onnxruntime has its CUDA provider here")
    adapter = build(kind, tmp_path)
    assert adapter.cuda_devices() == 0
    with pytest.raises(DeviceError, match="cannot run on cuda:0: it has no CUDA provider") as caught:
        adapter.load(spec(adapter, tmp_path, device="cuda:0"))
    assert "onnxruntime-gpu" in caught.value.hint


@pytest.mark.model
@pytest.mark.filterwarnings("ignore:Specified provider 'CUDAExecutionProvider'")
@pytest.mark.parametrize(("kind", "session"), [("ctc", "model"), ("rnnt", "encoder"), ("tdt", "encoder")])
def test_a_silent_fall_back_to_the_cpu_is_found(kind: str, session: str, tmp_path: Path,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    # So it is where the provider is installed but cannot load CUDA: onnxruntime goes on with the CPU.
    if not without_cuda():
        pytest.skip("onnxruntime has its CUDA provider here")
    import onnxruntime

    adapter = build(kind, tmp_path)
    monkeypatch.setattr(onnxruntime, "get_available_providers",
                        lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"])
    with pytest.raises(DeviceError, match=f"The model's {session} is on cpu, not on cuda:0"):
        adapter.load(spec(adapter, tmp_path, device="cuda:0"))


@pytest.mark.model
@pytest.mark.parametrize("strayed", ["_encoder", "_decoder", "_joiner"])
def test_every_session_is_looked_at(strayed: str, tmp_path: Path) -> None:
    adapter = build("rnnt", tmp_path)
    asr: Any = adapter.load(spec(adapter, tmp_path))._recognizer.asr  # type: ignore[attr-defined]
    assert not any(getattr(asr, name)._enable_fallback for name in ("_encoder", "_decoder", "_joiner"))
    getattr(asr, strayed).get_providers = lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
    getattr(asr, strayed).get_provider_options = lambda: {"CUDAExecutionProvider": {"device_id": "1"}}
    with pytest.raises(DeviceError, match=f"The model's {strayed[1:]} is on cuda:1, not on cpu"):
        device_audit.audit(asr, "cpu")
    asr._encoder = asr._decoder = asr._joiner = None
    with pytest.raises(DeviceError, match="neither a tensor nor a session"):
        device_audit.audit(asr, "cpu")


def test_gpus_are_counted_only_where_onnxruntime_can_use_them(monkeypatch: pytest.MonkeyPatch) -> None:
    import ctranslate2
    onnxruntime = pytest.importorskip("onnxruntime")

    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 2)
    for providers, count in ((["CPUExecutionProvider"], 0), (["CUDAExecutionProvider"], 2)):
        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda providers=providers: providers)
        assert GigaAM().cuda_devices() == Parakeet().cuda_devices() == count


@pytest.mark.model
def test_other_devices(tmp_path: Path) -> None:
    adapter = build("ctc", tmp_path)
    with pytest.raises(DeviceError, match="gigaam cannot run on mps"):
        adapter.load(spec(adapter, tmp_path, device="mps"))


@pytest.mark.gpu
@pytest.mark.parametrize("kind", ["ctc", "rnnt", "tdt"])
def test_the_gpu_writes_what_the_cpu_writes(kind: str, tmp_path: Path,
                                            loaded: Callable[[str], Transcriber]) -> None:
    if without_cuda():
        pytest.skip("onnxruntime has no CUDA provider here")
    adapter = build(kind, tmp_path)
    engine = adapter.load(spec(adapter, tmp_path, device="cuda:0"))
    assert engine.device == "cuda:0"
    windows = speech(3, 7)
    texts = [[each.segments[0].text for each in one.transcribe(windows, DecodingOptions())]
             for one in (engine, loaded(kind))]
    assert texts[0] == texts[1]


# --- transcribing ---------------------------------------------------------------------------------

def check_times(result: WindowResult, duration: float) -> None:
    for segment in result.segments:
        assert "".join(word.word for word in segment.words).strip() == segment.text
        assert (segment.start, segment.end) == (segment.words[0].start, segment.words[-1].end)
        before = 0.0
        for word in segment.words:
            assert 0 <= before <= word.start <= word.end <= duration
            assert word.word.startswith(" ") and word.word.strip() and " " not in word.word.strip()
            assert 0 < word.probability <= 1
            before = word.end


@pytest.mark.model
@pytest.mark.parametrize("kind", KINDS)
def test_words_have_times_and_probabilities(kind: str, loaded: Callable[[str], Transcriber]) -> None:
    windows = speech(3, 25, 0.6, 12.3456)
    results = loaded(kind).transcribe(windows, DecodingOptions())
    for window, result in zip(windows, results, strict=True):
        assert result.status == "transcribed" and len(result.segments) == 1
        assert result.segments[0].text == result.segments[0].text.strip()
        check_times(result, len(window) / 16_000)
    assert len({result.segments[0].text for result in results}) == 4
    assert len(results[1].segments[0].words) > 5


@pytest.mark.model
@pytest.mark.parametrize("kind", ["e2e-ctc", "e2e-rnnt", "tdt"])
def test_pieces_become_words(kind: str, loaded: Callable[[str], Transcriber]) -> None:
    text = loaded(kind).transcribe(speech(25), DecodingOptions())[0].segments[0].text
    assert not any(mark in text for mark in ("\u2581", "<", " ,", " .", "  "))
    assert text[0] not in ",."


@pytest.mark.model
@pytest.mark.parametrize("kind", KINDS)
def test_neighbours_do_not_matter(kind: str, loaded: Callable[[str], Transcriber]) -> None:
    engine, windows = loaded(kind), speech(2, 9, 0.4, 5)
    alone = [engine.transcribe([window], DecodingOptions())[0] for window in windows]
    for size in range(1, 5):
        assert engine.transcribe(windows[:size], DecodingOptions()) == alone[:size]
    assert engine.transcribe(windows[::-1], DecodingOptions()) == alone[::-1]


@pytest.mark.model
@pytest.mark.parametrize("kind", ["ctc", "rnnt", "v2-ctc", "tdt"])
def test_why_windows_go_one_by_one(kind: str, loaded: Callable[[str], Transcriber]) -> None:
    # The library pads the shorter windows of a batch, and unmasked convolutions hear the padding.
    asr: Any = loaded(kind)._recognizer.asr  # type: ignore[attr-defined]
    farthest = 0.0
    for samples in range(16_000, 17_280, 160):
        window = speech(2)[0][:samples]
        alone, frames = asr._encode(*asr._preprocessor(window[None], np.array([samples])))
        padded = np.pad(window, (0, 16_000))[None]
        together, same = asr._encode(*asr._preprocessor(padded, np.array([samples])))
        assert frames == same
        farthest = max(farthest, float(np.abs(alone[0, :frames[0]] - together[0, :frames[0]]).max()))
    assert farthest > 0.1


@pytest.mark.model
@pytest.mark.parametrize("kind", ["ctc", "e2e-rnnt", "tdt"])
def test_the_same_again_in_another_process_and_with_other_threads(
        kind: str, tmp_path: Path, loaded: Callable[[str], Transcriber]) -> None:
    windows = speech(6, 2)
    first = loaded(kind).transcribe(windows, DecodingOptions())
    assert loaded(kind).transcribe(windows, DecodingOptions()) == first
    adapter = build(kind, tmp_path)
    code = ("import pickle, sys; from voicekit import engines\n"
            "from voicekit.options import DecodingOptions\n"
            "spec, windows = pickle.load(sys.stdin.buffer)\n"
            "results = engines.adapter(spec.engine).load(spec).transcribe(windows, DecodingOptions())\n"
            "sys.stdout.buffer.write(pickle.dumps(results))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True,
                          input=pickle.dumps((spec(adapter, tmp_path, threads=2), windows)))
    again: list[WindowResult] = pickle.loads(done.stdout)
    for result, expected in zip(again, first, strict=True):
        assert result.segments[0].text == expected.segments[0].text
        assert [(word.start, word.end) for word in result.segments[0].words] == [
            (word.start, word.end) for word in expected.segments[0].words]


@pytest.mark.model
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("samples", [0, 1, 100, 319, 1599, 16_000, 200_000])
def test_silence_and_scraps_are_empty(kind: str, samples: int, loaded: Callable[[str], Transcriber]) -> None:
    silence = np.zeros(samples, np.float32)
    assert loaded(kind).transcribe([silence], DecodingOptions()) == [WindowResult("empty", reason="no words")]


@pytest.mark.model
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("samples", [1, 160, 320, 1000])
def test_a_scrap_of_sound_keeps_to_its_length(kind: str, samples: int,
                                              loaded: Callable[[str], Transcriber]) -> None:
    for result in loaded(kind).transcribe([speech(1)[0][:samples]], DecodingOptions()):
        check_times(result, samples / 16_000)


@pytest.mark.model
def test_no_windows(loaded: Callable[[str], Transcriber]) -> None:
    assert loaded("ctc").transcribe([], DecodingOptions()) == []


@pytest.mark.model
@pytest.mark.parametrize("kind", ["ctc", "tdt"])
def test_without_word_times_the_text_is_the_same(kind: str, loaded: Callable[[str], Transcriber]) -> None:
    (full,) = loaded(kind).transcribe(speech(5), DecodingOptions())
    (bare,) = loaded(kind).transcribe(speech(5), DecodingOptions(word_timestamps=False))
    assert bare.segments[0].words == ()
    assert (bare.segments[0].text, bare.segments[0].start, bare.segments[0].end) == (
        full.segments[0].text, full.segments[0].start, full.segments[0].end)


# --- what they cannot do --------------------------------------------------------------------------

@pytest.mark.model
def test_languages(loaded: Callable[[str], Transcriber], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    silence = np.zeros(1600, np.float32)
    for code in (None, "ru", "und"):
        assert loaded("ctc").transcribe([silence], DecodingOptions(language=code))[0].status == "empty"
    with pytest.raises(UsageError, match="does not know the language 'en'") as caught:
        loaded("ctc").transcribe([silence], DecodingOptions(language="en"))
    assert "It knows ru" in caught.value.hint
    assert loaded("tdt").transcribe([silence], DecodingOptions(language="uk"))[0].status == "empty"
    with pytest.raises(UsageError, match="'zh'"):
        loaded("tdt").transcribe([silence], DecodingOptions(language="zh"))

    build("tdt", tmp_path / "made")
    monkeypatch.setenv("VOICEKIT_MODELS", str(tmp_path))
    put_in_cache(tmp_path / "hub", "istupakov/parakeet-tdt-0.6b-v2-onnx", tmp_path / "made")
    english = Parakeet().load(spec(Parakeet(), "nemo-parakeet-tdt-0.6b-v2"))
    assert english.detect_language([silence]) == [{"en": 1.0}]
    with pytest.raises(UsageError, match="'ru'"):
        english.transcribe([silence], DecodingOptions(language="ru"))


@pytest.mark.model
def test_detection(loaded: Callable[[str], Transcriber]) -> None:
    assert loaded("ctc").detect_language(speech(1, 1)) == [{"ru": 1.0}, {"ru": 1.0}]
    with pytest.raises(UsageError, match="does not say which"):
        loaded("tdt").detect_language(speech(1))


@pytest.mark.model
def test_translation(loaded: Callable[[str], Transcriber]) -> None:
    with pytest.raises(UsageError, match="cannot translate"):
        loaded("tdt").transcribe(speech(1), DecodingOptions(task="translate"))
