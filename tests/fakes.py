"""Stand-ins for what is slow or far away: an engine with scripted answers, and how a command line finds it."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from promptlathe.engines.engine import (
    Answer,
    Capability,
    Delta,
    EngineDescription,
    Failure,
    Output,
    Request,
    Scored,
)
from promptlathe.errors import EngineError
from promptlathe.models.reference import Model

Script = Callable[[Request], str] | Mapping[str, str]
Made = TypeVar("Made", Output, Scored | Failure)


def a_model(path: Path = Path("scripted.gguf"), *, architecture: str = "llama") -> Model:
    return Model(
        name=path.stem,
        path=path,
        digest="0" * 64,
        format="gguf",
        architecture=architecture,
        quantization="Q4_1",
        context_length=2048,
        size_bytes=1,
        source="local",
    )


class ScriptedEngine:
    """An `Engine` that answers from `script`: a function of the request, or answers by its last message's text.

    A request whose last message is in `fails_on` becomes a Failure. After `dies_after` answers the whole
    engine breaks with EngineError, once: the next call works. A word is a token, and each is a Delta.
    A score is high for the choice that `script` answers with, low for the others, and a little its own for each
    question. `capabilities` are those it declares.
    `requests` has all that was asked, in order; `calls` says how often `generate` ran, `answers` how many
    answers it gave, `cancelled` how many calls were ended from outside.
    """

    def __init__(
        self,
        script: Script,
        *,
        fails_on: Collection[str] = (),
        dies_after: int | None = None,
        model: Model | None = None,
        capabilities: Collection[Capability] = ("stream", "seed", "choice", "score"),
    ) -> None:
        self._capabilities = frozenset(capabilities)
        self._script = script
        self._fails_on = fails_on
        self._dies_after = dies_after
        self._model = model or a_model()
        self.requests: list[Request] = []
        self.calls = 0
        self.answers = 0
        self.cancelled = 0
        self.closed = 0

    @property
    def asked(self) -> Counter[str]:
        """How often each text was the last message."""
        return Counter(request.messages[-1].content for request in self.requests)

    def describe(self) -> EngineDescription:
        return EngineDescription(
            engine="scripted",
            version="1",
            model=self._model.name,
            model_digest=self._model.digest,
            settings=(),
            capabilities=self._capabilities,
        )

    def generate(self, requests: Iterable[Request]) -> AsyncGenerator[Output, None]:
        return self._run(requests, self._outputs)

    def score(self, requests: Iterable[Request]) -> AsyncGenerator[Scored | Failure, None]:
        return self._run(requests, self._scores)

    async def _run(
        self, requests: Iterable[Request], answer: Callable[[Request], Iterable[Made]]
    ) -> AsyncGenerator[Made, None]:
        self.calls += 1
        try:
            for request in requests:
                self.requests.append(request)
                await asyncio.sleep(0)
                if self.answers == self._dies_after:
                    self._dies_after = None
                    raise EngineError("the scripted engine died")
                for output in answer(request):
                    yield output
        except (GeneratorExit, asyncio.CancelledError):
            self.cancelled += 1
            raise

    def tokens(self, text: str) -> int:
        return len(text.split())

    def close(self) -> None:
        self.closed += 1

    def _outputs(self, request: Request) -> Iterable[Output]:
        question = request.messages[-1].content
        if question in self._fails_on:
            yield Failure(request.id, EngineError(f"no answer to {question!r}"))
            return
        text = self._answer(request)
        words = text.split(" ")
        shown = [word + " " for word in words[:-1]] + words[-1:]
        if request.is_streamed:
            yield from (Delta(request.id, word) for word in shown if word)
        self.answers += 1
        yield Answer(
            request_id=request.id,
            text=text,
            finish_reason="stop",
            prompt_tokens=self._prompt_tokens(request),
            completion_tokens=len(words) if text else 0,
            seconds=0.5,
        )

    def _scores(self, request: Request) -> Iterable[Scored | Failure]:
        question = request.messages[-1].content
        if question in self._fails_on:
            yield Failure(request.id, EngineError(f"no score for {question!r}"))
            return
        own = hashlib.sha256(question.encode()).digest()[0] / 256
        text = self._answer(request)
        scores = tuple(-1 - own if choice == text else -3.0 for choice in request.choices)
        self.answers += 1
        yield Scored(request.id, scores, self._prompt_tokens(request), 0.25)

    def _answer(self, request: Request) -> str:
        question = request.messages[-1].content
        return self._script[question] if isinstance(self._script, Mapping) else self._script(request)

    def _prompt_tokens(self, request: Request) -> int:
        return sum(self.tokens(message.content) for message in request.messages)


def write_engine_plugin(folder: Path, target: str, *, name: str = "scripted") -> None:
    """Makes `folder` hold an installed package with one engine, as pip would leave it.

    `target` is the engine's `module:name`. With `folder` on sys.path or PYTHONPATH, `lathe ... --engine NAME` finds it.
    """
    about = folder / f"{name}_plugin-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-plugin\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[promptlathe.engines]\n{name} = {target}\n")


def opened(model: Model) -> ScriptedEngine:
    """Entry point of the `scripted_engine` fixture: the engine that the test made for a model of that name, or the
    last one, whatever the model."""
    assert opened_engine, "the test has made no engine"
    return {made.describe().model: made for made in opened_engine}.get(model.name, opened_engine[-1])


opened_engine: list[ScriptedEngine] = []
"""What `opened` gives."""
