"""Models written anew for an engine that would read them with a loss."""

from pathlib import Path

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter
from gguf.quants import dequantize, quantize

from promptlathe.errors import UnsupportedModelError
from promptlathe.models.gguf import read_gguf_header
from promptlathe.models.requantized import write_requantized

EXACT = frozenset({0, 8})
WEIGHTS = np.random.default_rng(1).normal(0.3, 1, (4, 64)).astype(np.float32)


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


def test_what_is_not_held_exactly_becomes_q8_0_and_the_rest_stays(tmp_path: Path) -> None:
    path, copy = written(tmp_path / "m.gguf", GGMLQuantizationType.Q4_1), tmp_path / "copy.gguf"
    write_requantized(path, copy, EXACT)
    assert read_gguf_header(path).tensor_types == {0, 3}
    assert read_gguf_header(copy).tensor_types == {0, 8}
    before, after = GGUFReader(path), GGUFReader(copy)
    assert [(one.name, one.tensor_type.name) for one in after.tensors] == [
        ("norm", "F32"),
        ("weights", "Q8_0"),
    ]
    norm, weights = after.tensors
    assert np.array_equal(norm.data, WEIGHTS[0])
    old = dequantize(before.tensors[1].data, GGMLQuantizationType.Q4_1)
    new = dequantize(weights.data, GGMLQuantizationType.Q8_0)
    largest = np.abs(old.reshape(-1, 32)).max(axis=1, keepdims=True)
    assert (np.abs(new - old).reshape(-1, 32) <= largest / 220).all()
    assert read_gguf_header(copy).quantization == "Q8_0"
    for key in ("llama.context_length", "tokenizer.ggml.tokens", "general.architecture"):
        assert after.fields[key].contents() == before.fields[key].contents()


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "m.gguf", GGMLQuantizationType.Q4_1)
    path.write_bytes(path.read_bytes()[:-64])
    with pytest.raises(UnsupportedModelError, match="cannot be read"):
        write_requantized(path, tmp_path / "copy.gguf", EXACT)
