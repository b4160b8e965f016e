"""Models written anew for an engine that would read them with a loss."""

from pathlib import Path

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter
from gguf.quants import dequantize, quantize

from promptlathe.errors import DownloadError, UnsupportedModelError
from promptlathe.models.requantized import requantized
from promptlathe.models.store import Store

EXACT = frozenset({"F32", "Q8_0"})
WEIGHTS = np.random.default_rng(1).normal(0.3, 1, (4, 64)).astype(np.float32)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "models")


def written(path: Path, kind: GGMLQuantizationType) -> Path:
    writer = GGUFWriter(path, "llama")
    writer.add_context_length(128)
    writer.add_file_type(3)
    writer.add_token_list(["<s>", "one", "two"])
    writer.add_tensor("norm", WEIGHTS[0])
    writer.add_tensor("weights", quantize(WEIGHTS, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_what_is_not_held_exactly_becomes_q8_0_and_the_rest_stays(tmp_path: Path, store: Store) -> None:
    path = written(tmp_path / "m.gguf", GGMLQuantizationType.Q4_1)
    before, after = GGUFReader(path), GGUFReader(requantized(path, "d1", EXACT, store=store))
    assert [(one.name, one.tensor_type.name) for one in after.tensors] == [("norm", "F32"), ("weights", "Q8_0")]
    norm, weights = after.tensors
    assert np.array_equal(norm.data, WEIGHTS[0])
    old = dequantize(before.tensors[1].data, GGMLQuantizationType.Q4_1)
    new = dequantize(weights.data, GGMLQuantizationType.Q8_0)
    largest = np.abs(old.reshape(-1, 32)).max(axis=1, keepdims=True)
    assert (np.abs(new - old).reshape(-1, 32) <= largest / 220).all()
    assert after.fields["general.file_type"].contents() == 7
    for key in ("llama.context_length", "tokenizer.ggml.tokens", "general.architecture"):
        assert after.fields[key].contents() == before.fields[key].contents()


def test_what_is_held_exactly_is_read_as_it_is(tmp_path: Path, store: Store) -> None:
    path = written(tmp_path / "m.gguf", GGMLQuantizationType.Q8_0)
    assert requantized(path, "d1", EXACT, store=store) == path
    assert not store.requantized_path("d1").exists()


def test_a_copy_is_made_once(tmp_path: Path, store: Store) -> None:
    path = written(tmp_path / "m.gguf", GGMLQuantizationType.Q4_1)
    copy = requantized(path, "d1", EXACT, store=store)
    state = copy.stat()
    assert requantized(path, "d1", EXACT, store=store) == copy
    assert copy.stat().st_mtime_ns == state.st_mtime_ns
    assert requantized(path, "d2", EXACT, store=store) != copy


def test_no_room_is_said_and_nothing_is_left(tmp_path: Path, store: Store) -> None:
    path = written(tmp_path / "m.gguf", GGMLQuantizationType.Q4_1)
    full = Store(store.folder, free_bytes=lambda _: 100)
    with pytest.raises(DownloadError, match="not enough room"):
        requantized(path, "d1", EXACT, store=full)
    assert not list(store.folder.rglob("*.gguf*[!k]"))


def test_a_file_cut_short_is_refused(tmp_path: Path, store: Store) -> None:
    path = written(tmp_path / "m.gguf", GGMLQuantizationType.Q4_1)
    path.write_bytes(path.read_bytes()[:-64])
    with pytest.raises(UnsupportedModelError, match="is damaged"):
        requantized(path, "d1", EXACT, store=store)
    assert not store.requantized_path("d1").exists()
