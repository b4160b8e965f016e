"""The prompts that come with promptlathe, each a prompt file beside this module."""

from importlib.resources import files

from promptlathe.errors import UnknownNameError
from promptlathe.prompts.file import Prompt, read_prompt
from promptlathe.prompts.smoke import SmokeCase, read_smoke_cases

_SUFFIX = ".md"


def library_names() -> tuple[str, ...]:
    """Names of all library prompts, sorted."""
    names = (entry.name for entry in files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)))


def library_prompt(name: str) -> Prompt:
    """The library prompt of that name. Raises UnknownNameError, which names the nearest."""
    if name not in library_names():
        raise UnknownNameError("library prompt", name, library_names())
    file = files(__name__) / f"{name}{_SUFFIX}"
    return read_prompt(file.read_bytes(), name=name, path=f"{name}{_SUFFIX}")


def library_smoke_cases(name: str) -> tuple[SmokeCase, ...]:
    """The smoke cases of a library prompt. Raises UnknownNameError."""
    library_prompt(name)
    file = files(__name__) / f"{name}.cases.yaml"
    return read_smoke_cases(file.read_text("utf-8"), path=f"{name}.cases.yaml")
