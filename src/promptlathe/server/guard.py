"""What a request must be before anything reads it: asked of this host, by nobody else's page, with a key."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from promptlathe.server.errors import ApiError
from promptlathe.server.port import is_loopback

_OPEN_PATHS = frozenset({"/", "/health", "/docs", "/openapi.json", "/docs/oauth2-redirect"})
_OPEN_FOLDER = "/static-offline-docs/"
_WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 - recognised, not bound
_READING = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Guard:
    """`host` is what the server is bound to, `allowed_origins` the pages of other hosts that may call it."""

    host: str
    api_keys: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()

    def check(self, method: str, path: str, headers: Headers) -> None:
        """Raises ApiError. A page elsewhere must not reach a model on this machine through its user's browser: by
        asking this address (`Origin`), or by giving this address a name of its own (`Host`)."""
        if path != "/health":
            self._check_host(headers.get("host", ""))
        if method not in _READING:
            self._check_origin(headers.get("origin"))
        if self.api_keys and path not in _OPEN_PATHS and not path.startswith(_OPEN_FOLDER):
            self._check_key(headers.get("authorization"))

    def _check_host(self, given: str) -> None:
        """Bound to every address, a server cannot know its names; then it has a key."""
        name = _hostname(f"//{given}")
        allowed = {_hostname(origin) for origin in self.allowed_origins}
        if not name or not (self.host in _WILDCARDS or self._is_own(name) or name in allowed):
            raise ApiError(
                f"this server is not called {given!r} (allow it with --allow-origin http://{given})",
                status=403,
                code="host_not_allowed",
            )

    def _check_origin(self, origin: str | None) -> None:
        if origin is None or origin in self.allowed_origins:
            return
        name = _hostname(origin)
        if not name or not self._is_own(name):
            raise ApiError(
                f"pages of {origin!r} may not call this server (allow them with --allow-origin {origin})",
                status=403,
                code="origin_not_allowed",
            )

    def _is_own(self, name: str) -> bool:
        return name == self.host.lower() or is_loopback(name)

    def _check_key(self, authorization: str | None) -> None:
        """Three mistakes, three messages, each with the line to send. The key's text is never shown."""
        if authorization is None:
            raise _unauthorised("no Authorization header was sent", "missing_api_key")
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise _unauthorised(
                "the Authorization header does not begin with the word Bearer and a space", "missing_bearer"
            )
        if not _is_known(key.strip(), self.api_keys):
            raise _unauthorised("the key is not one of this server's", "invalid_api_key")


def _is_known(key: str, known: Sequence[str]) -> bool:
    """Takes as long for a key that is nearly right as for any other, and whichever of the known it is."""
    digest = sha256(key.encode("utf-8", errors="surrogatepass")).digest()
    matches = [hmac.compare_digest(digest, sha256(one.encode()).digest()) for one in known]
    return any(matches)


def _unauthorised(what: str, code: str) -> ApiError:
    return ApiError(
        f"{what}; send the header line: Authorization: Bearer YOUR_KEY",
        status=401,
        code=code,
        headers={"WWW-Authenticate": "Bearer"},
    )


def _hostname(url: str) -> str | None:
    """In lower case, without the port; None for what is no address."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
