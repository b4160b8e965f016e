"""What is served at an endpoint: asked once, before the first request, so that what is wrong is said at once."""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx2
from pydantic import BaseModel, ConfigDict, ValidationError

from promptlathe.engines.endpoint import Endpoint, ServerKind
from promptlathe.engines.remote_errors import Fault, Reply, fault_of_reply, fault_of_transport
from promptlathe.errors import UnknownNameError, UsageError

_PROBE_TIMEOUT_S = 30
_POLL_S = 2.0
_OWNERS: dict[str, ServerKind] = {
    "vllm": "vllm",
    "sglang": "sglang",
    "lmdeploy": "lmdeploy",
    "llamacpp": "llamacpp",
    "library": "ollama",
}
_VERSION_AT: dict[ServerKind, tuple[str, str]] = {
    "vllm": ("/version", "version"),
    "sglang": ("/get_server_info", "version"),
    "llamacpp": ("/props", "build_info"),
    "ollama": ("/api/version", "version"),
}

OnWaiting = Callable[[str], None]
"""Gets one line when there is something to wait for."""


@dataclass(frozen=True, slots=True)
class Served:
    """The model that requests go to. `identity` has all that the server says of its weights, for a digest."""

    model: str
    server: ServerKind
    version: str
    identity: str


class _Card(BaseModel):
    """One of the models a server lists. Besides OpenAI's fields, vLLM's `root` and llama.cpp's `meta`."""

    model_config = ConfigDict(extra="ignore")

    id: str
    owned_by: str | None = None
    root: str | None = None
    meta: dict[str, object] | None = None


class _Cards(BaseModel):
    data: list[_Card]


@dataclass(frozen=True, slots=True)
class Probe:
    """Asks an endpoint what it serves. `loading_s` is how long a model may take to load."""

    client: httpx2.Client
    endpoint: Endpoint
    api_key: str | None = field(repr=False)
    on_waiting: OnWaiting
    loading_s: float = 600
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def served(self) -> Served:
        """Raises UsageError (wrong URL, which model is not clear, no such model) and EngineError (does not answer,
        wants another key)."""
        base = self.endpoint.base_url
        reply = self._get(f"{base}/models")
        cards = _cards(reply)
        if cards is None:
            self._explain(reply)
        card = self._choose(cards or [])
        server = "openai" if self.endpoint.is_openai else _OWNERS.get(card.owned_by or "", "unknown")
        return Served(card.id, server, f"{server} {self._version(server)}".strip(), _identity(card))

    def _get(self, url: str) -> Reply:
        """A reply that is not about being busy: for that to pass, it waits."""
        started, has_told = self.clock(), False
        while True:
            try:
                response = self.client.get(url, timeout=_PROBE_TIMEOUT_S)
            except httpx2.RequestError as error:
                raise fault_of_transport(error, self.endpoint).error from error
            reply = Reply(response.status_code, response.headers, response.content)
            fault = None if response.is_success else self._fault(reply)
            if fault is None or fault.action in ("fail", "stop"):
                return reply
            delay_s = fault.retry_after_s or _POLL_S
            if fault.action == "retry" or self.clock() - started + delay_s > self.loading_s:
                raise fault.error
            if not has_told:
                self.on_waiting(f"{fault.error}; waiting for up to {self.loading_s:.0f} s")
                has_told = True
            self.sleep(delay_s)

    def _fault(self, reply: Reply) -> Fault:
        return fault_of_reply(reply, self.endpoint, api_key=self.api_key)

    def _explain(self, reply: Reply) -> None:
        """The list of models could not be read. Raises what is wrong, unless the server has just none to show."""
        base = self.endpoint.base_url
        if not base.endswith("/v1") and _cards(self._get(f"{base}/v1/models")) is not None:
            model = f"#{self.endpoint.model}" if self.endpoint.model else ""
            raise UsageError(f"the API of {base} is one level down", hint=f"write {base}/v1{model}")
        if reply.status in (404, 405) and self.endpoint.model is not None:
            return
        if reply.status in (404, 405):
            hint = f"check the path, which usually ends in /v1; if it is right, name the model: {base}#MODEL"
            raise UsageError(f"{base} lists no models ({reply.status})", hint=hint)
        if reply.status < 300:
            hint = "is this the address of an OpenAI-compatible API? It usually ends in /v1"
            raise UsageError(f"{base} is a server, but its /models is no list of models", hint=hint)
        raise self._fault(reply).error

    def _choose(self, cards: list[_Card]) -> _Card:
        wanted, base = self.endpoint.model, self.endpoint.base_url
        by_id = {card.id: card for card in cards}
        if wanted is not None:
            if not cards:
                return _Card(id=wanted)
            found = by_id.get(wanted) or by_id.get(f"{wanted}:latest")
            if found is None:
                raise UnknownNameError("model", wanted, by_id, hint=f"{base} serves {_listed(by_id)}")
            return found
        if len(cards) == 1:
            return cards[0]
        if not cards:
            raise UsageError(f"{base} serves no model", hint=f"load one there, or name it: {base}#MODEL")
        hint = f"name one: {base}#{cards[0].id}"
        raise UsageError(f"{base} serves {len(cards)} models: {_listed(by_id)}", hint=hint)

    def _version(self, server: ServerKind) -> str:
        """Empty where the server does not tell."""
        if server not in _VERSION_AT:
            return ""
        path, name = _VERSION_AT[server]
        reply = self._get(self.endpoint.root_url + path)
        try:
            read = json.loads(reply.body)
        except ValueError:
            return ""
        return str(read.get(name, "")) if isinstance(read, dict) and reply.status == 200 else ""


def _cards(reply: Reply) -> list[_Card] | None:
    if reply.status != 200:
        return None
    try:
        return _Cards.model_validate_json(reply.body).data
    except ValidationError:
        return None


def _identity(card: _Card) -> str:
    meta = {name: value for name, value in (card.meta or {}).items() if name in ("n_params", "size")}
    return hashlib.sha256(json.dumps([card.id, card.root, meta], sort_keys=True).encode()).hexdigest()


def _listed(ids: dict[str, _Card]) -> str:
    names = sorted(ids)
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
