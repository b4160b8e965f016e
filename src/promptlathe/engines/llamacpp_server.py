"""The process that holds llama.cpp: `python -m promptlathe.engines.llamacpp_server`.

It reads one line of JSON, `ServerSettings`, from its standard input; writes one, `{"url": ...}`, to its standard
output once the model answers; and ends when its input does, whatever became of who started it. What llama.cpp has to
say goes to standard error. The key comes in this way because arguments and environment are seen by others.
"""

import contextlib
import json
import os
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xllamacpp

_WARNINGS = 2
"""llama.cpp's verbosity: errors and warnings, no line for each request."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """`slots` answers are computed at once, each of up to `context_length` tokens, prompt and answer together."""

    path: str
    name: str
    api_key: str
    slots: int
    context_length: int
    threads: int


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    settings = ServerSettings(**json.loads(sys.stdin.readline()))
    reply = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not be taken for the reply
    try:
        server = _started(settings)
    except RuntimeError as error:
        sys.exit(f"error: {error}")
    with reply, contextlib.suppress(BrokenPipeError):
        print(json.dumps({"url": server.listening_address}), file=reply)
    while sys.stdin.read(1 << 16):
        pass
    os._exit(0)  # the server waits for answers under way, which nobody wants any more


def _started(settings: ServerSettings) -> "xllamacpp.Server":
    """It serves as long as it is held.

    One KV cache for all slots, so that attention goes over what is there, not over what each slot might hold; with
    room for each slot's whole context, so that it cannot run out. Nothing is taken out of an answer: what the model
    thinks is part of what it says.
    """
    import xllamacpp

    given = xllamacpp.CommonParams()
    given.model.path = settings.path
    given.model_alias = {settings.name}
    given.n_parallel = settings.slots
    given.n_ctx = 0
    given.kv_unified = True
    given.kv_unified_per_slot = settings.context_length
    given.fit_params = False
    given.cpuparams.n_threads = settings.threads
    given.cpuparams_batch.n_threads = settings.threads
    given.reasoning_format = xllamacpp.common_reasoning_format.COMMON_REASONING_FORMAT_NONE
    given.hostnames = ["127.0.0.1"]
    given.port = 0
    given.api_keys = [settings.api_key]
    given.ui = False
    given.verbosity = _WARNINGS
    return xllamacpp.Server(given)


if __name__ == "__main__":
    main()
