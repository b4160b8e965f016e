"""What `/metrics` tells Prometheus."""

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from promptlathe.server.backend import Backend, End

_FIRST_TOKEN_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_TOKEN_BUCKETS_S = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2.5)


@dataclass(slots=True)
class Metrics:
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    requests: Counter = field(init=False)
    prompt_tokens: Counter = field(init=False)
    cached_tokens: Counter = field(init=False)
    completion_tokens: Counter = field(init=False)
    first_token: Histogram = field(init=False)
    token: Histogram = field(init=False)
    running: Gauge = field(init=False)
    waiting: Gauge = field(init=False)
    cache_usage: Gauge = field(init=False)
    restarts: Gauge = field(init=False)

    def __post_init__(self) -> None:
        registry = self.registry
        self.requests = Counter(
            "lathe_requests", "Requests by what came of them.", ["path", "status"], registry=registry
        )
        self.prompt_tokens = Counter("lathe_prompt_tokens", "Tokens of prompts.", registry=registry)
        self.cached_tokens = Counter(
            "lathe_cached_prompt_tokens", "Tokens of prompts that the prefix cache had.", registry=registry
        )
        self.completion_tokens = Counter("lathe_completion_tokens", "Tokens of answers.", registry=registry)
        self.first_token = Histogram(
            "lathe_time_to_first_token_seconds",
            "From a request to the first token of its answer.",
            buckets=_FIRST_TOKEN_BUCKETS_S,
            registry=registry,
        )
        self.token = Histogram(
            "lathe_time_per_output_token_seconds",
            "Between two tokens of an answer, its average.",
            buckets=_TOKEN_BUCKETS_S,
            registry=registry,
        )
        self.running = Gauge("lathe_batch_size", "Answers computed side by side.", registry=registry)
        self.waiting = Gauge("lathe_waiting_requests", "Answers that wait for a place.", registry=registry)
        self.cache_usage = Gauge(
            "lathe_cache_usage_ratio", "Share of the prefix cache in use.", registry=registry
        )
        self.restarts = Gauge(
            "lathe_engine_restarts", "How often the engine was started again.", registry=registry
        )

    def count_answer(self, end: End, seconds: float) -> None:
        self.prompt_tokens.inc(end.prompt_tokens)
        self.cached_tokens.inc(end.cached_tokens)
        self.completion_tokens.inc(end.completion_tokens)
        if end.first_token_s is not None:
            self.first_token.observe(end.first_token_s)
            if end.completion_tokens > 1:
                self.token.observe((seconds - end.first_token_s) / (end.completion_tokens - 1))

    def text(self, backend: Backend) -> bytes:
        self.running.set(backend.load.running)
        self.waiting.set(backend.load.waiting)
        self.cache_usage.set(backend.load.cache_usage)
        self.restarts.set(backend.state.restarts)
        return generate_latest(self.registry)
