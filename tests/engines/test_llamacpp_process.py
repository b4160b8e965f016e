"""llama.cpp's process: what it is started with, why it cannot start, and that it never stays behind."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from promptlathe.engines import choose
from promptlathe.engines.llamacpp_process import LlamaCppProcess, cache_bytes_per_token, threads
from promptlathe.errors import LatheError, ModelError, UnsupportedModelError, UsageError
from promptlathe.models.gguf import GgufHeader
from promptlathe.models.reference import Model, resolve
from tests.tiny_gguf import write_tiny_internlm2


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATHE_THREADS", "1")


def why(model: Model, **options: object) -> LatheError:
    process = LlamaCppProcess(model, **options)
    with pytest.raises(LatheError) as caught:
        process.start()
    assert not process.is_running
    process.stop()
    assert "\n" not in str(caught.value)
    return caught.value


def test_an_architecture_that_it_does_not_know(tmp_path: Path) -> None:
    model = resolve(str(write_tiny_internlm2(tmp_path / "new.gguf", architecture="newest")))
    error = why(model)
    assert isinstance(error, UnsupportedModelError)
    assert "new.gguf: unknown model architecture: 'newest'" in error.message
    assert "a newer xllamacpp" in (error.hint or "")


def test_files_that_are_no_whole_model(tiny_internlm2: Model, tmp_path: Path) -> None:
    data = tiny_internlm2.path.read_bytes()
    for name, content, said in (
        ("cut", data[: len(data) // 2], "cut short"),
        ("page", b"<html>", "is not a GGUF file"),
        ("empty", b"", "is not a GGUF file"),
    ):
        path = tmp_path / f"{name}.gguf"
        path.write_bytes(content)
        assert said in why(replace(tiny_internlm2, path=path)).message
    gone = why(replace(tiny_internlm2, path=tmp_path / "gone.gguf"))
    assert isinstance(gone, ModelError)
    assert "cannot read" in gone.message
    folder = why(replace(tiny_internlm2, format="openvino"))
    assert "is not a GGUF file, and llama.cpp reads nothing else" in folder.message


def test_weights_that_are_missing(tmp_path: Path, make_gguf: Callable[..., bytes]) -> None:
    """A file that is whole, and yet no model of its architecture."""
    path = tmp_path / "hollow.gguf"
    path.write_bytes(make_gguf("internlm2"))
    assert "llama.cpp cannot load" in why(resolve(str(path))).message


@pytest.mark.parametrize(
    ("script", "kind", "said"),
    [
        (
            "print('0.1.2 E llama_init: std::bad_alloc', file=sys.stderr); sys.exit(1)",
            ModelError,
            "not enough memory",
        ),
        ("os.kill(os.getpid(), 9)", ModelError, "not enough memory"),
        ("os.abort()", UnsupportedModelError, "it ended with signal 6"),
        ("sys.exit('error: something else')", UnsupportedModelError, "something else"),
    ],
)
def test_a_process_that_does_not_start(
    tiny_internlm2: Model, script: str, kind: type[LatheError], said: str
) -> None:
    error = why(tiny_internlm2, command=(sys.executable, "-c", f"import os, sys; {script}"))
    assert isinstance(error, kind)
    assert said in error.message


def test_a_missing_package_names_the_extra(tiny_internlm2: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "find_spec", lambda _: None)
    error = why(tiny_internlm2)
    assert isinstance(error, UsageError)
    assert error.hint == "run: pip install 'promptlathe[llamacpp]'"


def test_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    assert threads() == 1
    monkeypatch.delenv("LATHE_THREADS")
    assert threads() >= 1
    for given in ("0", "-1", "two", "1.5"):
        monkeypatch.setenv("LATHE_THREADS", given)
        with pytest.raises(UsageError, match="LATHE_THREADS is a number of threads"):
            threads()


def header(
    layers: int, embedding: int, heads: int, own_heads: int, head_size: int | None = None
) -> GgufHeader:
    metadata: dict[str, int | float | bool | str] = {
        "general.architecture": "llama",
        "llama.block_count": layers,
        "llama.embedding_length": embedding,
        "llama.attention.head_count": heads,
        "llama.attention.head_count_kv": own_heads,
    }
    if head_size:
        metadata |= {"llama.attention.key_length": head_size, "llama.attention.value_length": head_size}
    return GgufHeader(3, 1, frozenset({0}), metadata)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (header(30, 576, 9, 3), 23_040),  # SmolLM2-135M
        (header(24, 2048, 16, 8), 98_304),  # InternLM2-1.8B
        (header(28, 1024, 16, 8, 128), 114_688),  # Qwen3-0.6B: heads wider than the embedding has room for
        (GgufHeader(3, 1, {"general.architecture": "llama"}), 4),
    ],
)
def test_what_a_token_takes_in_the_cache(given: GgufHeader, expected: int) -> None:
    assert cache_bytes_per_token(given) == expected


@pytest.mark.parametrize(
    ("tokens", "context", "slots", "expected"),
    [
        (100_000, 512, 4, (512, 4)), (1500, 512, 4, (512, 2)), (100, 512, 4, (512, 1)),
        (6000, 30_000, 4, (6000, 1)), (100, 30_000, 4, (4096, 1)),
    ],
)  # fmt: skip
def test_places_and_context_fit_the_memory(
    tiny_internlm2: Model,
    monkeypatch: pytest.MonkeyPatch,
    tokens: int,
    context: int,
    slots: int,
    expected: tuple[int, int],
) -> None:
    per_token = 2 * 2 * (16 + 16) * 2
    free = SimpleNamespace(available=2 * tokens * per_token)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    process = LlamaCppProcess(replace(tiny_internlm2, context_length=context), slots=slots)
    try:
        process.start()
        assert (process.context_length, process.slots) == expected
    finally:
        process.stop()


def test_it_ends_with_who_started_it(tiny_internlm2: Model) -> None:
    """Killed, so that nothing of the parent's can tidy up."""
    source = (
        "import sys; from promptlathe.models.reference import resolve\n"
        "from promptlathe.engines.llamacpp_process import LlamaCppProcess\n"
        "process = LlamaCppProcess(resolve(sys.argv[1])); process.start()\n"
        "print(process.pid, flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", source, str(tiny_internlm2.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        assert child.is_running()
        parent.kill()
    deadline = time.monotonic() + 30
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_was_stopped_does_not_start(tiny_internlm2: Model) -> None:
    process = LlamaCppProcess(tiny_internlm2)
    process.stop()
    with pytest.raises(LatheError, match="was stopped"):
        process.start()


def test_the_key_is_seen_by_nobody(tiny_internlm2: Model) -> None:
    process = LlamaCppProcess(tiny_internlm2)
    try:
        process.start()
        seen = psutil.Process(process.pid)
        assert process.api_key not in " ".join(seen.cmdline())
        assert process.api_key not in " ".join(seen.environ().values())
    finally:
        process.stop()
