"""Where a model is served: the URL that a user gives as `--model`, and the key that goes with it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import httpx2

from promptlathe.errors import UsageError

ServerKind = Literal["vllm", "sglang", "lmdeploy", "llamacpp", "ollama", "openai", "unknown"]

KEY_VARIABLE = "LATHE_API_KEY"
_OPENAI_HOST = "api.openai.com"
_LOOPBACK = ("localhost", "::1", "0.0.0.0")  # noqa: S104 - recognised, not bound
_EXAMPLE = "http://localhost:23333/v1"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An OpenAI-compatible API. `base_url` has no slash at its end and usually ends in `/v1`.

    `model` is the served model's id, or None for the only one. There is never a key in it.
    """

    base_url: str
    model: str | None = None

    @property
    def root_url(self) -> str:
        """Where servers keep what is not OpenAI's: `/version`, `/tokenize`."""
        return self.base_url.removesuffix("/v1")

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).hostname or ""

    @property
    def is_local(self) -> bool:
        """On this machine, where no proxy stands between and a key cannot be overheard."""
        return self.host in _LOOPBACK or self.host.startswith("127.")

    @property
    def is_openai(self) -> bool:
        return self.host == _OPENAI_HOST


def read_endpoint(reference: str) -> Endpoint | None:
    """The endpoint that `http(s)://host[:port][/path][#model]` names; None for what is no URL.

    Raises UsageError for a URL that cannot be used, above all one with a key in it: it would show in `ps`, in
    the shell's history and in every report.
    """
    if re.match(r"[\w.-]+:\d+(/|$)", reference):
        raise UsageError(
            f"{reference} has no scheme", hint=f"an endpoint is written http://{reference.rstrip('/')}"
        )
    if not re.match(r"https?://", reference, re.IGNORECASE):
        return None
    try:
        url = urlsplit(reference)
        host, _ = url.hostname, url.port
    except ValueError as error:
        raise UsageError(f"not a URL: {error}", hint=f"for example {_EXAMPLE}") from None
    if not host:
        raise UsageError("the URL names no host", hint=f"for example {_EXAMPLE}")
    if "@" in url.netloc or url.query:
        raise UsageError(
            f"the URL of {host} carries a user name, a key or parameters",
            hint=f"leave it out and set {KEY_VARIABLE}, or give --api-key-file: a URL is seen by others",
        )
    path = url.path.rstrip("/").removesuffix("/chat/completions").rstrip("/")
    base_url = f"{url.scheme}://{url.netloc.lower()}{path}"
    try:
        httpx2.URL(base_url)
    except httpx2.InvalidURL as error:
        raise UsageError(f"not a URL: {error}", hint=f"for example {_EXAMPLE}") from None
    return Endpoint(base_url, url.fragment or None)


def read_api_key(endpoint: Endpoint, environment: Mapping[str, str], file: Path | None) -> str | None:
    """The key for an endpoint: from the file, else LATHE_API_KEY, else, for OpenAI itself only, OPENAI_API_KEY.

    Raises UsageError for a file that cannot be read, and for what cannot be a key. Its text is never shown.
    """
    if file is not None:
        where = str(file)
        try:
            key = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            raise UsageError(f"cannot read the key file {file}: {reason}") from None
        if not key:
            raise UsageError(f"the key file {file} is empty", hint="it holds the key and nothing else")
    else:
        own = "OPENAI_API_KEY" if endpoint.is_openai else KEY_VARIABLE
        where = KEY_VARIABLE if environment.get(KEY_VARIABLE, "").strip() else own
        key = environment.get(where, "").strip()
    if not re.fullmatch(r"[!-~]*", key):
        raise UsageError(f"{where} is not a key: it has spaces, line breaks or other than ASCII characters")
    return key or None
