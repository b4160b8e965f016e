"""llama.cpp's server behind ours."""

from dataclasses import dataclass, field

import httpx2

from promptlathe.engines.endpoint import Endpoint, ServerKind
from promptlathe.engines.llamacpp_api import LlamaCppApi
from promptlathe.engines.llamacpp_process import LlamaCppProcess
from promptlathe.errors import EngineError, InputError
from promptlathe.messages import Message
from promptlathe.server.backend import Feature, TokenPrompt


@dataclass(slots=True)
class LlamaCppUpstream:
    """See `Upstream`."""

    process: LlamaCppProcess
    engine: str = field(default="llamacpp", init=False)
    kind: ServerKind = field(default="llamacpp", init=False)
    features: frozenset[Feature] = field(
        default=frozenset({"log_probabilities", "top_log_probabilities", "constraint", "choice"}), init=False
    )

    @property
    def api_key(self) -> str:
        return self.process.api_key

    @property
    def slots(self) -> int:
        return self.process.slots

    @property
    def context_length(self) -> int | None:
        return self.process.context_length

    def start(self) -> Endpoint:
        return self.process.start()

    def wait(self) -> EngineError:
        return self.process.wait()

    def stop(self) -> None:
        self.process.stop()

    async def tokenize(
        self, client: httpx2.AsyncClient, endpoint: Endpoint, prompt: tuple[Message, ...] | str
    ) -> list[int]:
        api = LlamaCppApi(client, endpoint, self.api_key)
        if isinstance(prompt, str):
            return await api.tokens(prompt)
        return await api.tokens(await api.prompt(prompt), has_beginning=True)

    async def detokenize(self, client: httpx2.AsyncClient, endpoint: Endpoint, token_ids: TokenPrompt) -> str:
        api = LlamaCppApi(client, endpoint, self.api_key)
        size = await api.vocabulary_size()
        for token_id in token_ids:
            if token_id >= size:
                raise InputError(f"there is no token {token_id}: this model has {size}, from 0 on")
        return await api.text(token_ids)
