"""`/v1/completions`: text that goes on from a prompt, whole and as a stream of chunks."""

import secrets
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from promptlathe.server.backend import Backend, End, Generation, Token
from promptlathe.server.chat_api import token_text
from promptlathe.server.events import Answering
from promptlathe.server.schemas import CompletionRequest
from promptlathe.server.service import Service, prompts_of, usage
from promptlathe.server.streaming import DONE, event


@dataclass(frozen=True, slots=True)
class TextAnswer:
    """One text completion on its way. `echoes` are the prompts' texts, if they are to stand before the answers."""

    id: str
    created: int
    model: str
    generations: Sequence[Generation]
    prompts: int
    echoes: tuple[str, ...]
    includes_usage: bool

    @classmethod
    async def of(cls, request: CompletionRequest, service: Service) -> "TextAnswer":
        """Raises ApiError for what cannot be asked."""
        generations = service.completion(request)
        prompts = prompts_of(request)
        return cls(
            f"cmpl-{secrets.token_hex(12)}",
            int(time.time()),
            request.model,
            generations,
            len(prompts),
            tuple([await _text(prompt, service.backend) for prompt in prompts]) if request.echo else (),
            bool(request.stream_options and request.stream_options.include_usage),
        )

    @property
    def _per_prompt(self) -> int:
        return len(self.generations) // self.prompts

    async def whole(self, service: Service) -> dict[str, object]:
        answers = await service.answers(self.generations)
        choices = [
            self._choice(index, self._echo(index) + text, tokens, end.finish_reason)
            for index, (text, tokens, end) in enumerate(answers)
        ]
        ends = {index: end for index, (_, _, end) in enumerate(answers)}
        return self._head() | {"choices": choices, "usage": usage(ends, self.prompts, self._per_prompt)}

    async def events(self, answering: Answering) -> AsyncGenerator[bytes, None]:
        ends: dict[int, End] = {}
        for index in range(len(self.generations) if self.echoes else 0):
            yield self._chunk(index, self._echo(index))
        async for index, result in answering.results():
            if isinstance(result, End):
                ends[index] = result
                yield self._chunk(index, "", finish_reason=result.finish_reason)
            else:
                yield self._chunk(index, result.text, result.tokens)
        if self.includes_usage:
            counted = usage(ends, self.prompts, self._per_prompt)
            yield event(self._head() | {"choices": [], "usage": counted})
        yield DONE

    def _echo(self, index: int) -> str:
        return self.echoes[index // self._per_prompt] if self.echoes else ""

    def _chunk(
        self, index: int, text: str, tokens: Sequence[Token] = (), finish_reason: str | None = None
    ) -> bytes:
        chunk = self._head() | {"choices": [self._choice(index, text, tokens, finish_reason)]}
        return event(chunk | {"usage": None} if self.includes_usage else chunk)

    def _choice(
        self, index: int, text: str, tokens: Sequence[Token], finish_reason: str | None
    ) -> dict[str, object]:
        return {
            "index": index,
            "text": text,
            "logprobs": _log_probabilities(tokens) if self.generations[0].has_log_probabilities else None,
            "finish_reason": finish_reason,
        }

    def _head(self) -> dict[str, object]:
        return {"id": self.id, "object": "text_completion", "created": self.created, "model": self.model}


async def _text(prompt: str | tuple[int, ...], backend: Backend) -> str:
    return prompt if isinstance(prompt, str) else await backend.detokenize(prompt)


def _log_probabilities(tokens: Sequence[Token]) -> dict[str, object]:
    texts = [token_text(token.data) for token in tokens]
    return {
        "tokens": texts,
        "token_logprobs": [token.log_probability for token in tokens],
        "top_logprobs": [{token_text(data): number for data, number in token.top} for token in tokens],
        "text_offset": [sum(map(len, texts[:index])) for index in range(len(texts))],
    }
