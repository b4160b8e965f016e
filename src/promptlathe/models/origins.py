"""Where a model comes from, as plain data, and the ways a user may write it down."""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, urlsplit

from promptlathe.errors import UsageError

HubName = Literal["hf", "modelscope"]


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
class HubRepository:
    """A repository on a model hub. `file` or `quantization` says which GGUF of it, None leaves the choice to us.

    With `takes_code` the Python files of the repository belong to the model: whoever loads it runs them.
    """

    hub: HubName
    repository: str
    revision: str | None = None
    file: str | None = None
    quantization: str | None = None
    takes_code: bool = False

    def __str__(self) -> str:
        """The reference a user would type, without `takes_code`."""
        revision = f"@{self.revision}" if self.revision else ""
        file = f"/{self.file}" if self.file else ""
        quantization = f":{self.quantization}" if self.quantization else ""
        return f"{self.hub}:{self.repository}{revision}{file}{quantization}"


Origin = PyPIWheel | HubRepository

_NAME = r"[A-Za-z0-9][\w.-]*"
_REPOSITORY = rf"{_NAME}/{_NAME}"
_REFERENCE = re.compile(
    rf"(?P<repository>{_REPOSITORY})(?:@(?P<revision>[^:@]+?))?(?:/(?P<file>[^:@]+\.gguf))?"
    r"(?::(?P<quantization>\w+))?",
    re.IGNORECASE,
)
_PREFIXES: dict[str, HubName] = {
    "hf": "hf",
    "huggingface": "hf",
    "ms": "modelscope",
    "modelscope": "modelscope",
}
_HOSTS: dict[str, HubName] = {
    "huggingface.co": "hf",
    "hf.co": "hf",
    "hf-mirror.com": "hf",
    "modelscope.cn": "modelscope",
    "modelscope.ai": "modelscope",
}
_PAGE = re.compile(
    rf"(?:models/)?(?P<repository>{_REPOSITORY})/?"
    r"(?:(?:tree|blob|resolve|file/view)/(?P<revision>[^/]+)/?(?P<file>.+\.gguf)?)?"
)
_FORMS = "write hf:ORG/REPO[@REVISION][/FILE.gguf] or [:QUANTIZATION], modelscope:ORG/REPO, or the hub's URL"


def read_origin(reference: str, *, hub: HubName | None = None) -> HubRepository | None:
    """The repository that `reference` names; None if it is not written like one (a name, a path).

    `hub` is where a plain `org/repo` lies; without it such a reference is none. Raises UsageError for one that
    begins like a reference to a hub and goes on wrongly.
    """
    if re.match(r"https?://", reference):
        return _read_url(reference)
    prefix, colon, rest = reference.partition(":")
    if colon and prefix in _PREFIXES:
        found = _REFERENCE.fullmatch(rest)
        if not found:
            raise UsageError(f"cannot read the model reference {reference!r}", hint=_FORMS)
        return _repository(_PREFIXES[prefix], found)
    if hub and (found := _REFERENCE.fullmatch(reference)):
        return _repository(hub, found)
    return None


def _read_url(url: str) -> HubRepository:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise UsageError(f"{url!r} is not a URL ({error})", hint=_FORMS) from error
    hub = _HOSTS.get((parts.hostname or "").removeprefix("www."))
    if hub is None:
        raise UsageError(
            f"{parts.hostname or url!r} is not a model hub that lathe knows",
            hint="download the .gguf file and give its path; a mirror of Hugging Face goes into HF_ENDPOINT",
        )
    found = _PAGE.fullmatch(unquote(parts.path).strip("/"))
    if not found:
        raise UsageError(f"{url!r} is not the page of a model", hint=_FORMS)
    return _repository(hub, found)


def _repository(hub: HubName, found: re.Match[str]) -> HubRepository:
    parts = found.groupdict()
    revision = parts["revision"]
    return HubRepository(
        hub=hub,
        repository=parts["repository"],
        revision=None if revision in {"main", "master"} else revision,
        file=parts["file"],
        quantization=parts["quantization"].upper() if parts.get("quantization") else None,
    )
