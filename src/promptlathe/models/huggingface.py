"""Hugging Face, or the mirror in HF_ENDPOINT, by the standard variables of its own tools.

HF_ENDPOINT; HF_TOKEN, or the file HF_TOKEN_PATH, or `token` in HF_HOME; HF_HUB_OFFLINE. See
https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
"""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from pydantic import BaseModel, Field

from promptlathe.errors import DownloadError
from promptlathe.models.hub import Ask, Listing
from promptlathe.models.origins import HubName
from promptlathe.models.selection import HubFile
from promptlathe.models.sources import Checksum

_TRUE = frozenset({"1", "ON", "YES", "TRUE"})


class _Lfs(BaseModel):
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class _Sibling(BaseModel):
    """`blobs=true` brings the size and digests; for large files `lfs`, for others git's own."""

    rfilename: str
    size: int = Field(ge=0)
    blobId: str | None = Field(default=None, pattern=r"^[0-9a-f]{40}$")  # noqa: N815 - the API's name
    lfs: _Lfs | None = None

    def as_file(self) -> HubFile:
        checksum = Checksum("git-sha1", self.blobId) if self.blobId else None
        if self.lfs:
            checksum = Checksum("sha256", self.lfs.sha256)
        return HubFile(self.rfilename, self.size, checksum)


class _Card(BaseModel):
    license: str | list[str] | None = None
    license_name: str | None = None


class _ModelInfo(BaseModel):
    sha: str = Field(pattern=r"^[0-9a-f]{40}$")
    siblings: list[_Sibling]
    cardData: _Card | None = None  # noqa: N815 - the API's name


@dataclass(frozen=True, slots=True)
class HuggingFace:
    endpoint: str
    token: str | None

    @classmethod
    def from_environment(cls) -> "HuggingFace":
        """DownloadError if the environment forbids to ask the hub, or to ask it safely."""
        for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
            if os.environ.get(name, "").upper() in _TRUE:
                raise DownloadError(f"{name} is set: Hugging Face may not be asked", hint=f"unset {name}")
        endpoint = (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")
        return cls(checked_endpoint(endpoint, "HF_ENDPOINT"), _token())

    @property
    def name(self) -> HubName:
        return "hf"

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def listing(self, ask: Ask, repository: str, revision: str | None) -> Listing:
        revision = revision or "main"
        url = f"{self.endpoint}/api/models/{repository}/revision/{quote(revision, safe='')}?blobs=true"
        info = ask(url, _ModelInfo, what=f"revision {revision}")
        return Listing(info.sha, _license(info.cardData), tuple(one.as_file() for one in info.siblings))

    def file_url(self, repository: str, revision: str | None, path: str) -> str:
        return f"{self.endpoint}/{repository}/resolve/{quote(revision or 'main', safe='')}/{quote(path)}"


def checked_endpoint(endpoint: str, variable: str) -> str:
    if not endpoint.startswith(("https://", "http://")):
        raise DownloadError(
            f"{variable} is {endpoint!r}, which is no address",
            hint=f"set it like {variable}=https://hf-mirror.com",
        )
    return endpoint


def _token() -> str | None:
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        if token := os.environ.get(name, "").strip():
            return token
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    home = Path(os.environ.get("HF_HOME") or cache / "huggingface")
    file = os.path.expanduser(os.environ.get("HF_TOKEN_PATH") or home / "token")  # noqa: PTH111 - see reference.py
    try:
        return Path(file).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def _license(card: _Card | None) -> str | None:
    if card is None:
        return None
    if card.license == "other" and card.license_name:
        return card.license_name
    return ", ".join(card.license) if isinstance(card.license, list) else card.license
