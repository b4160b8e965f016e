"""What went wrong on a model hub, as one clear line and what to do about it."""

import ssl

import httpx2

from promptlathe.errors import DownloadError
from promptlathe.models.origins import HubName

_MIRROR: dict[HubName, str] = {
    "hf": "a mirror may help: HF_ENDPOINT=https://hf-mirror.com, or the same model as modelscope:ORG/REPO",
    "modelscope": "the same model may lie on Hugging Face: hf:ORG/REPO; MODELSCOPE_ENDPOINT sets another address",
}
_TOKEN: dict[HubName, str] = {
    "hf": "HF_TOKEN (make one at https://huggingface.co/settings/tokens)",
    "modelscope": "MODELSCOPE_API_TOKEN (make one at https://modelscope.cn/my/myaccesstoken)",
}
_AGAIN = "run the command again: it goes on where it stopped"


def explain_status(
    response: httpx2.Response, hub: HubName, repository: str, *, what: str, has_token: bool, is_listing: bool
) -> DownloadError:
    """`what` is what was asked for, such as `the file x.gguf` or `revision main`.

    Without a token Hugging Face answers 401 for what it does not have, so as not to tell what is private.
    """
    host, status = response.url.host, response.status_code
    match response.headers.get("X-Error-Code"), status:
        case "GatedRepo", _:
            return DownloadError(
                f"{repository} is gated: its terms must be accepted before it can be downloaded",
                hint=f"accept them at https://huggingface.co/{repository}, then set {_TOKEN[hub]}",
            )
        case "RevisionNotFound" | "EntryNotFound", _:
            return DownloadError(
                f"{repository} on {host} has not {what}", hint="look at its page for the names"
            )
        case _, 401 if has_token:
            return DownloadError(f"{host} does not accept the token", hint=f"set a valid {_TOKEN[hub]}")
        case "RepoNotFound", _:
            return _no_repository(host, hub, repository)
        case _, 401 | 404 if is_listing:
            return _no_repository(host, hub, repository)
        case _, 401 | 403:
            return DownloadError(
                f"{host} does not let this account have {repository}",
                hint=f"set a token that may: {_TOKEN[hub]}",
            )
        case _, 429:
            return DownloadError(
                f"{host} got too many requests from here (429)", hint=f"wait some minutes, then {_AGAIN}"
            )
        case _:
            return DownloadError(f"{host} answered {status} for {what} of {repository}", hint=_MIRROR[hub])


def explain_transport(error: httpx2.HTTPError, url: str, hub: HubName) -> DownloadError:
    host = httpx2.URL(url).host
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return DownloadError(
                f"the certificate of {host} could not be verified",
                hint="behind a company proxy: set SSL_CERT_FILE to its certificate authority's file",
            )
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx2.ProxyError):
        return DownloadError(f"the proxy on the way to {host} failed ({error})", hint="check HTTPS_PROXY")
    if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout):
        return DownloadError(
            f"cannot reach {host}: is this machine offline?",
            hint=f"{_MIRROR[hub]}; for a proxy set HTTPS_PROXY; or give the path of a local .gguf file",
        )
    return DownloadError(f"the connection to {host} broke, again and again", hint=_AGAIN)


def not_a_hub(url: str, hub: HubName) -> DownloadError:
    return DownloadError(
        f"{httpx2.URL(url).host} did not answer like a model hub",
        hint=f"is there a login page? {_MIRROR[hub]}",
    )


def _no_repository(host: str, hub: HubName, repository: str) -> DownloadError:
    return DownloadError(
        f"no repository {repository} on {host}, or it is private",
        hint=f"check the spelling; for a private one set {_TOKEN[hub]}",
    )
