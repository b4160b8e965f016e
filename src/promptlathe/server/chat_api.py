"""`/v1/chat/completions`: answers whole, and as a stream of chunks."""

import secrets
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from promptlathe.server.backend import End, Generation, Token
from promptlathe.server.events import Answering
from promptlathe.server.schemas import ChatCompletionRequest
from promptlathe.server.service import Service, usage
from promptlathe.server.streaming import DONE, event


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """One chat completion on its way, in OpenAI's words."""

    id: str
    created: int
    model: str
    generations: Sequence[Generation]
    includes_usage: bool

    @classmethod
    def of(cls, request: ChatCompletionRequest, service: Service) -> "ChatAnswer":
        """Raises ApiError for what cannot be asked."""
        return cls(
            f"chatcmpl-{secrets.token_hex(12)}",
            int(time.time()),
            request.model,
            service.chat(request),
            bool(request.stream_options and request.stream_options.include_usage),
        )

    async def whole(self, service: Service) -> dict[str, object]:
        answers = await service.answers(self.generations)
        choices = [
            {
                "index": index,
                "message": {"role": "assistant", "content": text, "refusal": None},
                "logprobs": self._log_probabilities(tokens),
                "finish_reason": end.finish_reason,
            }
            for index, (text, tokens, end) in enumerate(answers)
        ]
        ends = {index: end for index, (_, _, end) in enumerate(answers)}
        return self._head("chat.completion") | {"choices": choices, "usage": usage(ends, 1, len(ends))}

    async def events(self, answering: Answering) -> AsyncGenerator[bytes, None]:
        """The role of each choice, its text, why it ended; the usage, if wanted."""
        ends: dict[int, End] = {}
        for index in range(len(self.generations)):
            yield self._chunk(index, {"role": "assistant", "content": ""})
        async for index, result in answering.results():
            if isinstance(result, End):
                ends[index] = result
                yield self._chunk(index, {}, finish_reason=result.finish_reason)
            else:
                yield self._chunk(index, {"content": result.text}, result.tokens)
        if self.includes_usage:
            counted = usage(ends, 1, len(ends))
            yield event(self._head("chat.completion.chunk") | {"choices": [], "usage": counted})
        yield DONE

    def _chunk(
        self,
        index: int,
        delta: dict[str, str],
        tokens: Sequence[Token] = (),
        finish_reason: str | None = None,
    ) -> bytes:
        choice = {
            "index": index,
            "delta": delta,
            "logprobs": self._log_probabilities(tokens) if tokens else None,
            "finish_reason": finish_reason,
        }
        chunk: dict[str, object] = self._head("chat.completion.chunk") | {"choices": [choice]}
        return event(chunk | {"usage": None} if self.includes_usage else chunk)

    def _head(self, kind: str) -> dict[str, object]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}

    def _log_probabilities(self, tokens: Sequence[Token]) -> dict[str, object] | None:
        if not self.generations[0].has_log_probabilities:
            return None
        return {
            "content": [
                _token(token.data, token.log_probability)
                | {"top_logprobs": [_token(data, log_probability) for data, log_probability in token.top]}
                for token in tokens
            ],
            "refusal": None,
        }


def token_text(data: str) -> str:
    """The token for people; half a character is shown as a replacement character."""
    return data.encode("latin-1").decode("utf-8", errors="replace")


def _token(data: str, log_probability: float) -> dict[str, object]:
    return {"token": token_text(data), "logprob": log_probability, "bytes": list(data.encode("latin-1"))}
