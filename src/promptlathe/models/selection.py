"""Which files of a repository make the model: one GGUF, or the weights of one format with what belongs to them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from promptlathe.errors import UnknownNameError, UnsupportedModelError, UsageError
from promptlathe.models.origins import HubRepository
from promptlathe.models.sources import Checksum

PREFERRED_QUANTIZATIONS = (
    *("Q4_K_M", "Q4_K_S", "Q4_1", "Q4_0", "Q5_K_M", "Q5_K_S", "Q5_1", "Q5_0", "Q6_K", "Q8_0"),
    *("IQ4_NL", "IQ4_XS", "Q3_K_L", "Q3_K_M", "Q3_K_S", "IQ3_M", "IQ3_S", "IQ3_XS", "IQ3_XXS"),
    *("Q2_K", "IQ2_M", "IQ2_S", "IQ2_XS", "IQ2_XXS", "MXFP4", "BF16", "F16", "FP16", "F32", "FP32"),
)
"""From the one taken by default on: the common compromise, then nearer the original, then smaller, then all."""

_QUANTIZATION = re.compile(rf"(?<![A-Z0-9])({'|'.join(PREFERRED_QUANTIZATIONS)})(?![A-Z0-9_])", re.IGNORECASE)
_NO_MODEL = re.compile(r"mmproj|imatrix|-vocab\b", re.IGNORECASE)
_SPLIT = re.compile(r"-\d{5}-of-\d{5}\.gguf$", re.IGNORECASE)
_MAIN_SAFETENSORS = re.compile(r"model(-\d{5}-of-\d{5})?\.safetensors")
_OPENVINO = re.compile(r"openvino_(\w+)\.(xml|bin)")
_BESIDE = re.compile(
    r".+\.(json|jinja|tiktoken)|tokenizer\.model|spiece\.model|merges\.txt|vocab\.(txt|bpe)|(LICENSE|NOTICE)(\..*)?"
)
_PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file as the hub lists it; `path` is from the repository's root."""

    path: str
    size_bytes: int
    checksum: Checksum | None


@dataclass(frozen=True, slots=True)
class Selection:
    """`name` is what the chosen variant of the model is called."""

    name: str
    files: tuple[HubFile, ...]
    is_folder: bool
    notes: tuple[str, ...] = ()


def select(files: Sequence[HubFile], origin: HubRepository) -> Selection:
    """Raises UnsupportedModelError where nothing can be taken, UsageError for a file that is none of a model."""
    by_path = {file.path: file for file in files}
    ggufs = [
        file for file in files if file.path.lower().endswith(".gguf") and not _NO_MODEL.search(file.path)
    ]
    if origin.file:
        return _one_gguf(_named(origin, by_path))
    if origin.quantization and not ggufs:
        raise UsageError(
            f"{origin.repository} holds no GGUF file, so there is no quantisation to choose",
            hint=f"leave it out: {origin.hub}:{origin.repository}",
        )
    if ggufs:
        return _one_gguf(_by_quantization(ggufs, origin), other_count=len(ggufs) - 1)
    at_root = [file for file in files if "/" not in file.path and not file.path.startswith(".")]
    return _folder(at_root, origin, by_path)


def _named(origin: HubRepository, by_path: dict[str, HubFile]) -> HubFile:
    assert origin.file  # noqa: S101 - for the type checker
    if found := by_path.get(origin.file):
        return found
    same_name = [file for path, file in by_path.items() if PurePosixPath(path).name == origin.file]
    if len(same_name) == 1:
        return same_name[0]
    ggufs = [path for path in by_path if path.lower().endswith(".gguf")]
    raise UnknownNameError(f"file of {origin.repository}", origin.file, ggufs)


def _by_quantization(ggufs: Sequence[HubFile], origin: HubRepository) -> HubFile:
    whole = [file for file in ggufs if not _SPLIT.search(file.path)]
    if not whole:
        raise UnsupportedModelError(
            f"all GGUF files of {origin.repository} are split into parts, which lathe does not read",
            hint="look for a repository with whole files, or join them: llama-gguf-split --merge",
        )
    known = {file: quantization_of(file.path) for file in whole}
    if origin.quantization:
        found = [file for file in whole if known[file] == origin.quantization]
        if not found:
            names = sorted({name for name in known.values() if name})
            raise UnknownNameError(
                f"quantisation of {origin.repository}",
                origin.quantization,
                (),
                hint=f"it has {', '.join(names)}",
            )
        return found[0]
    ranked = [file for file in whole if known[file]]
    if not ranked:
        if len(whole) == 1:
            return whole[0]
        raise UsageError(
            f"{origin.repository} holds {len(whole)} GGUF files and their names do not say which is which",
            hint=f"name one: {origin.hub}:{origin.repository}/{whole[0].path}",
        )
    return min(ranked, key=lambda file: PREFERRED_QUANTIZATIONS.index(known[file] or ""))


def quantization_of(path: str) -> str | None:
    """What the name of a GGUF file says, in capitals."""
    found = _QUANTIZATION.findall(path)
    return found[-1].upper() if found else None


def _one_gguf(file: HubFile, *, other_count: int = 0) -> Selection:
    if _SPLIT.search(file.path):
        raise UnsupportedModelError(
            f"{file.path} is one part of a split model, which lathe does not read",
            hint="look for a whole file, or join the parts: llama-gguf-split --merge",
        )
    path = PurePosixPath(file.path)
    quantization = quantization_of(file.path)
    notes = (
        (f"took {path.name} of {other_count + 1} GGUF files; --quantization takes another",)
        if other_count and quantization
        else ()
    )
    return Selection(path.name[: -len(".gguf")], (file,), is_folder=False, notes=notes)


def _folder(files: Sequence[HubFile], origin: HubRepository, by_path: dict[str, HubFile]) -> Selection:
    """`files` are those at the repository's root."""
    weights = _weights(files)
    if not weights:
        raise _nothing(origin, by_path)
    if "config.json" not in by_path:
        raise UnsupportedModelError(
            f"{origin.repository} has weights ({weights[0].path}) but no config.json: it is no whole model",
            hint="an adapter, or weights for one program? pull the model that it belongs to",
        )
    beside = [file for file in files if file not in weights and _BESIDE.fullmatch(file.path)]
    code = [file for file in files if file.path.endswith(".py")]
    notes: tuple[str, ...] = ()
    if code:
        names = ", ".join(file.path for file in code)
        notes = (
            (f"takes the repository's own Python code ({names}): whoever loads the model runs it",)
            if origin.takes_code
            else (f"left out the repository's own Python code ({names}); --trust-remote-code takes it",)
        )
    taken = (*weights, *beside, *(code if origin.takes_code else ()))
    name = origin.repository.partition("/")[2]
    return Selection(name, taken, is_folder=True, notes=notes)


def _weights(files: Sequence[HubFile]) -> list[HubFile]:
    openvino = [file for file in files if _OPENVINO.fullmatch(file.path)]
    if any(file.path == "openvino_model.xml" for file in openvino):
        return openvino
    safetensors = [file for file in files if file.path.endswith(".safetensors")]
    return [file for file in safetensors if _MAIN_SAFETENSORS.fullmatch(file.path)] or safetensors


def _nothing(origin: HubRepository, by_path: dict[str, HubFile]) -> UnsupportedModelError:
    pickled = [path for path in by_path if path.lower().endswith(_PICKLED)]
    if pickled:
        return UnsupportedModelError(
            f"{origin.repository} has its weights only as pickles ({pickled[0]}): loading one can run any code",
            hint="look for the same model as safetensors or GGUF",
        )
    return UnsupportedModelError(
        f"{origin.repository} holds no model that lathe can take (GGUF, safetensors or OpenVINO)",
        hint="look at its page: the weights may lie in another repository",
    )
