"""A GGUF file for a reader that does not hold every quantisation exactly: the others are written anew as Q8_0."""

import math
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from promptlathe.errors import UnsupportedModelError

if TYPE_CHECKING:
    from gguf import GGUFReader, GGUFWriter


def write_requantized(source: Path, target: Path, exact: Collection[int]) -> None:
    """Write `source` to `target`, its tensors of other types than `exact` (GGML's numbers) as Q8_0.

    Q8_0 keeps each weight to 1/220 of the largest in its block of 32. Raises UnsupportedModelError for a file
    whose tensors cannot be read, and OSError.
    """
    from gguf import GGUFReader, GGUFWriter

    try:
        reader = GGUFReader(source)
        writer = GGUFWriter(target, reader.fields["general.architecture"].contents())
        _copy_metadata(reader, writer)
        _copy_tensors(reader, writer, exact)
        writer.close()
    except (ValueError, IndexError, KeyError, NotImplementedError) as error:
        raise UnsupportedModelError(
            f"{source}: its weights cannot be read: {error}", hint="pull or copy it again"
        ) from error


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


def _copy_tensors(reader: "GGUFReader", writer: "GGUFWriter", exact: Collection[int]) -> None:
    """All descriptions come before the first weight, so that one tensor at a time is in memory."""
    from gguf import GGMLQuantizationType
    from gguf.quants import dequantize, quant_shape_to_byte_shape, quantize

    q8_0 = GGMLQuantizationType.Q8_0
    for tensor in reader.tensors:
        if tensor.tensor_type in exact:
            shape, dtype, kind = tensor.data.shape, tensor.data.dtype, tensor.tensor_type
        else:
            shape = quant_shape_to_byte_shape([int(size) for size in reversed(tensor.shape)], q8_0)
            dtype, kind = np.dtype(np.uint8), q8_0
        writer.add_tensor_info(tensor.name, shape, dtype, math.prod(shape) * dtype.itemsize, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for tensor in reader.tensors:
        is_kept = tensor.tensor_type in exact
        writer.write_tensor_data(
            tensor.data if is_kept else quantize(dequantize(tensor.data, tensor.tensor_type), q8_0)
        )
