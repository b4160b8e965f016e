"""The catalogue holds what it says, and says what a machine needs."""

from dataclasses import replace
from pathlib import Path

import pytest

from promptlathe.models.catalog import CATALOG, EMBEDDED_MODEL, REFERENCE_CONTEXT
from promptlathe.models.gguf import read_gguf_header
from promptlathe.models.hardware import BESIDE_BYTES, Machine, this_machine
from promptlathe.models.origins import HubRepository, read_origin
from promptlathe.models.reference import Model
from promptlathe.models.selection import quantization_of

MEANT = {
    *("internlm2-chat-1_8b", "internlm2_5-1_8b-chat", "internlm2_5-7b-chat", "internlm3-8b-instruct"),
    *("qwen3-0.6b", "qwen3-1.7b", "smollm2-135m-instruct", "smollm2-360m-instruct", "smollm2-1.7b-instruct"),
}


def test_entries_are_whole_and_consistent() -> None:
    assert CATALOG.keys() >= MEANT
    for name, entry in CATALOG.items():
        assert name == entry.name
        assert entry.license
        assert entry.cache
        assert entry.memory_bytes > entry.size_bytes
        assert entry.needs_gpu == (entry.format == "safetensors")
        if isinstance(entry.origin, HubRepository):
            assert read_origin(str(entry.origin)) == entry.origin
            assert (entry.origin.file is None) == (entry.format == "safetensors")
            assert quantization_of(entry.origin.file or "") == entry.quantization
            assert entry.sha256 is None
        if "openvino" in entry.engines:
            assert entry.architecture in {"llama", "qwen2", "qwen3"}


@pytest.mark.model
def test_embedded_entry_is_what_the_file_says(embedded_model: Model) -> None:
    entry = CATALOG[EMBEDDED_MODEL]
    facts = read_gguf_header(embedded_model.path).metadata
    assert entry.cache
    assert facts["llama.block_count"] == entry.cache.layers
    assert facts["llama.attention.head_count_kv"] == entry.cache.heads
    head_size = int(facts["llama.embedding_length"]) // int(facts["llama.attention.head_count"])
    assert head_size == entry.cache.head_size
    assert (facts["llama.context_length"], embedded_model.architecture) == (
        entry.context_length,
        entry.architecture,
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_documents_hold_the_catalogue(language: str) -> None:
    text = (Path(__file__).parents[2] / f"docs/{language}/models.md").read_text(encoding="utf-8")
    for entry in CATALOG.values():
        size, memory = f"{entry.size_bytes / 1e9:.1f} GB", f"{entry.memory_bytes / 1e9:.1f} GB"
        license_name = entry.license.partition(" (")[0]
        assert f"| {entry.name} | {size} | {memory} | {', '.join(entry.engines)} | {license_name} |\n" in text


def test_memory_is_weights_and_cache() -> None:
    entry = CATALOG["internlm2-chat-1_8b"]
    assert entry.memory_bytes == 1_170_000_000 + REFERENCE_CONTEXT * 2 * 2 * 24 * 8 * 128


def test_fits() -> None:
    on_cpu, on_gpu = CATALOG["qwen3-0.6b"], CATALOG["qwen3-0.6b-safetensors"]
    enough = on_cpu.memory_bytes + BESIDE_BYTES
    assert Machine(enough, None).fits(on_cpu) == "yes"
    assert Machine(enough - 1, 1 << 40).fits(on_cpu) == "no"
    assert Machine(1 << 40, None).fits(on_gpu) == "no GPU"
    assert Machine(1, on_gpu.memory_bytes + BESIDE_BYTES).fits(on_gpu) == "yes"
    assert Machine(1 << 40, on_gpu.memory_bytes).fits(replace(on_gpu, cache=None)) == "no"


@pytest.mark.parametrize(
    ("script", "expected"),
    [("echo 16384; echo 143771", 143771 << 20), ("echo oops", None), ("exit 9", None), ("true", None)],
)
def test_gpu_memory_by_the_drivers_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, expected: int | None
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert this_machine().gpu_memory_bytes == expected
