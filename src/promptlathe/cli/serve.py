"""`lathe serve`: a model behind an OpenAI-compatible API, until Ctrl-C."""

import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from promptlathe.cli.console import err, escape_markup, out
from promptlathe.cli.models import Reference
from promptlathe.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from promptlathe.engines.choose import Choice
    from promptlathe.server.backend import Backend

_KEY_VARIABLE = "LATHE_API_KEY"
_ENGINES = ("auto", "openvino", "llamacpp")


def serve(
    reference: Reference,
    engine: Annotated[str, typer.Option(metavar="NAME", help="The engine that runs it.")] = "auto",
    host: Annotated[str, typer.Option(help="The address to listen on; 0.0.0.0 is every one.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes one that is free.")] = 23333,
    api_key: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY",
            help=f"A key that clients must send; may be repeated. Others see it in `ps`: {_KEY_VARIABLE} is safer.",
            show_default=False,
        ),
    ] = None,
    api_key_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A file of keys, one on each line.", show_default=False),
    ] = None,
    served_model_name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="What clients call the model.", show_default="its own name"),
    ] = None,
    ctx: Annotated[
        int | None, typer.Option(min=16, metavar="TOKENS", help="A shorter context than the model has.")
    ] = None,
    max_batch: Annotated[int, typer.Option(min=1, max=1024, help="Answers computed at once.")] = 64,
    max_queue: Annotated[int, typer.Option(min=0, help="Requests that may wait; then 429.")] = 256,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL", help="A web page's origin that may call; may be repeated.", show_default=False
        ),
    ] = None,
    grace_s: Annotated[
        float, typer.Option(min=0, max=3600, help="How long answers may take to finish after Ctrl-C.")
    ] = 30.0,
    has_access_log: Annotated[bool, typer.Option("--access-log", help="A line for each request.")] = False,
) -> None:
    """Serve a model through an OpenAI-compatible API."""
    import asyncio

    from promptlathe.cli.models import ensure_with_progress
    from promptlathe.engines.choose import Choice, Machine, choose_engine
    from promptlathe.server.port import listen
    from promptlathe.server.starting import make_backend
    from promptlathe.server.worker_backend import with_context

    if engine not in _ENGINES:
        raise UnknownNameError("engine", engine, _ENGINES)
    keys = _read_keys(api_key or [], api_key_file)
    _check_is_safe(host, keys)
    origins = tuple(_origin(one) for one in allow_origin or [])
    model = with_context(ensure_with_progress(reference), ctx)
    name = served_model_name or model.name
    chosen = choose_engine(model, Machine.here()) if engine == "auto" else Choice(engine, "as you said")
    backend = make_backend(chosen.engine, model, window=max_batch, queue=max_queue, on_event=_show)
    bound = listen(host, port)
    _set_up_log()
    with _loading(model.name) as loaded:

        def show_ready() -> None:
            loaded()
            _print_address(name, backend, chosen, bound.getsockname()[:2], has_key=bool(keys))

        async def run() -> None:
            """The model begins to load before the web framework does, which takes a second itself."""
            loading = asyncio.create_task(backend.start())
            serve_http = await asyncio.to_thread(_prepared, name, backend, host, keys, origins)
            await serve_http(
                loading, bound, grace_s=grace_s, on_ready=show_ready, has_access_log=has_access_log
            )

        asyncio.run(run())


def _prepared(
    name: str, backend: "Backend", host: str, keys: tuple[str, ...], origins: tuple[str, ...]
) -> "Callable[..., Awaitable[None]]":
    """`server.serving.serve` for this backend."""
    from functools import partial

    from promptlathe.server.app import make_app
    from promptlathe.server.guard import Guard
    from promptlathe.server.prompt_models import PromptModels
    from promptlathe.server.service import Service
    from promptlathe.server.serving import serve as serve_http
    from promptlathe.workspace.workspace import Workspace

    service = Service(name, backend, PromptModels(Workspace.find()))
    return partial(serve_http, make_app(service, Guard(host, keys, origins)), backend)


def _read_keys(given: list[str], file: Path | None) -> tuple[str, ...]:
    """Raises UsageError; the text of a key is never shown."""
    import re

    keys = [*given, *os.environ.get(_KEY_VARIABLE, "").split()]
    if file is not None:
        try:
            found = file.read_text(encoding="utf-8").split()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            raise UsageError(f"cannot read the key file {file}: {reason}") from None
        if not found:
            raise UsageError(f"the key file {file} is empty", hint="it holds keys, one on each line")
        keys += found
    if not all(re.fullmatch(r"[!-~]+", key) for key in keys):
        raise UsageError("a key is empty, or has spaces or other than ASCII characters in it")
    return tuple(dict.fromkeys(keys))


def _check_is_safe(host: str, keys: tuple[str, ...]) -> None:
    from promptlathe.server.port import is_loopback

    if not keys and not is_loopback(host):
        raise UsageError(
            f"on {host} others could use the model: that needs a key",
            hint=f"add --api-key KEY, or set {_KEY_VARIABLE}; or leave --host out",
        )


def _origin(given: str) -> str:
    from urllib.parse import urlsplit

    try:
        url = urlsplit(given)
        is_origin = url.scheme in ("http", "https") and url.hostname and url.path in ("", "/")
    except ValueError:
        is_origin = False
    if not is_origin:
        raise UsageError(f"{given!r} is not an origin", hint="for example https://chat.example.org")
    return given.rstrip("/")


def _set_up_log() -> None:
    """What the server has to say goes to stderr, a line each."""
    import logging

    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)


@contextmanager
def _loading(name: str) -> Iterator[Callable[[], None]]:
    """A line on stderr while the model loads; where that is no terminal, said once."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    text = f"loading {escape_markup(name)}"
    if not err.is_terminal:
        err.print(text)
    progress = Progress(
        SpinnerColumn(),
        TextColumn(text),
        TimeElapsedColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
    progress.add_task("")
    progress.start()
    try:
        yield progress.stop
    finally:
        progress.stop()


def _print_address(
    name: str, backend: "Backend", chosen: "Choice", address: tuple[str, int], *, has_key: bool
) -> None:
    """Never the key itself: what is printed is seen, and kept in logs."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(address[0], address[0])  # noqa: S104 - recognised
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    url = f"http://{host}:{address[1]}"
    key_header = f' -H "Authorization: Bearer ${_KEY_VARIABLE}"' if has_key else ""
    key = f'os.environ["{_KEY_VARIABLE}"]' if has_key else '"none"'
    context = f"context {backend.context_length} tokens, " if backend.context_length else ""
    body = f'{{"model": "{name}", "messages": [{{"role": "user", "content": "Hello"}}]}}'
    lines = (
        f"{name} answers at {url}/v1",
        f"engine {chosen.engine}: {chosen.reason}; {context}{'with' if has_key else 'without'} a key",
        f"  curl {url}/v1/chat/completions{key_header} -d '{body}'",
        f'  OpenAI(base_url="{url}/v1", api_key={key})',
        f"the API is described at {url}/docs; Ctrl-C stops",
    )
    for line in lines:
        out.print(escape_markup(line), soft_wrap=True)


def _show(line: str) -> None:
    err.print(escape_markup(line), soft_wrap=True)
