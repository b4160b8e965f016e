"""`lathe doctor`: looks at everything lathe stands on and says what to do where something is wrong."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from promptlathe import __version__
from promptlathe.cli.console import JsonFlag, escape_markup, out, print_json
from promptlathe.cli.opening import KeyFileOption, open_model
from promptlathe.errors import LatheError, UsageError

Status = Literal["ok", "warning", "problem"]

_COLOURS = {"ok": "green", "warning": "yellow", "problem": "bold red"}
_LOW_DISK_GB = 2
_LOW_MEMORY_GB = 2
_PIP_TIMEOUT_S = 30
_GPU_TIMEOUT_S = 10
_HUB_TIMEOUT_S = 5
_FURTHER_ENGINES = {"llamacpp": "xllamacpp", "lmdeploy": "lmdeploy"}
"""Engines that are not installed with lathe, and the packages that they need."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check saw, and what to do about it where that is not `ok`."""

    name: str
    status: Status
    found: str
    advice: str | None = None


def doctor(
    as_json: JsonFlag = False,
    is_online: Annotated[
        bool, typer.Option("--online", help="Also ask the package index and the hubs whether they answer.")
    ] = False,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", metavar="URL", help="Also ask this served model.", show_default=False),
    ] = None,
    api_key_file: KeyFileOption = None,
) -> None:
    """Check this machine for all that lathe needs; exit 1 if there is a problem."""
    checks = [*_CHECKS]
    if is_online:
        checks += [_package_index, _hubs]
    if model is not None:
        checks.append(_served_model(model, api_key_file))
    findings = []
    for check in checks:
        for finding in _findings(check):
            findings.append(finding)
            if not as_json:
                _show(finding)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    if any(finding.status == "problem" for finding in findings):
        raise typer.Exit(1)


def _findings(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """A check that itself fails is a finding: the others still run."""
    try:
        yield from check()
    except (LatheError, OSError, ImportError, RuntimeError, subprocess.SubprocessError) as error:
        hint = error.hint if isinstance(error, LatheError) else None
        name = check.__name__.strip("_").replace("_", " ")
        yield Finding(name, "problem", str(error).strip().splitlines()[-1], hint)


def _show(finding: Finding) -> None:
    mark = f"[{_COLOURS[finding.status]}]{finding.status:<8}[/]"
    advice = f" -> {finding.advice}" if finding.advice else ""
    out.print(f"{mark} {finding.name:<10} {escape_markup(finding.found + advice)}", soft_wrap=True)


def _python() -> Iterator[Finding]:
    yield Finding("python", "ok", f"{sys.version.split()[0]} in {sys.prefix}")
    yield Finding("lathe", "ok", __version__)


def _openvino() -> Iterator[Finding]:
    from importlib.metadata import version

    import openvino_genai  # noqa: F401 - a library it needs may be missing on this system
    from openvino import Core

    capabilities = Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    processor = Core().get_property("CPU", "FULL_DEVICE_NAME")
    found = f"GenAI {version('openvino-genai')} on {processor.strip()}: {' '.join(sorted(capabilities))}"
    yield Finding("openvino", "ok", found)


def _engines() -> Iterator[Finding]:
    from importlib.metadata import PackageNotFoundError, version

    for engine, package in _FURTHER_ENGINES.items():
        try:
            yield Finding("engine", "ok", f"{engine}: {package} {version(package)}")
        except PackageNotFoundError:
            yield Finding("engine", "ok", f"{engine}: not installed")


def _gpu() -> Iterator[Finding]:
    program = shutil.which("nvidia-smi")
    if program is None:
        yield Finding("gpu", "ok", "no NVIDIA GPU: the CPU computes")
        return
    asked = subprocess.run(  # noqa: S603 - found on PATH, arguments of ours
        [program, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=_GPU_TIMEOUT_S,
        check=False,
    )
    if asked.returncode:
        said = _last_line(asked.stdout + asked.stderr)
        yield Finding("gpu", "warning", f"nvidia-smi fails: {said}", "check the driver; the CPU computes")
    for line in asked.stdout.splitlines() if not asked.returncode else ():
        yield Finding("gpu", "ok", line)


def _machine() -> Iterator[Finding]:
    import psutil

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = psutil.virtual_memory()
    found = f"{cores} cores, {memory.available / 1e9:.1f} GB of {memory.total / 1e9:.1f} GB memory free"
    if memory.available < _LOW_MEMORY_GB * 1e9:
        yield Finding(
            "machine", "warning", found, "close other programs: the embedded model takes about 1.3 GB"
        )
    else:
        yield Finding("machine", "ok", found)


def _disk() -> Iterator[Finding]:
    from promptlathe.models.store import Store
    from promptlathe.workspace.workspace import Workspace

    places = {"store": Store.default().folder, "workspace": Workspace.find().root}
    for name, folder in places.items():
        there = next(place for place in (folder, *folder.parents) if place.exists())
        free_gb = shutil.disk_usage(there).free / 1e9
        found = f"{free_gb:.1f} GB free for the {name} {folder}"
        if not os.access(there, os.W_OK):
            advice = "set LATHE_HOME to a folder of yours" if name == "store" else "work in a folder of yours"
            yield Finding("disk", "problem", f"{there} cannot be written to", advice)
        elif free_gb < _LOW_DISK_GB:
            yield Finding("disk", "warning", found, "free some space: models take 0.1 GB to several GB")
        else:
            yield Finding("disk", "ok", found)


def _models() -> Iterator[Finding]:
    from promptlathe.models.catalog import EMBEDDED_MODEL
    from promptlathe.models.reference import resolve
    from promptlathe.models.store import Store

    store = Store.default()
    for name in store.names():
        try:
            model = resolve(name, store=store)
            yield Finding("model", "ok", f"{name}: {model.summary}, digest {model.digest[:12]} as recorded")
        except LatheError as error:
            yield Finding("model", "problem", str(error), error.hint)
    if not store.names():
        yield Finding("model", "warning", "no model is pulled", f"run: lathe models pull {EMBEDDED_MODEL}")
    for name in store.stale_parts():
        advice = f"the next pull of it goes on with this or clears it; or remove {store.folder / name}"
        yield Finding("model", "warning", f"a pull was broken off and left {name}", advice)


def _workspace() -> Iterator[Finding]:
    from promptlathe.workspace.workspace import MARKER, Workspace

    workspace = Workspace.find()
    if (workspace.root / MARKER).is_file() or workspace.state.is_dir():
        yield Finding("workspace", "ok", str(workspace.root))
    else:
        yield Finding("workspace", "ok", f"none here: the first run makes one in {workspace.root}")


def _database() -> Iterator[Finding]:
    from promptlathe.workspace.workspace import Workspace

    workspace = Workspace.find()
    if workspace.has_database:
        runs = len(workspace.database.runs())
        workspace.database.close()
        yield Finding("database", "ok", f"readable, {runs} runs")


def _servers() -> Iterator[Finding]:
    from datetime import UTC, datetime

    from promptlathe.server.processes.record import Servers
    from promptlathe.server.processes.status import statuses

    servers = Servers.default()
    found = statuses(servers, servers.known(), datetime.now(UTC))
    for status in found:
        name = status.record.name
        if status.state == "ready":
            yield Finding("server", "ok", f"{name} answers at {status.record.url}")
        else:
            advice = "run: lathe ps" if status.state == "gone" else f"run: lathe logs {name}"
            yield Finding("server", "warning", f"{name} is {status.state}: {status.detail}", advice)
    if not found:
        yield Finding("server", "ok", "none is running")


def _pip() -> Iterator[Finding]:
    listed = _run_pip("config", "list")
    if listed.returncode:
        advice = (
            "run: python -m ensurepip" if "No module named pip" in listed.stderr else "run: pip config debug"
        )
        yield Finding("pip", "problem", _last_line(listed.stderr), advice)
        return
    indexes = re.findall(r"^\S*?\.(?:extra-)?index-url='(.*)'$", listed.stdout, re.MULTILINE)
    hosts = sorted({_host(url) for value in indexes for url in value.split()}) or ["pypi.org (the default)"]
    has_proxy = bool(re.search(r"^\S*?\.proxy=", listed.stdout, re.MULTILINE)) or any(
        os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
    )
    no_index = re.search(r"^\S*?\.no-index='(?!0|false|no|off)", listed.stdout, re.MULTILINE | re.IGNORECASE)
    if no_index:
        yield Finding(
            "pip", "warning", "no-index is set: pip asks no index", "unset it to pull models by name"
        )
    else:
        yield Finding("pip", "ok", f"index {', '.join(hosts)}{', through a proxy' if has_proxy else ''}")


def _package_index() -> Iterator[Finding]:
    from promptlathe.models.catalog import EMBEDDED_WHEEL

    package = EMBEDDED_WHEEL.package
    asked = _run_pip("index", "versions", package, "--retries", "0", "--timeout", "10")
    if asked.returncode:
        advice = (
            "check the connection, HTTPS_PROXY and pip's index-url; without a network give a local .gguf file"
        )
        yield Finding("online", "problem", f"the package index did not give {package}", advice)
    else:
        yield Finding("online", "ok", f"the package index has {package}")


def _hubs() -> Iterator[Finding]:
    """Any answer will do: that a hub wants a token is no fault of the connection."""
    import httpx2

    from promptlathe.models.huggingface import HuggingFace
    from promptlathe.models.modelscope import ModelScope

    for hub in (HuggingFace, ModelScope):
        try:
            endpoint = hub.from_environment().endpoint
        except LatheError as error:
            yield Finding("hub", "warning", str(error), error.hint)
            continue
        try:
            httpx2.head(endpoint, timeout=_HUB_TIMEOUT_S)
            yield Finding("hub", "ok", f"{_host(endpoint)} answers")
        except (httpx2.HTTPError, httpx2.InvalidURL):
            advice = (
                "models on this machine work without it; HF_ENDPOINT or MODELSCOPE_ENDPOINT name a mirror"
            )
            yield Finding("hub", "warning", f"{_host(endpoint)} does not answer", advice)


def _served_model(url: str, api_key_file: Path | None) -> Callable[[], Iterator[Finding]]:
    """A check that asks one word of a server: what it says of itself is not proof that it answers."""

    def served_model() -> Iterator[Finding]:
        from promptlathe.cli.conversation import Conversation
        from promptlathe.engines.endpoint import read_endpoint
        from promptlathe.engines.engine import Sampling
        from promptlathe.prompts import Prompt, parse

        endpoint = read_endpoint(url)
        if endpoint is None:
            raise UsageError(
                f"{url} is not a URL", hint="for a model on this machine: lathe models show NAME"
            )
        engine = open_model(url, api_key_file=api_key_file)
        described = engine.describe()
        found = f"{described.model} at {endpoint.base_url}, server {described.version}"
        conversation = Conversation(engine, Prompt("none", parse("")), Sampling(max_tokens=1))
        speed = asyncio.run(conversation.ask("Hi", lambda _: None))
        yield Finding("endpoint", "ok", f"{found}, answers after {speed.first_token_s:.2f} s")
        if endpoint.base_url.startswith("http:") and not endpoint.is_local:
            yield Finding(
                "endpoint",
                "warning",
                "questions, answers and any key cross the network in clear",
                "use https, or an SSH tunnel",
            )

    return served_model


def _run_pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own interpreter, arguments of ours
        # -P: `-m` would otherwise import a `pip.py` that happens to lie in the current folder.
        [sys.executable, "-P", "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=_PIP_TIMEOUT_S,
        check=False,
    )


def _host(url: str) -> str:
    """Only the host: an index address may carry a password."""
    from urllib.parse import urlsplit

    try:
        return urlsplit(url).hostname or "a local folder"
    except ValueError:
        return "what is no address"


def _last_line(text: str) -> str:
    return ([line for line in text.strip().splitlines() if line] or ["pip said nothing"])[-1]


_CHECKS = (
    _python, _openvino, _engines, _machine, _gpu, _disk, _models, _servers, _workspace, _database, _pip
)  # fmt: skip
