"""`lathe serve`: a model behind an OpenAI-compatible API, until Ctrl-C."""

import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from promptlathe.cli.console import err, escape_markup, out
from promptlathe.cli.models import Reference
from promptlathe.errors import UnknownNameError, UsageError, WorkspaceError

if TYPE_CHECKING:
    from socket import socket

    from promptlathe.server.backend import Backend
    from promptlathe.server.processes.log import ServerLog
    from promptlathe.server.processes.record import ServerRecord

KEY_VARIABLE = "LATHE_API_KEY"
_ENGINES = ("auto", "openvino", "llamacpp")


def serve(
    context: typer.Context,
    reference: Reference,
    engine: Annotated[str, typer.Option(metavar="NAME", help="The engine that runs it.")] = "auto",
    host: Annotated[str, typer.Option(help="The address to listen on; 0.0.0.0 is every one.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes one that is free.")] = 23333,
    api_key: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY",
            help=f"A key that clients must send; may be repeated. Others see it in `ps`: {KEY_VARIABLE} is safer.",
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
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="What `lathe ps`, `logs` and `stop` call it.", show_default="the model's"
        ),
    ] = None,
    is_detached: Annotated[
        bool,
        typer.Option(
            "--detach", "-d", help="Return when the model answers; it is served until `lathe stop`."
        ),
    ] = False,
    is_in_background: Annotated[bool, typer.Option("--in-background", hidden=True)] = False,
) -> None:
    """Serve a model through an OpenAI-compatible API."""
    import asyncio

    from promptlathe.cli.background import arguments_again, start_detached
    from promptlathe.cli.models import ensure_with_progress
    from promptlathe.engines.choose import Choice, Machine, choose_engine
    from promptlathe.server.processes.record import ServerRecord, Servers, checked_name, this_machine
    from promptlathe.server.starting import make_backend
    from promptlathe.server.worker_backend import with_context

    if engine not in _ENGINES:
        raise UnknownNameError("engine", engine, _ENGINES)
    keys = read_keys(api_key or [], api_key_file)
    _check_is_safe(host, keys)
    if name is not None:
        checked_name(name)
    origins = tuple(_origin(one) for one in allow_origin or [])
    model = with_context(ensure_with_progress(reference), ctx)
    chosen = choose_engine(model, Machine.here()) if engine == "auto" else Choice(engine, "as you said")
    if is_detached:
        print_address(start_detached(model.name, arguments_again(context, _KEPT_HERE), keys))
        return
    model_name = served_model_name or model.name
    backend = make_backend(chosen.engine, model, window=max_batch, queue=max_queue, on_event=_show)
    bound = _listen(host, port)
    servers = Servers.default()
    record = ServerRecord(
        name=name or model_name,
        model=model_name,
        digest=model.digest,
        context_length=model.context_length,
        engine=chosen.engine,
        engine_reason=chosen.reason,
        url=_url(bound.getsockname()[:2]),
        port=bound.getsockname()[1],
        pid=os.getpid(),
        machine=this_machine(),
        started_at=datetime.now(UTC),
        grace_s=grace_s,
        has_key=bool(keys),
        is_detached=is_in_background,
    )
    with servers.registered(record, is_name_fixed=name is not None) as named:
        log = _log_in_background(servers.log_path(named.name)) if is_in_background else None
        _set_up_log()
        with loading(model.name) as loaded:

            def show_ready() -> None:
                loaded()
                print_address(named)
                if log:
                    log.ready()

            async def run() -> None:
                """The model begins to load before the web framework does, which takes a second itself."""
                starting = asyncio.create_task(backend.start())
                serve_http = await asyncio.to_thread(_prepared, model_name, backend, host, keys, origins)
                await serve_http(
                    starting, bound, grace_s=grace_s, on_ready=show_ready, has_access_log=has_access_log
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


_KEPT_HERE = ("is_detached", "api_key", "api_key_file")
"""What a detached server is not told by its command line: others can read that."""


def _listen(host: str, port: int) -> "socket":
    """Raises UsageError, which names the server of ours that has the port."""
    from promptlathe.server.port import listen
    from promptlathe.server.processes.record import Servers

    try:
        return listen(host, port)
    except UsageError:
        from promptlathe.server.processes.ending import family

        servers = Servers.default()
        for record in servers.running():
            if record.port == port and family(record, servers):
                raise UsageError(
                    f"port {port} is taken: the server {record.name} runs at {record.url}",
                    hint=f"give another --port, or: lathe stop {record.name}",
                ) from None
        raise


def _log_in_background(path: Path) -> "ServerLog":
    """No terminal's end is ours from here on."""
    import signal

    from promptlathe.server.processes.log import ServerLog

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        return ServerLog(path, f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, process {os.getpid()}")
    except OSError as error:
        raise WorkspaceError(f"cannot write {path}: {error.strerror}") from None


def read_keys(given: list[str], file: Path | None) -> tuple[str, ...]:
    """Raises UsageError; the text of a key is never shown."""
    import re

    keys = [*given, *os.environ.get(KEY_VARIABLE, "").split()]
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
            hint=f"add --api-key KEY, or set {KEY_VARIABLE}; or leave --host out",
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
def loading(name: str) -> Iterator[Callable[[], None]]:
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


def _url(address: tuple[str, int]) -> str:
    """Where this machine reaches a server that is bound to `address`."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address[0], address[0])  # noqa: S104 - recognised
    return f"http://[{host}]:{address[1]}" if ":" in host else f"http://{host}:{address[1]}"


def print_address(record: "ServerRecord") -> None:
    """Never the key itself: what is printed is seen, and kept in logs."""
    key_header = f' -H "Authorization: Bearer ${KEY_VARIABLE}"' if record.has_key else ""
    key = f'os.environ["{KEY_VARIABLE}"]' if record.has_key else '"none"'
    context = f"context {record.context_length} tokens, " if record.context_length else ""
    body = f'{{"model": "{record.model}", "messages": [{{"role": "user", "content": "Hello"}}]}}'
    stops = f"lathe stop {record.name} stops it" if record.is_detached else "Ctrl-C stops"
    lines = (
        f"{record.model} answers at {record.url}/v1",
        f"engine {record.engine}: {record.engine_reason}; {context}{'with' if record.has_key else 'without'} a key",
        f"  curl {record.url}/v1/chat/completions{key_header} -d '{body}'",
        f'  OpenAI(base_url="{record.url}/v1", api_key={key})',
        f"the API is described at {record.url}/docs; {stops}",
    )
    for line in lines:
        out.print(escape_markup(line), soft_wrap=True)


def _show(line: str) -> None:
    err.print(escape_markup(line), soft_wrap=True)
