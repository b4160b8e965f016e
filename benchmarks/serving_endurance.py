"""What soak.py and fuzz.py share: their flags, the server they run against, and how a verdict is printed."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine, Mapping

from serving_servers import Server, lathe_server

Endure = Callable[[Server, int, int], Coroutine[object, object, bool]]
"""(server, how many, seed) to whether all goals are met."""


def show_goals(goals: Mapping[str, bool]) -> bool:
    """Whether all are met."""
    for name, is_met in goals.items():
        print(f"{'met    ' if is_met else 'NOT met'}  {name}")
    return all(goals.values())


def run_main(
    description: str, counted: str, endure: Endure, *, model: str, key: str, options: tuple[str, ...]
) -> None:
    """`counted` names the flag for how many; exit code 1 if a goal is not met."""
    arguments = argparse.ArgumentParser(description=description)
    arguments.add_argument(f"--{counted}", dest="count", type=int, default=20_000)
    arguments.add_argument("--engine", default="openvino")
    arguments.add_argument("--model", default=model)
    arguments.add_argument("--seed", type=int, default=0)
    given = arguments.parse_args()
    serving = ("--engine", given.engine, "--served-model-name", model, *options)
    with lathe_server(given.model, *serving, api_key=key) as server:
        sys.exit(not asyncio.run(endure(server, given.count, given.seed)))
