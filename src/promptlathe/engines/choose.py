"""Engines by name. Each is an entry point of the group `promptlathe.engines`: ours in pyproject.toml, others'
in their own packages. An entry point names a callable: a `Model` and keyword options in, an `Engine` out. Only
`remote` takes an `Endpoint` instead."""

from importlib.metadata import EntryPoint, entry_points

from promptlathe.engines.endpoint import Endpoint
from promptlathe.engines.engine import Engine
from promptlathe.errors import EngineError, UnknownNameError, UsageError
from promptlathe.models.reference import Model

ENTRY_POINT_GROUP = "promptlathe.engines"
_DEFAULT = "openvino"
_REMOTE = "remote"


def engine_names() -> tuple[str, ...]:
    """Names of all installed engines, sorted."""
    return tuple(sorted(_installed()))


def open_engine(model: Model | Endpoint, *, engine: str = "auto", **options: object) -> Engine:
    """The engine of that name for `model`, which it loads only when needed; `options` are the engine's own.

    `auto` is the one that runs on any CPU, for an endpoint the one that asks servers. Raises UnknownNameError,
    which names the nearest, UsageError for an engine that does not go with the model, and EngineError for one
    whose package is broken.
    """
    installed = _installed()
    is_served = isinstance(model, Endpoint)
    name = (_REMOTE if is_served else _DEFAULT) if engine == "auto" else engine
    if name not in installed:
        raise UnknownNameError("engine", engine, {"auto", *installed})
    if is_served != (name == _REMOTE):
        wants = "a URL, such as http://localhost:23333/v1" if name == _REMOTE else "a model on this machine"
        raise UsageError(f"engine {name!r} runs {wants}", hint="leave --engine out: auto takes what fits")
    try:
        make = installed[name].load()
    except (ImportError, AttributeError) as error:
        raise EngineError(
            f"engine {name!r} cannot be used: {error}",
            hint=f"reinstall the package of {installed[name].value}",
        ) from error
    made: Engine = make(model, **options)
    return made


def _installed() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
