"""`lathe serve` as a process of its own, once for each back-end, and the real `openai` client in front of it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from promptlathe.models.reference import Model
from tests.contract.differences import MISSING

KEY, OTHER_KEY = "internlm2", "second-key"
PROMPT = """\
---
variables:
  place:
  tone: calm
sampling:
  temperature: 0
  max_tokens: 6
---
# Role: guide of {{place}}
Speak in a {{tone}} way.
"""


@dataclass(frozen=True)
class Served:
    """A server that answers. `folder` is its workspace."""

    backend: str
    url: str
    model: str
    folder: Path

    @property
    def root(self) -> str:
        return self.url.removesuffix("/v1")

    def lacks(self, difference: str) -> bool:
        return difference in MISSING[self.backend]


@contextmanager
def serving(folder: Path, *arguments: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`lathe serve` on a free port, when it answers: the process, and the URL it prints."""
    command = [sys.executable, "-c", "from promptlathe.cli.main import main; main()", "serve", *arguments]
    process = subprocess.Popen(
        [*command, "--port", "0"],
        cwd=folder,
        env=os.environ | {"LATHE_THREADS": "1"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        line = process.stdout.readline()
        assert " answers at " in line, process.stderr.read()
        yield process, line.split(" answers at ")[1].strip()
    finally:
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert KEY not in line + out + err


@pytest.fixture(scope="session", params=list(MISSING))
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, embedded_model: Model
) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    (folder / "lathe.toml").touch()
    (folder / "prompts").mkdir()
    (folder / "prompts" / "guide.md").write_text(PROMPT, encoding="utf-8")
    arguments = (embedded_model.name, "--engine", request.param, "--max-batch", "16", "--max-queue", "16")
    with serving(folder, *arguments, LATHE_API_KEY=f"{KEY} {OTHER_KEY}") as (_, url):
        yield Served(request.param, url, embedded_model.name, folder)


@pytest.fixture
def client(served: Served) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=served.url, api_key=KEY, max_retries=0) as made:
        yield made


@dataclass(frozen=True)
class Asker:
    """The same questions through the synchronous and the asynchronous client."""

    served: Served
    is_async: bool

    def chat(self, content: str = "Count: one, two,", **options: Any) -> ChatCompletion:
        return self._call(lambda client: client.chat.completions.create(**self._body(content, options)))

    def chunks(self, content: str = "Count: one, two,", **options: Any) -> list[ChatCompletionChunk]:
        body = self._body(content, options) | {"stream": True}
        return self._stream(lambda client: client.chat.completions.create(**body))

    def complete(self, prompt: Any = "A, B, C,", **options: Any) -> Any:
        return self._call(lambda client: client.completions.create(**self._text_body(prompt, options)))

    def text_chunks(self, prompt: Any = "A, B, C,", **options: Any) -> list[Any]:
        body = self._text_body(prompt, options) | {"stream": True}
        return self._stream(lambda client: client.completions.create(**body))

    def call(self, method: Callable[[Any], Any]) -> Any:
        return self._call(method)

    def _body(self, content: str, options: dict[str, Any]) -> dict[str, Any]:
        messages = [{"role": "user", "content": content}]
        return {
            "model": self.served.model, "messages": messages, "max_tokens": 6, "temperature": 0
        } | options  # fmt: skip

    def _text_body(self, prompt: Any, options: dict[str, Any]) -> dict[str, Any]:
        return {"model": self.served.model, "prompt": prompt, "max_tokens": 4, "temperature": 0} | options

    def _call(self, method: Callable[[Any], Any]) -> Any:
        if not self.is_async:
            with openai.OpenAI(base_url=self.served.url, api_key=KEY, max_retries=0) as client:
                return method(client)

        async def call() -> Any:
            async with openai.AsyncOpenAI(base_url=self.served.url, api_key=KEY, max_retries=0) as client:
                return await method(client)

        return asyncio.run(call())

    def _stream(self, method: Callable[[Any], Any]) -> list[Any]:
        if not self.is_async:
            return self._call(lambda client: list(method(client)))

        async def read(client: Any) -> list[Any]:
            return [chunk async for chunk in await method(client)]

        return self._call(read)


@pytest.fixture(params=["sync", "async"])
def ask(served: Served, request: pytest.FixtureRequest) -> Asker:
    return Asker(served, request.param == "async")
