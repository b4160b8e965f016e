"""The GGUF header: read right, and never trusted."""

import contextlib
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from promptlathe.errors import UnsupportedModelError
from promptlathe.models.catalog import CATALOG
from promptlathe.models.gguf import MAX_STRING_BYTES, read_gguf_header
from promptlathe.models.reference import Model

MakeGguf = Callable[..., bytes]
HUGE = 2**63


def text(value: bytes) -> bytes:
    return struct.pack("<Q", len(value)) + value


def header(*pairs: bytes, version: int = 3, tensors: int = 0, count: int | None = None) -> bytes:
    count = len(pairs) if count is None else count
    return b"GGUF" + struct.pack("<IQQ", version, tensors, count) + b"".join(pairs)


def pair(key: bytes, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


LLAMA = pair(b"general.architecture", 8, text(b"llama"))


def test_reads_what_the_file_says(tmp_path: Path, make_gguf: MakeGguf) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(make_gguf(architecture="qwen3", file_type=15, context_length=4096))
    read = read_gguf_header(path)
    assert (read.architecture, read.quantization, read.context_length) == ("qwen3", "Q4_K_M", 4096)
    assert (read.version, read.tensor_count) == (3, 2)
    assert read.metadata["tokenizer.chat_template"] == "{{ messages }}"
    assert read.metadata["tokenizer.ggml.add_bos_token"] is True
    assert "tokenizer.ggml.tokens" not in read.metadata


@pytest.mark.parametrize(
    ("number", "name"),
    [(0, "F32"), (1, "F16"), (2, "Q4_0"), (3, "Q4_1"), (7, "Q8_0"), (15, "Q4_K_M"), (17, "Q5_K_M"),
     (18, "Q6_K"), (21, "Q2_K_S"), (25, "IQ4_NL"), (30, "IQ4_XS"), (32, "BF16"),
     (38, "MXFP4"), (5, None), (999, None)],
)  # fmt: skip
def test_quantization_names_follow_llama_cpp(
    tmp_path: Path, make_gguf: MakeGguf, number: int, name: str | None
) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(make_gguf(file_type=number))
    assert read_gguf_header(path).quantization == name


@pytest.mark.parametrize(
    ("data", "said", "hint"),
    [
        (b"", "is not a GGUF file (it is empty)", "give a .gguf file"),
        (b"hello world", "is not a GGUF file (it starts with b'hello wo')", "give a .gguf file"),
        (b"GGU", "is not a GGUF file", "give a .gguf file"),
        (b"\n<!DOCTYPE html>", "is not a GGUF file", "it is a web page"),
        (b"version https://git-lfs.github.com/spec/v1", "is not a GGUF file", "git lfs pull"),
        (b"PK\x03\x04", "is not a GGUF file", "unpack it"),
        (b"ggjt\x03\0\0\0", "is not a GGUF file", "look for a GGUF"),
        (b"GGUF", "goes on past the end", "download the file again"),
        (b"GGUF\0\0\0\3" + bytes(20), "big-endian", "little-endian"),
        (header(version=1), "has GGUF version 1", "versions 2 and 3"),
        (header(version=4), "has GGUF version 4", "versions 2 and 3"),
        (header(), "does not name its architecture", "download"),
        (header(pair(b"general.architecture", 4, bytes(4)), count=1), "its architecture", None),
        (header(pair(b"general.architecture", 8, text(b"\x1b[31m"))), "its architecture", None),
        (header(count=HUGE), f"claims {HUGE} entries", None),
        (header(LLAMA, count=2), "goes on past the end", None),
        (header(struct.pack("<Q", HUGE)), f"claims {HUGE} bytes", None),
        (header(struct.pack("<Q", MAX_STRING_BYTES)), "goes on past the end", None),
        (header(LLAMA, pair(b"x", 99, b"")), "unknown type 99", None),
        (header(LLAMA, pair(b"x", 9, struct.pack("<IQ", 0, HUGE))), "goes on past the end", None),
        (header(LLAMA, pair(b"x", 9, struct.pack("<IQ", 8, HUGE))), "goes on past the end", None),
        (header(LLAMA, pair(b"x", 9, struct.pack("<IQ", 9, HUGE) * 9)), "nests arrays too deeply", None),
        (header(LLAMA, pair(b"x", 9, struct.pack("<IQ", 99, 1))), "unknown type 99", None),
        (header(LLAMA, tensors=HUGE), "goes on past the end", None),
        (header(LLAMA, text(b"t") + struct.pack("<I", 9), tensors=1, count=1), "claims 9 dimensions", None),
        (header(LLAMA, pair(b"general.alignment", 4, bytes(4))), "its alignment", None),
    ],
)  # fmt: skip
def test_hostile_file_is_one_clear_line(tmp_path: Path, data: bytes, said: str, hint: str | None) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(data)
    with pytest.raises(UnsupportedModelError) as caught:
        read_gguf_header(path)
    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)
    assert (hint or "download the file again") in str(caught.value.hint)


def test_download_that_stopped_half_way(tmp_path: Path, make_gguf: MakeGguf) -> None:
    whole = make_gguf(weights=bytes(10_000))
    path = tmp_path / "model.gguf"
    path.write_bytes(whole[:-6_000])
    with pytest.raises(UnsupportedModelError, match="cut short at"):
        read_gguf_header(path)


@settings(max_examples=300, deadline=2000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_escapes_as_anything_else(tmp_path: Path, make_gguf: MakeGguf, data: st.DataObject) -> None:
    whole = bytearray(make_gguf())
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(whole) - 1))
        patch = data.draw(st.binary(min_size=1, max_size=9))
        whole[position : position + len(patch)] = patch
    path = tmp_path / "model.gguf"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    with contextlib.suppress(UnsupportedModelError):
        assert read_gguf_header(path).architecture


@pytest.mark.model
def test_catalogue_agrees_with_the_real_file(embedded_model: Model) -> None:
    entry = CATALOG[embedded_model.name]
    assert (embedded_model.digest, embedded_model.size_bytes) == (entry.sha256, entry.size_bytes)
    assert (embedded_model.architecture, embedded_model.quantization, embedded_model.context_length) == (
        entry.architecture,
        entry.quantization,
        entry.context_length,
    )
