"""ModelScope, by MODELSCOPE_ENDPOINT and MODELSCOPE_API_TOKEN.

Its client keeps a login as a pickle; a pickle is not read here, so the token comes from the variable only. Files
are addressed by branch or tag, not by commit; each has a SHA-256 in the listing, which is what pins it.
"""

import os
from dataclasses import dataclass
from urllib.parse import urlencode

from pydantic import BaseModel, Field

from promptlathe.models.hub import Ask, Listing
from promptlathe.models.huggingface import checked_endpoint
from promptlathe.models.origins import HubName
from promptlathe.models.selection import HubFile
from promptlathe.models.sources import Checksum


class _File(BaseModel):
    Path: str
    Size: int = Field(default=0, ge=0)
    Type: str = "blob"
    Sha256: str = ""

    def as_file(self) -> HubFile:
        return HubFile(self.Path, self.Size, Checksum("sha256", self.Sha256) if self.Sha256 else None)


class _Files(BaseModel):
    Files: list[_File]


class _FilesAnswer(BaseModel):
    """Its own client, too, takes the list both bare and wrapped."""

    Data: _Files | list[_File]

    @property
    def blobs(self) -> tuple[HubFile, ...]:
        files = self.Data.Files if isinstance(self.Data, _Files) else self.Data
        return tuple(file.as_file() for file in files if file.Type == "blob")


class _Model(BaseModel):
    License: str | None = None


class _ModelAnswer(BaseModel):
    Data: _Model


@dataclass(frozen=True, slots=True)
class ModelScope:
    endpoint: str
    token: str | None

    @classmethod
    def from_environment(cls) -> "ModelScope":
        """DownloadError if the endpoint is no address."""
        endpoint = os.environ.get("MODELSCOPE_ENDPOINT") or "https://modelscope.cn"
        token = os.environ.get("MODELSCOPE_API_TOKEN", "").strip() or None
        return cls(checked_endpoint(endpoint.rstrip("/"), "MODELSCOPE_ENDPOINT"), token)

    @property
    def name(self) -> HubName:
        return "modelscope"

    def headers(self) -> dict[str, str]:
        """Some of its servers read the header, some the cookie."""
        if not self.token:
            return {}
        return {"Authorization": f"Bearer {self.token}", "Cookie": f"m_session_id={self.token}"}

    def listing(self, ask: Ask, repository: str, revision: str | None) -> Listing:
        revision = revision or "master"
        query = urlencode({"Revision": revision, "Recursive": "True"})
        files = ask(self._url(repository, f"/repo/files?{query}"), _FilesAnswer, what=f"revision {revision}")
        model = ask(self._url(repository), _ModelAnswer, what="its description")
        return Listing(None, model.Data.License or None, files.blobs)

    def file_url(self, repository: str, revision: str | None, path: str) -> str:
        query = urlencode({"Revision": revision or "master", "FilePath": path})
        return self._url(repository, f"/repo?{query}")

    def _url(self, repository: str, rest: str = "") -> str:
        return f"{self.endpoint}/api/v1/models/{repository}{rest}"
