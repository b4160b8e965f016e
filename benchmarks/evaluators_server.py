"""The server that evaluators.py has all evaluators ask, in a process of its own: its address is the first line of
stdout, and it ends with its stdin.

    python benchmarks/evaluators_server.py real
    python benchmarks/evaluators_server.py recorded FILE --latency-ms 20

`real` is llama.cpp's, with the embedded model. `recorded` gives its answers again, each after the same time however
many are asked for: what is left to measure is the evaluator. It knows a question by its messages, to the letter, and
answers anything else with an error, so that all evaluators are shown to ask the same.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from evaluation_speed import llamacpp_settings

from tests.chat_server import Asked, ChatServer, Reply, models

SLOTS = 1
"""With which llama.cpp answers most per second on two cores: evaluation_speed.py looks for it."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("kind", choices=["real", "recorded"])
    arguments.add_argument("recording", type=Path, nargs="?")
    arguments.add_argument("--latency-ms", type=float, default=0)
    given = arguments.parse_args()
    server = real() if given.kind == "real" else recorded(given.recording, given.latency_ms)
    print(address(server), flush=True)
    sys.stdin.read()


def real() -> object:
    import xllamacpp

    from promptlathe.models.reference import ensure

    return xllamacpp.Server(llamacpp_settings(str(ensure("smollm2-135m-instruct").path), SLOTS))


def recorded(recording: Path, latency_ms: float) -> ChatServer:
    answers: dict[str, Mapping[str, object]] = json.loads(recording.read_text(encoding="utf-8"))

    def answer(asked: Asked) -> Reply:
        found = answers.get(key_of(asked.content["messages"]))
        if found is None:
            return Reply({"error": {"message": f"not recorded: {asked.question}"}}, status=400)
        return Reply(found, stall_s=latency_ms / 1000)

    return ChatServer(answer, {"/v1/models": models("recorded", owned_by="llamacpp")})


def key_of(messages: object) -> str:
    return json.dumps(messages, ensure_ascii=False, sort_keys=True)


def address(server: object) -> str:
    return server.url if isinstance(server, ChatServer) else f"{server.listening_address}/v1"


if __name__ == "__main__":
    main()
