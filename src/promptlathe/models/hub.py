"""Fetches a model from a repository on a hub: what both hubs have in common."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol, TypeVar

import httpx2
from pydantic import BaseModel, ValidationError

from promptlathe import __version__
from promptlathe.errors import ChecksumError, DownloadError
from promptlathe.models import transfer
from promptlathe.models.hub_failure import explain_status, explain_transport, not_a_hub
from promptlathe.models.manifest import Manifest
from promptlathe.models.origins import HubName, HubRepository
from promptlathe.models.partial_file import PartialFile
from promptlathe.models.selection import HubFile, select
from promptlathe.models.sources import OnProgress, Plan, PlannedFile, PullProgress

MODEL_FOLDER = "model"
_CONNECT_TIMEOUT_S = 10
_READ_TIMEOUT_S = 30
_ASKING_ATTEMPTS = 3
_Answer = TypeVar("_Answer", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Listing:
    """What a repository holds at one commit. `commit` is None where the hub's addresses do not pin one."""

    commit: str | None
    license: str | None
    files: tuple[HubFile, ...]


class Hub(Protocol):
    """A hub's way of listing and addressing files. It reads its environment when it is made."""

    @property
    def name(self) -> HubName: ...

    @property
    def endpoint(self) -> str: ...

    @property
    def token(self) -> str | None: ...

    def headers(self) -> dict[str, str]:
        """With the token, where there is one. They go to the hub only, not to where it redirects."""
        ...

    def listing(self, ask: "Ask", repository: str, revision: str | None) -> Listing: ...

    def file_url(self, repository: str, revision: str | None, path: str) -> str:
        """`revision` is the listing's commit, or what the user wrote where it has none."""
        ...


@dataclass(frozen=True, slots=True)
class Ask:
    """Asks a hub's API: `ask(url, Kind, what=...)` is the JSON there, checked. Raises DownloadError."""

    client: httpx2.Client
    hub: Hub
    repository: str
    sleep: Callable[[float], None] = time.sleep

    def __call__(self, url: str, kind: type[_Answer], *, what: str) -> _Answer:
        response = self._patiently(url)
        if not response.is_success:
            raise self.explain(response, what, is_listing=True)
        try:
            return kind.model_validate_json(response.content)
        except ValidationError as error:
            raise not_a_hub(url, self.hub.name) from error

    def _patiently(self, url: str) -> httpx2.Response:
        """A hub that is busy is asked again, twice; one that cannot be reached is not."""
        for attempt in range(1, _ASKING_ATTEMPTS + 1):
            try:
                response = self.client.get(url)
            except httpx2.RequestError as error:
                raise explain_transport(error, url, self.hub.name) from error
            if response.status_code not in transfer.BUSY or attempt == _ASKING_ATTEMPTS:
                break
            self.sleep(max(transfer.asked_wait_s(response), transfer.BACKOFF_S * attempt))
        return response

    def explain(self, failure: transfer.Failure, what: str, *, is_listing: bool = False) -> DownloadError:
        if isinstance(failure, httpx2.HTTPError):
            return explain_transport(failure, str(failure.request.url), self.hub.name)
        has_token = self.hub.token is not None
        return explain_status(
            failure, self.hub.name, self.repository, what=what, has_token=has_token, is_listing=is_listing
        )


@dataclass(frozen=True, slots=True)
class HubSource:
    """`name` is the model's in the store; None makes one of the repository's owner and the chosen file.

    `same_as` are the origins of the same files elsewhere: what was pulled from there need not be from here.
    """

    origin: HubRepository
    name: str | None
    open_hub: Callable[[], Hub]
    same_as: tuple[HubRepository, ...] = ()

    @property
    def is_resumable(self) -> bool:
        return True

    def is_met_by(self, name: str, manifest: Manifest) -> bool:
        """A pulled model is not asked for anew: what its reference means upstream may have changed since."""
        is_called_so = self.name in {None, name}
        has_code_wanted = manifest.has_code or not self.origin.takes_code
        return is_called_so and self.may_replace(manifest) and has_code_wanted

    def may_replace(self, manifest: Manifest) -> bool:
        return manifest.origin in {str(origin) for origin in (self.origin, *self.same_as)}

    def plan(self) -> Plan:
        origin = self.origin
        with self._asking() as ask:
            hub = ask.hub
            listing = hub.listing(ask, origin.repository, origin.revision)
        chosen = select(listing.files, origin)
        revision = listing.commit or origin.revision
        files = tuple(
            PlannedFile(
                path=_safe_path(file.path, is_folder=chosen.is_folder),
                size_bytes=file.size_bytes,
                checksum=file.checksum,
                url=hub.file_url(origin.repository, revision, file.path),
            )
            for file in chosen.files
        )
        at = f"@{revision}" if revision else ""
        inside = "" if chosen.is_folder else f"/{chosen.files[0].path}"
        return Plan(
            name=self.name or _store_name(origin.repository, chosen.name),
            origin=str(origin),
            source=f"{origin.hub}:{origin.repository}{at}{inside}",
            file=MODEL_FOLDER if chosen.is_folder else files[0].path,
            files=files,
            license=listing.license,
            has_code=origin.takes_code,
            notes=chosen.notes,
        )

    def room_bytes(self, plan: Plan, into: Path) -> int:
        missing = [file for file in plan.files if not (into / file.path).exists()]
        return sum(
            file.size_bytes - PartialFile(into / file.path, file.size_bytes).done_bytes for file in missing
        )

    def fetch(self, plan: Plan, into: Path, on_progress: OnProgress) -> None:
        total = plan.size_bytes
        missing = [file for file in plan.files if not (into / file.path).exists()]
        here_bytes = total - sum(file.size_bytes for file in missing)
        with self._asking() as ask:
            downloads = [
                transfer.Download(
                    file.url,
                    PartialFile(into / file.path, file.size_bytes),
                    lambda failure, path=file.path: ask.explain(failure, f"the file {path}"),  # type: ignore[misc]
                )
                for file in missing
            ]

            def on_bytes(count: int) -> None:
                on_progress(PullProgress("downloading", min(here_bytes + count, total), total))

            try:
                transfer.fetch_all(ask.client, downloads, on_bytes)
            except ChecksumError:
                for download in downloads:
                    download.file.discard()
                raise
        for download in downloads:
            download.file.finish()

    @contextmanager
    def _asking(self) -> Iterator[Ask]:
        hub = self.open_hub()
        if hub.token:
            _check_secrecy(hub.endpoint)
        headers = {"User-Agent": f"promptlathe/{__version__}", "Accept-Encoding": "identity", **hub.headers()}
        timeout = httpx2.Timeout(_READ_TIMEOUT_S, connect=_CONNECT_TIMEOUT_S)
        with httpx2.Client(headers=headers, timeout=timeout, follow_redirects=True) as client:
            yield Ask(client, hub, self.origin.repository)


def _store_name(repository: str, variant: str) -> str:
    return re.sub(r"[^\w.-]+", "-", f"{repository.partition('/')[0]}.{variant}".lower())


def _check_secrecy(endpoint: str) -> None:
    url = httpx2.URL(endpoint)
    if url.scheme != "https" and url.host not in {"localhost", "127.0.0.1", "::1"}:
        raise DownloadError(
            f"the token would cross the network in clear to {url.host}", hint="use its https address"
        )


def _safe_path(path: str, *, is_folder: bool) -> str:
    """Where a file of the repository goes; never outside of the model's folder, whatever the hub says."""
    name = PurePosixPath(path).name
    if not name or name.startswith(".") or "\\" in name or ":" in name:
        raise DownloadError(f"the repository lists a file called {path!r}", hint="that is no name for a file")
    return f"{MODEL_FOLDER}/{name}" if is_folder else name
