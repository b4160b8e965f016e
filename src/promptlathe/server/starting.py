"""From an engine's name to the backend that serves with it."""

from collections.abc import Callable

from promptlathe.engines.choose import require_package
from promptlathe.models.reference import Model
from promptlathe.server.backend import Backend


def make_backend(
    engine: str, model: Model, *, window: int, queue: int, on_event: Callable[[str], None]
) -> Backend:
    """`window` answers at once at most, `queue` more may wait. Raises UsageError for an engine that is not installed.

    llama.cpp computes a prompt that answers share once for each place, so it gets few.
    """
    require_package(engine)
    if engine == "llamacpp":
        from promptlathe.engines.llamacpp_process import DEFAULT_SLOTS, LlamaCppProcess
        from promptlathe.server.llamacpp_upstream import LlamaCppUpstream
        from promptlathe.server.upstream_backend import UpstreamBackend

        def upstream() -> LlamaCppUpstream:
            return LlamaCppUpstream(LlamaCppProcess(model, slots=min(window, DEFAULT_SLOTS)))

        return UpstreamBackend(model.name, upstream, queue=queue, on_event=on_event)
    from promptlathe.server.worker_backend import WorkerBackend

    return WorkerBackend(model, window=window, queue=queue, on_event=on_event)
