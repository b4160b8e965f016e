"""One attempt: a request goes out over HTTP, its answer or a `Fault` comes back."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import httpx2

from promptlathe.engines.chat_completions import (
    Completion,
    Fragment,
    NotACompletion,
    StreamedCompletion,
    WithheldAnswer,
    read_completion,
    request_body,
)
from promptlathe.engines.choices import NotAChoice, read_choice
from promptlathe.engines.endpoint import Endpoint
from promptlathe.engines.engine import Request
from promptlathe.engines.remote_errors import (
    Fault,
    Reply,
    fault_of_body,
    fault_of_reply,
    fault_of_timeout,
    fault_of_transport,
)
from promptlathe.engines.served import Served
from promptlathe.errors import EngineError, InputError

OnFragment = Callable[[Fragment], None]


@dataclass(frozen=True, slots=True)
class Exchange:
    """An open line to one model. `timeout_s` is for a whole answer, of a streamed one for each piece."""

    client: httpx2.AsyncClient
    endpoint: Endpoint
    served: Served
    timeout_s: float
    api_key: str | None = field(repr=False)

    async def ask(self, request: Request, on_fragment: OnFragment) -> Completion:
        """The answer; of a streamed one the text goes to `on_fragment` as it comes, a choice at once. Raises Fault."""
        try:
            body = request_body(request, self.served.model, self.served.server)
        except InputError as error:
            raise Fault(error, "fail") from None
        return await self.send("chat/completions", body, request, on_fragment)

    async def send(
        self, path: str, body: dict[str, object], request: Request, on_fragment: OnFragment
    ) -> Completion:
        """As `ask`, with a body made elsewhere. Raises Fault."""
        url = f"{self.endpoint.base_url}/{path}"
        try:
            if "stream" in body:
                return await self._ask_for_stream(url, body, on_fragment)
            async with asyncio.timeout(self.timeout_s):
                response = await self.client.post(url, json=body)
            self._check_status(response)
            completion = self._whole(response.content)
            if request.choices:
                chosen = read_choice(completion.text, request.choices, self.served.server)
                completion = replace(completion, text=chosen)
            if request.is_streamed:
                on_fragment(Fragment(completion.text, completion.tokens))
            return completion
        except httpx2.RequestError as error:
            raise fault_of_transport(error, self.endpoint) from error
        except TimeoutError:
            raise fault_of_timeout(self.endpoint) from None
        except (WithheldAnswer, NotAChoice) as error:
            raise Fault(EngineError(f"{self.endpoint.base_url}: {error}"), "fail") from None

    async def _ask_for_stream(self, url: str, body: dict[str, object], on_fragment: OnFragment) -> Completion:
        async with self.client.sse(url, method="POST", json=body) as events:
            response = events.response
            if response.status_code != httpx2.codes.OK or not _is_event_stream(response):
                content = await response.aread()
                self._check_status(response)
                completion = self._whole(content)
                on_fragment(Fragment(completion.text, completion.tokens))
                return completion
            streamed = StreamedCompletion()
            async for event in events:
                try:
                    fragment = streamed.add(event.data)
                except NotACompletion:
                    raise self._not_a_completion(event.data.encode()) from None
                if fragment.text or fragment.tokens:
                    on_fragment(fragment)
                if streamed.is_done:
                    break
            try:
                return streamed.completion()
            except NotACompletion as error:
                raise Fault(EngineError(f"{self.endpoint.base_url}: {error}"), "retry") from None

    def _check_status(self, response: httpx2.Response) -> None:
        if response.status_code != httpx2.codes.OK:
            reply = Reply(response.status_code, response.headers, response.content)
            raise fault_of_reply(reply, self.endpoint, api_key=self.api_key)

    def _whole(self, content: bytes) -> Completion:
        try:
            return read_completion(content)
        except NotACompletion:
            raise self._not_a_completion(content) from None

    def _not_a_completion(self, body: bytes) -> Fault:
        return fault_of_body(body, self.endpoint, api_key=self.api_key)


def _is_event_stream(response: httpx2.Response) -> bool:
    return response.headers.get("content-type", "").partition(";")[0].strip().lower() == "text/event-stream"
