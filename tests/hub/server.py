"""A model hub on the loopback: Hugging Face's and ModelScope's addresses, and the faults that hubs and networks have.

Large files are redirected to a second server on another port, as the hubs' are to their storage.
"""

import hashlib
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

LFS_SUFFIXES = (".gguf", ".safetensors", ".bin", ".model")
COMMIT = "c0ffee" + "0" * 34


@dataclass
class Repository:
    files: dict[str, bytes]
    license: str | None = "apache-2.0"
    is_gated: bool = False
    commit: str = COMMIT


@dataclass(frozen=True)
class Request:
    server: str
    path: str
    headers: Mapping[str, str]

    @property
    def span(self) -> tuple[int, int]:
        """The first and the last byte that were asked for."""
        first, _, last = self.headers["Range"].removeprefix("bytes=").partition("-")
        return int(first), int(last)


@dataclass
class Faults:
    """What goes wrong. The statuses answer the next requests; `cuts` break the next files' answers half way."""

    listing_statuses: list[int] = field(default_factory=list)
    listing_body: bytes | None = None
    statuses: list[int] = field(default_factory=list)
    cuts: int = 0
    ignores_ranges: bool = False
    wrong_bytes: bool = False
    lost_bytes: int = 0
    retry_after: str | None = None


class HubServer:
    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.tokens: set[str] = {"good", "accepted"}
        self.faults = Faults()
        self.requests: list[Request] = []
        self.is_half_sent = threading.Event()
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.lock = threading.Lock()
        self._servers = [
            ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, name)) for name in ("hub", "storage")
        ]
        self.url, self.storage_url = (f"http://127.0.0.1:{server.server_port}" for server in self._servers)
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.may_go_on.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def add(self, name: str, files: dict[str, bytes], **facts: object) -> Repository:
        self.repositories[name] = Repository(files, **facts)
        return self.repositories[name]

    def fetched(self) -> list[Request]:
        """The requests for the bytes of large files."""
        return [request for request in self.requests if request.server == "storage"]


def _handler(hub: HubServer, server: str) -> type[BaseHTTPRequestHandler]:  # noqa: C901 - one closure
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

        def do_GET(self) -> None:
            with hub.lock:
                hub.requests.append(Request(server, self.path, dict(self.headers)))
            try:
                self._route()
            except OSError:
                self.close_connection = True  # the client was killed

        def _route(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            path = unquote(parts.path)
            if found := re.fullmatch(r"/api/models/(.+)/revision/(\w[\w.-]*)", path):
                self._hugging_face_listing(*found.groups())
            elif found := re.fullmatch(r"/api/v1/models/([^/]+/[^/]+)/repo/files", path):
                self._modelscope_listing(found[1], query["Revision"])
            elif found := re.fullmatch(r"/api/v1/models/([^/]+/[^/]+)", path):
                self._json({"Code": 200, "Data": {"License": hub.repositories[found[1]].license}})
            elif found := re.fullmatch(r"/api/v1/models/([^/]+/[^/]+)/repo", path):
                self._file(hub.repositories[found[1]], query["FilePath"])
            elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
                self._file(hub.repositories[found[1]], found[3])
            else:
                self._refuse(404, "EntryNotFound")

        def _hugging_face_listing(self, name: str, revision: str) -> None:
            repository = self._allowed(name)
            if repository is None:
                return
            if revision not in {"main", "v1", repository.commit}:
                self._refuse(404, "RevisionNotFound")
                return
            siblings = [_sibling(path, data) for path, data in repository.files.items()]
            card = {"license": repository.license} if repository.license else None
            info = {"id": name, "sha": repository.commit, "siblings": siblings, "cardData": card}
            self._json(info | {"private": False, "gated": "manual" if repository.is_gated else False})

        def _modelscope_listing(self, name: str, revision: str) -> None:
            repository = self._allowed(name)
            if repository is None:
                return
            if revision not in {"master", "v1"}:
                self._refuse(404, None)
                return
            files: list[dict[str, object]] = [{"Path": "folder", "Type": "tree", "Size": 0, "Sha256": ""}]
            for path, data in repository.files.items():
                digest = hashlib.sha256(data).hexdigest()
                files.append({"Path": path, "Type": "blob", "Size": len(data), "Sha256": digest})
            self._json({"Code": 200, "Data": {"Files": files}, "Success": True})

        def _allowed(self, name: str) -> Repository | None:
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            if hub.faults.listing_statuses:
                self._refuse(hub.faults.listing_statuses.pop(0), None)
            elif hub.faults.listing_body is not None:
                self._send(200, hub.faults.listing_body)
            elif token and token not in hub.tokens:
                self._refuse(401, None)
            elif name not in hub.repositories:
                self._refuse(401 if not token else 404, "RepoNotFound")
            else:
                return hub.repositories[name]
            return None

        def _file(self, repository: Repository, path: str) -> None:
            if (
                repository.is_gated
                and server == "hub"
                and self.headers.get("Authorization") != "Bearer accepted"
            ):
                self._refuse(403 if "Authorization" in self.headers else 401, "GatedRepo")
                return
            if path.endswith(LFS_SUFFIXES) and server == "hub":
                location = hub.storage_url + self.path
                self._send(302, b"", {"Location": location, "X-Linked-Etag": '"x"'})
                return
            with hub.lock:
                status = hub.faults.statuses.pop(0) if hub.faults.statuses else 200
                is_cut = hub.faults.cuts > 0
                hub.faults.cuts -= is_cut
            if status != 200:
                self._refuse(status, None)
                return
            data = repository.files[path]
            if hub.faults.wrong_bytes:
                data = bytes(byte ^ 1 for byte in data[:1]) + data[1:]
            data = data[: len(data) - hub.faults.lost_bytes]
            self._bytes(data, is_cut=is_cut)

        def _bytes(self, data: bytes, *, is_cut: bool) -> None:
            start, stop = 0, len(data)
            asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            is_part = asked is not None and not hub.faults.ignores_ranges
            headers = {"Content-Type": "application/octet-stream", "ETag": '"x"'}
            if asked and is_part:
                start, stop = int(asked[1]), min(int(asked[2]) + 1, len(data))
                if start >= len(data):
                    self._refuse(416, None)
                    return
                headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(data)}"
            self._head(206 if is_part else 200, stop - start, headers)
            half = (start + stop) // 2
            self.wfile.write(data[start:half])
            self.wfile.flush()
            hub.is_half_sent.set()
            if is_cut:
                self.close_connection = True
                return
            if not hub.may_go_on.is_set() and start > 0:
                hub.may_go_on.wait(30)
            self.wfile.write(data[half:stop])

        def _json(self, content: object) -> None:
            self._send(200, json.dumps(content).encode())

        def _refuse(self, status: int, code: str | None) -> None:
            headers = {"X-Error-Code": code} if code else {}
            if hub.faults.retry_after is not None:
                headers["Retry-After"] = hub.faults.retry_after
            self._send(status, b'{"error": "no"}', headers)

        def _send(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
            self._head(status, len(body), headers or {})
            self.wfile.write(body)

        def _head(self, status: int, length: int, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(length))
            self.end_headers()

    return Handler


def _sibling(path: str, data: bytes) -> dict[str, object]:
    blob = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
    sibling: dict[str, object] = {"rfilename": path, "size": len(data), "blobId": blob}
    if path.endswith(LFS_SUFFIXES):
        sibling |= {
            "blobId": "0" * 40,
            "lfs": {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134},
        }
    return sibling
