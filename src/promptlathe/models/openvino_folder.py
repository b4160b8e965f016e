"""Reads what an OpenVINO model folder (as `optimum-cli export openvino` writes it) says of itself."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from promptlathe.errors import UnsupportedModelError

_NEEDED = (
    "openvino_model.xml",
    "openvino_model.bin",
    "openvino_tokenizer.xml",
    "openvino_detokenizer.xml",
)


class _ModelConfig(BaseModel):
    """config.json, from the model the folder was converted from."""

    model_type: str | None = None
    max_position_embeddings: int | None = None


class _Quantization(BaseModel):
    bits: int


class _OpenVinoConfig(BaseModel):
    """openvino_config.json, written by the converter."""

    quantization_config: _Quantization | None = None


_Config = TypeVar("_Config", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class OpenVinoFolder:
    """Each is None where the folder does not say."""

    architecture: str | None
    quantization: str | None
    context_length: int | None


def read_openvino_folder(folder: Path) -> OpenVinoFolder:
    """Raises UnsupportedModelError if a file that generation needs is missing, or a configuration damaged."""
    missing = [name for name in _NEEDED if not (folder / name).is_file()]
    if missing:
        raise UnsupportedModelError(
            f"{folder} is not an OpenVINO model folder: no {missing[0]}", hint=_hint(folder)
        )
    config = _read(folder / "config.json", _ModelConfig)
    quantization = _read(folder / "openvino_config.json", _OpenVinoConfig).quantization_config
    return OpenVinoFolder(
        architecture=config.model_type,
        quantization=f"int{quantization.bits}" if quantization else None,
        context_length=config.max_position_embeddings,
    )


def _read(path: Path, kind: type[_Config]) -> _Config:
    try:
        return kind.model_validate_json(path.read_bytes() if path.exists() else b"{}")
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) or "not JSON"
        raise UnsupportedModelError(
            f"{path} is damaged ({where}: {error.errors()[0]['msg']})", hint="convert the model again"
        ) from error


def _hint(folder: Path) -> str:
    if files := sorted(folder.glob("*.gguf")):
        return f"it holds a GGUF file; give that: {files[0]}"
    if (folder / "config.json").is_file() and not (folder / "openvino_model.xml").is_file():
        return f"a Hugging Face model? convert it: optimum-cli export openvino --model {folder} OUT"
    return "give a .gguf file, or a folder written by `optimum-cli export openvino`"
