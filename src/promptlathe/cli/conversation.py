"""A conversation with one model, turn by turn: what `lathe chat` keeps between two lines of input."""

import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from promptlathe.engines.engine import Answer, Delta, Engine, Failure, Request, Sampling
from promptlathe.errors import InputError
from promptlathe.messages import Message
from promptlathe.prompts import Prompt, render_messages

OnText = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast an answer came: the wait for its first piece of text, and the tokens per second after that."""

    tokens: int
    first_token_s: float
    tokens_per_s: float | None
    is_cut: bool
    """Whether the answer ended because it reached the allowed number of tokens."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """Turns under one prompt, which `render_messages` must accept.

    An answer that was stopped half way counts as far as it came.
    """

    engine: Engine
    prompt: Prompt
    sampling: Sampling
    clock: Callable[[], float] = time.monotonic
    turns: list[Message] = field(default_factory=list)

    async def ask(self, text: str, on_text: OnText) -> Speed:
        """Send `text` and hand on the answer's text as it comes.

        Raises the error of a turn that failed, which then is no part of the conversation. When cancelled, what
        came so far stays.
        """
        messages = render_messages(self.prompt, text, history=self.turns)
        request = Request("chat", messages, self.sampling, is_streamed=True)
        pieces: list[str] = []
        started = self.clock()
        first = None
        try:
            async with aclosing(self.engine.generate([request])) as outputs:
                async for output in outputs:
                    first = self.clock() if first is None else first
                    match output:
                        case Delta():
                            pieces.append(output.text)
                            on_text(output.text)
                        case Failure():
                            raise output.error
                        case Answer():
                            answer = output
        finally:
            if pieces:
                self._keep(text, "".join(pieces))
        if not pieces:
            self._keep(text, answer.text)
            on_text(answer.text)
        return _speed(answer, started, first or started, self.clock())

    def _keep(self, question: str, answer: str) -> None:
        self.turns.extend((Message("user", question), Message("assistant", answer)))


def as_markdown(turns: Sequence[Message]) -> str:
    """A conversation to read and to keep, one heading for each turn."""
    return "\n".join(f"## {turn.role.capitalize()}\n\n{turn.content}\n" for turn in turns)


def checked_text(text: str, what: str) -> str:
    """`text`, if it can be written as UTF-8. Raises InputError for what a terminal of another encoding sent."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise InputError(f"{what} is not UTF-8 text", hint="set the terminal to UTF-8") from None
    return text


def _speed(answer: Answer, started: float, first: float, ended: float) -> Speed:
    after_first = answer.completion_tokens - 1
    return Speed(
        tokens=answer.completion_tokens,
        first_token_s=first - started,
        tokens_per_s=after_first / (ended - first) if after_first > 0 and ended > first else None,
        is_cut=answer.finish_reason == "length",
    )
