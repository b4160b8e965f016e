"""Reads what a folder of safetensors weights, as Hugging Face's tools write it, says of itself.

Layout (github.com/huggingface/safetensors#format): a header's length as 8 bytes little-endian, the header as
JSON with every tensor's place behind it, the weights.
"""

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from promptlathe.errors import UnsupportedModelError

_Kind = TypeVar("_Kind", bound=BaseModel)
_MAX_HEADER_BYTES = 100 << 20  # the format's own limit
_INDEX = "model.safetensors.index.json"


class _Quantization(BaseModel):
    quant_method: str = "quantised"
    bits: int | None = None


class _Config(BaseModel):
    model_type: str
    max_position_embeddings: int | None = None
    quantization_config: _Quantization | None = None


class _Index(BaseModel):
    weight_map: dict[str, str]


class _Tensor(BaseModel):
    data_offsets: tuple[int, int]


@dataclass(frozen=True, slots=True)
class SafetensorsFolder:
    """Each is None where the folder does not say."""

    architecture: str
    quantization: str | None
    context_length: int | None


def has_safetensors(folder: Path) -> bool:
    return any(folder.glob("*.safetensors"))


def read_safetensors_folder(folder: Path) -> SafetensorsFolder:
    """Raises UnsupportedModelError if a file is missing, damaged or cut short."""
    config = _read(folder / "config.json", _Config)
    weights = {path.name for path in folder.glob("*.safetensors")}
    if (folder / _INDEX).exists():
        needed = set(_read(folder / _INDEX, _Index).weight_map.values())
        if missing := sorted(needed - weights):
            raise UnsupportedModelError(
                f"{folder} is not whole: no {missing[0]}", hint="download the missing files"
            )
    for name in sorted(weights):
        _check_weights(folder / name)
    quantization = config.quantization_config
    return SafetensorsFolder(
        architecture=config.model_type,
        quantization=f"{quantization.quant_method} {quantization.bits or ''}".strip()
        if quantization
        else None,
        context_length=config.max_position_embeddings,
    )


def _read(path: Path, kind: type[_Kind]) -> _Kind:
    if not path.exists():
        raise UnsupportedModelError(f"{path.parent} is not a model folder: no {path.name}", hint=_AGAIN)
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) or "not JSON"
        raise UnsupportedModelError(
            f"{path} is damaged ({where}: {error.errors()[0]['msg']})", hint=_AGAIN
        ) from error


def _check_weights(path: Path) -> None:
    """Only the header is read: it says where the file must end."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
        if length > min(size - 8, _MAX_HEADER_BYTES):
            raise UnsupportedModelError(f"{path} is damaged: its header goes past its end", hint=_AGAIN)
        header = file.read(length)
    try:
        tensors = json.loads(header)
        end = max(
            (
                _Tensor.model_validate(value).data_offsets[1]
                for name, value in tensors.items()
                if name != "__metadata__"
            ),
            default=0,
        )
    except (ValueError, AttributeError) as error:
        raise UnsupportedModelError(
            f"{path} is damaged: its header is not as it should be", hint=_AGAIN
        ) from error
    if 8 + length + end != size:
        raise UnsupportedModelError(f"{path} is cut short at {size} bytes of {8 + length + end}", hint=_AGAIN)


_AGAIN = "download it again"
