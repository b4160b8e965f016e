"""A GGUF file for a reader that does not hold every quantisation exactly: the others are written anew as Q8_0."""

import math
import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock

from promptlathe.errors import UnsupportedModelError
from promptlathe.models.disk import check_room, disk_errors_explained
from promptlathe.models.store import Store

if TYPE_CHECKING:
    from gguf import GGUFReader, GGUFWriter

_BYTES_PER_WEIGHT = 34 / 32


def requantized(path: Path, digest: str, exact: Collection[str], *, store: Store | None = None) -> Path:
    """`path` itself if all its tensors are of `exact` types (GGML's names), else a copy in which the others are Q8_0.

    Q8_0 keeps each weight to 1/254 of the largest in its block of 32. The copy is made once and stays with the
    store, under the `digest` of the original. Raises UnsupportedModelError for a
    damaged file and DownloadError where there is no room for the copy.
    """
    from gguf import GGUFReader

    store = store or Store.default()
    copy = store.requantized_path(digest)
    if copy.exists():
        return copy
    try:
        reader = GGUFReader(path)
    except (ValueError, IndexError, KeyError) as error:
        raise UnsupportedModelError(f"{path} is damaged: {error}", hint="pull or copy it again") from error
    if all(tensor.tensor_type.name in exact for tensor in reader.tensors):
        return path
    with disk_errors_explained(store.folder):
        copy.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{copy}.lock"):
            if not copy.exists():
                weights = sum(int(tensor.n_elements) for tensor in reader.tensors)
                check_room(store.folder, int(weights * _BYTES_PER_WEIGHT), store.free_bytes(copy.parent))
                _write_whole(reader, copy, exact)
    return copy


def _write_whole(reader: "GGUFReader", copy: Path, exact: Collection[str]) -> None:
    from gguf import GGUFWriter

    beside = copy.with_name(f"{copy.name}.{os.getpid()}")
    try:
        writer = GGUFWriter(beside, reader.fields["general.architecture"].contents())
        _copy_metadata(reader, writer)
        _copy_tensors(reader, writer, exact)
        writer.close()
        beside.replace(copy)
    finally:
        beside.unlink(missing_ok=True)


def _copy_metadata(reader: "GGUFReader", writer: "GGUFWriter") -> None:
    from gguf import GGUFValueType, LlamaFileType

    for key, field in reader.fields.items():
        if key == "general.file_type":
            writer.add_file_type(LlamaFileType.MOSTLY_Q8_0)
        elif key != "general.architecture" and not key.startswith("GGUF."):
            is_array = field.types[0] == GGUFValueType.ARRAY
            writer.add_key_value(
                key, field.contents(), field.types[0], sub_type=field.types[-1] if is_array else None
            )


def _copy_tensors(reader: "GGUFReader", writer: "GGUFWriter", exact: Collection[str]) -> None:
    """All descriptions come before the first weight, so that one tensor at a time is in memory."""
    from gguf import GGMLQuantizationType
    from gguf.quants import dequantize, quant_shape_to_byte_shape, quantize

    target = GGMLQuantizationType.Q8_0
    for tensor in reader.tensors:
        data = tensor.data
        if tensor.tensor_type.name in exact:
            writer.add_tensor_info(
                tensor.name, data.shape, data.dtype, tensor.n_bytes, raw_dtype=tensor.tensor_type
            )
        else:
            shape = quant_shape_to_byte_shape([int(size) for size in reversed(tensor.shape)], target)
            writer.add_tensor_info(
                tensor.name, shape, np.dtype(np.uint8), math.prod(shape), raw_dtype=target
            )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for tensor in reader.tensors:
        is_kept = tensor.tensor_type.name in exact
        data = tensor.data if is_kept else quantize(dequantize(tensor.data, tensor.tensor_type), target)
        writer.write_tensor_data(data)
