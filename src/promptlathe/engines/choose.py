"""Engines by name. Each is an entry point of the group `promptlathe.engines`: ours in pyproject.toml, others'
in their own packages. An entry point names a callable: a `Model` and keyword options in, an `Engine` out. Only
`remote` takes an `Endpoint` instead."""

import shutil
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec

from promptlathe.engines.endpoint import Endpoint
from promptlathe.engines.engine import Engine
from promptlathe.errors import EngineError, UnknownNameError, UnsupportedModelError, UsageError
from promptlathe.models.reference import Model

ENTRY_POINT_GROUP = "promptlathe.engines"
READABLE_GGUF_ARCHITECTURES = frozenset({"llama", "qwen2", "qwen3"})
"""What OpenVINO reads from GGUF, and the weights it reads there."""
_READABLE_QUANTIZATIONS = frozenset(
    {"F32", "F16", "BF16", "Q4_0", "Q4_1", "Q4_K_S", "Q4_K_M", "Q6_K", "Q8_0"}
)
_REMOTE = "remote"
_PACKAGES = {"llamacpp": "xllamacpp", "lmdeploy": "lmdeploy"}
"""Engines whose programs are installed with an extra of the engine's name."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The engine for a model, and why it is that one, in half a line."""

    engine: str
    reason: str


@dataclass(frozen=True, slots=True)
class Machine:
    """What engines there are on this machine, and what they could run on."""

    packages: frozenset[str]
    has_nvidia: bool

    @classmethod
    def here(cls) -> "Machine":
        """Looks without loading anything: a driver that works brings its own program."""
        packages = frozenset(package for package in _PACKAGES.values() if find_spec(package))
        return cls(packages, shutil.which("nvidia-smi") is not None)


def choose_engine(model: Model, machine: Machine) -> Choice:
    """The engine for `model` on `machine`. Raises UnsupportedModelError where none that is installed can load it."""
    match _fitting(model, machine):
        case [first, *_]:
            return first
    what = f"{model.name} is {model.summary}"
    if model.format == "gguf":
        raise UnsupportedModelError(
            f"{what}, which only llama.cpp reads, and that is not installed",
            hint="run: pip install 'promptlathe[llamacpp]'",
        )
    hint = (
        "run: pip install 'promptlathe[lmdeploy]'"
        if machine.has_nvidia
        else "that needs an NVIDIA GPU; without one take a GGUF, or convert it to an OpenVINO folder"
    )
    raise UnsupportedModelError(f"{what}, which only LMDeploy serves", hint=hint)


def _fitting(model: Model, machine: Machine) -> list[Choice]:
    """The best first."""
    has_llamacpp = "xllamacpp" in machine.packages
    match str(model.format):
        case "openvino":
            return [Choice("openvino", "it is a model in OpenVINO's own format")]
        case "gguf" if model.architecture not in READABLE_GGUF_ARCHITECTURES:
            reason = f"OpenVINO does not read {model.architecture} models from GGUF"
            return [Choice("llamacpp", reason)] if has_llamacpp else []
        case "gguf" if (
            model.quantization and model.quantization not in _READABLE_QUANTIZATIONS and has_llamacpp
        ):
            return [Choice("llamacpp", f"OpenVINO does not read {model.quantization} weights from GGUF")]
        case "gguf":
            return [Choice("openvino", "which runs on any CPU, and computes what prompts share once")]
    is_ready = machine.has_nvidia and "lmdeploy" in machine.packages
    return [Choice("lmdeploy", "this machine has an NVIDIA GPU")] if is_ready else []


def engine_names() -> tuple[str, ...]:
    """Names of all installed engines, sorted."""
    return tuple(sorted(_installed()))


def open_engine(model: Model | Endpoint, *, engine: str = "auto", **options: object) -> Engine:
    """The engine of that name for `model`, which it loads only when needed; `options` are the engine's own.

    `auto` is the one that `choose_engine` says, for an endpoint the one that asks servers. Raises UnknownNameError,
    which names the nearest, UsageError for an engine that does not go with the model, UnsupportedModelError where none
    does, and EngineError for one whose package is broken.
    """
    installed = _installed()
    name = engine
    if engine == "auto":
        name = _REMOTE if isinstance(model, Endpoint) else choose_engine(model, Machine.here()).engine
    if name not in installed:
        raise UnknownNameError("engine", engine, {"auto", *installed})
    if isinstance(model, Endpoint) != (name == _REMOTE):
        wants = "a URL, such as http://localhost:23333/v1" if name == _REMOTE else "a model on this machine"
        raise UsageError(f"engine {name!r} runs {wants}", hint="leave --engine out: auto takes what fits")
    require_package(name)
    try:
        make = installed[name].load()
    except (ImportError, AttributeError) as error:
        raise EngineError(
            f"engine {name!r} cannot be used: {error}",
            hint=f"reinstall the package of {installed[name].value}",
        ) from error
    made: Engine = make(model, **options)
    return made


def require_package(engine: str) -> None:
    """Raises UsageError for an engine whose extra is not installed."""
    if engine in _PACKAGES and not find_spec(_PACKAGES[engine]):
        raise UsageError(
            f"engine {engine!r} is not installed", hint=f"run: pip install 'promptlathe[{engine}]'"
        )


def _installed() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
