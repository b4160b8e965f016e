"""A backend without an engine: it gives what the test put into it."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from promptlathe.errors import LatheError, NotReadyError
from promptlathe.messages import Message
from promptlathe.server.backend import End, Feature, Generation, Load, Piece, State

ENDED = End("stop", 3, 2, 1, 0.1)


@dataclass
class ScriptedBackend:
    """Answers with `script`, in which "wait" waits until `may_go_on`. `cancelled` counts answers that were given up."""

    script: Sequence[Piece | End | LatheError | str] = (Piece("one "), Piece("two"), ENDED)
    engine: str = "scripted"
    context_length: int | None = 128
    features: frozenset[Feature] = frozenset({"constraint", "choice", "log_probabilities"})
    load: Load = field(default_factory=lambda: Load(1, 2, 0.25))
    start_error: LatheError | None = None
    phase: str = "loading"
    asked: list[Generation] = field(default_factory=list)
    cancelled: int = 0

    def __post_init__(self) -> None:
        self.may_start = asyncio.Event()
        self.may_start.set()
        self.may_go_on = asyncio.Event()
        self.is_waiting = asyncio.Event()
        self.was_cancelled = asyncio.Event()
        self.is_cut = asyncio.Event()

    @property
    def state(self) -> State:
        return State(self.phase, "scripted", 1.5)

    async def start(self) -> None:
        await self.may_start.wait()
        if self.start_error:
            raise self.start_error
        self.phase = "ready"

    def cut(self) -> None:
        self.phase = "stopping"
        self.is_cut.set()
        self.may_go_on.set()

    async def stop(self) -> None:
        self.cut()

    async def stream(self, asked: Generation) -> AsyncGenerator[Piece | End, None]:
        self.asked.append(asked)
        is_over = False
        try:
            for step in self.script:
                if isinstance(step, LatheError):
                    is_over = True
                    raise step
                if isinstance(step, str):
                    self.is_waiting.set()
                    await self.may_go_on.wait()
                    if self.is_cut.is_set():
                        is_over = True
                        raise NotReadyError("the server is stopping")
                    continue
                is_over = isinstance(step, End)
                yield step
        finally:
            if not is_over:
                self.cancelled += 1
                self.was_cancelled.set()

    async def tokenize(self, _prompt: tuple[Message, ...] | str) -> tuple[int, ...]:
        return (1, 2, 3)

    async def detokenize(self, _token_ids: tuple[int, ...]) -> str:
        return "text"
