"""Does `lathe optimize` find better prompts than other optimizers, at the same number of model calls?

Five ways to a prompt, each from the same start, on the same `propose` and `select` cases of the embedded model:
  race       lathe's own search
  gepa       lathe with the search of the gepa package; the model itself reflects
  capo       promptolution's CAPO
  miprov2    DSPy's MIPROv2
  few-shot   no search: the start and eight drawn propose cases as turns of the conversation
Every model call of a search counts, writing prompts included, and none is made beyond the budget: ours are counted
by the ledger, the others' by the server that they ask. Then each answers the same sealed cases in its own way, judged
by the task's grader; these calls are not counted, for anyone.

    python benchmarks/optimizers.py --results FILE [--tasks NAME...] [--methods NAME...] [--seeds N...] [--budget 1500]
        [--sealed 300] [--promptolution-python PATH] [--dspy-python PATH] [--endpoint URL]
    python benchmarks/optimizers.py --results FILE --show

What is done is added to FILE, one line of JSON a search, and not done again: run it piece by piece. The other
optimizers are installed by you, outside this project: see README.md here. `--endpoint` asks a model that is served
elsewhere, as benchmarks/gpu/optimizers.py does; else the embedded model runs in this process.
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from optimizers_server import serving
from optimizers_tasks import STARTS, write_tasks

from promptlathe.engines.endpoint import read_endpoint
from promptlathe.engines.engine import Engine, Sampling
from promptlathe.engines.remote import RemoteEngine
from promptlathe.evaluation.answers import Response, Row
from promptlathe.evaluation.plan import Plan
from promptlathe.evaluation.run import Evaluator
from promptlathe.optimization.battery import battery
from promptlathe.optimization.candidates import Candidate
from promptlathe.optimization.ledger import Ledger
from promptlathe.optimization.optimize import Effort
from promptlathe.optimization.search_plan import SearchPlan, Strategy
from promptlathe.optimization.strategies import Observer, make_strategy
from promptlathe.prompts import Example, Prompt, examples_body, library_prompt, parse
from promptlathe.statistics.means import Mean, cluster_mean
from promptlathe.tasks.case import Case
from promptlathe.tasks.task import Task
from promptlathe.workspace.workspace import Workspace

HERE = Path(__file__).parent
MODEL, MAX_TOKENS = "smollm2-135m-instruct", 48
LIBRARY = {
    "decimal-comparison": "decimal-expert-en",
    "letter-count": "letter-counter-en",
    "school-math": "math-teacher-en",
}
"""Tasks that lathe brings, in English, and the prompts of its library that they begin with."""
TASKS = (*LIBRARY, *STARTS)
SHOTS = 8
OURS = "race"


@dataclass(frozen=True, slots=True)
class Work:
    """One search: the same for every method."""

    task: Task
    start: Prompt
    seed: int
    effort: Effort
    sealed: tuple[Case, ...]

    def cases(self, split: str) -> tuple[Case, ...]:
        return self.effort.cases(self.task, "propose" if split == "propose" else "select")


@dataclass(frozen=True, slots=True)
class Found:
    """`right`: by sealed case. `seconds` of wall time for the search alone; `prompt_tokens` for each sealed case."""

    prompt: str
    calls: int
    seconds: float
    prompt_tokens: float
    right: Mapping[str, bool]


Method = Callable[[Engine, Work], Awaitable[Found]]


class Forgetful:
    """A recorder that keeps nothing: no search learns from another."""

    def cached(self, keys: Sequence[str]) -> Mapping[str, Response]:  # noqa: ARG002
        return {}

    def record(self, rows: Sequence[Row]) -> None:
        """Nothing is kept."""

    def remember(self, key: str, response: Response) -> None:
        """Nothing is kept."""


async def ours(strategy: Strategy, engine: Engine, work: Work) -> Found:
    """The search as `lathe optimize` makes it, without a reserve for the proof."""
    plan = Plan(work.task.name, "sealed", 0, work.seed, ("en",), (work.start,), (MODEL,), "auto", sampling())
    ledger = Ledger(evaluator(engine, work), work.effort.budget, on_row=lambda _: None)
    began = time.monotonic()
    search = make_strategy(SearchPlan(plan, work.effort, strategy), ledger, None, Observer())
    found = await search.run(Candidate.start(work.start))
    return await proven(engine, work, found.best.prompt, ledger.spent, time.monotonic() - began)


async def few_shot(engine: Engine, work: Work) -> Found:
    drawn = random.Random(work.seed).sample(work.cases("propose"), SHOTS)
    body = examples_body([Example(case.question, case.expected) for case in drawn], "en")
    document = work.start.document.with_section("Examples", body)
    return await proven(engine, work, replace(work.start, document=document, examples="messages"), 0, 0.0)


async def proven(engine: Engine, work: Work, prompt: Prompt, calls: int, seconds: float) -> Found:
    rows = [row async for row in evaluator(engine, work).evaluate([prompt], work.sealed)]
    tokens = [row.response.prompt_tokens for row in rows if row.response]
    right = {row.case_id: row.is_correct for row in rows}
    return Found(prompt.document.text, calls, seconds, sum(tokens) / len(tokens), right)


async def peer(python: Path, script: str, engine: Engine, work: Work) -> Found:
    """In an environment of its own, through the counting server."""
    by_id = {case.id: case for split in ("propose", "select") for case in work.cases(split)}

    def is_right(case: str, text: str) -> bool:
        return work.task.grade(by_id[case], text).verdict == "correct"

    with tempfile.TemporaryDirectory() as folder:
        async with serving(engine, work.effort.budget, is_right) as (counting, url):
            (Path(folder) / "work.json").write_text(
                json.dumps(described(work) | {"url": url}), encoding="utf-8"
            )
            began = time.monotonic()
            process = await asyncio.create_subprocess_exec(
                python,
                HERE / "optimizers_peers" / script,
                folder,
                cwd=folder,
                env={name: value for name, value in os.environ.items() if "proxy" not in name.lower()},
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            output, _ = await process.communicate()
            ended = counting.sealed_at or time.monotonic()
        if process.returncode:
            sys.exit(f"{script} failed:\n{output.decode()[-4000:]}")
        found = json.loads((Path(folder) / "found.json").read_text("utf-8"))
    right = {
        case.id: work.task.grade(case, found["answers"][case.id]).verdict == "correct" for case in work.sealed
    }
    return Found(
        found["prompt"], counting.calls, ended - began, counting.sealed_tokens / len(work.sealed), right
    )


def described(work: Work) -> dict[str, object]:
    """What a peer is told. `instructions` are what our search knows beside the start: the battery's whole prompts."""
    forms = [prompt.document.text for prompt in battery(work.task, ()) if prompt.document.text]
    return {
        "seed": work.seed,
        "budget": work.effort.budget,
        "max_tokens": MAX_TOKENS,
        "start": work.start.document.instructions,
        "instructions": forms,
        "description": work.task.description.get("en", work.task.name),
        "sealed": [{"id": case.id, "question": case.question} for case in work.sealed],
    } | {
        split: [
            {"id": case.id, "question": case.question, "expected": case.expected}
            for case in work.cases(split)
        ]
        for split in ("propose", "select")
    }


def evaluator(engine: Engine, work: Work) -> Evaluator:
    return Evaluator(work.task, engine, MODEL, Forgetful(), sampling())


def sampling() -> Sampling:
    return Sampling(max_tokens=MAX_TOKENS)


def works(name: str, seed: int, budget: int, sealed: int, workspace: Workspace) -> Work:
    task = workspace.task(name)
    start = library_prompt(LIBRARY[name]) if name in LIBRARY else Prompt("start", parse(STARTS[name]))
    effort = Effort(budget, select_cases=300, sealed_cases=0, least_sealed=0, seed=seed, languages=("en",))
    return Work(task, start, seed, effort, task.cases("sealed", sealed, seed=seed, languages=("en",)))


def model_of(given: argparse.Namespace) -> Engine:
    if given.endpoint:
        endpoint = read_endpoint(given.endpoint)
        assert endpoint, f"{given.endpoint} is no URL"
        return RemoteEngine(endpoint, max_concurrency=64)
    from promptlathe.engines.openvino import OpenVinoEngine  # not installed where the model is elsewhere
    from promptlathe.models.reference import ensure

    return OpenVinoEngine(ensure(MODEL))


async def run(given: argparse.Namespace, methods: Mapping[str, Method]) -> None:
    engine = model_of(given)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        (Path(folder) / "tasks").mkdir()
        write_tasks(Path(folder) / "tasks")
        for seed in given.seeds:
            for name in given.tasks:
                work = works(name, seed, given.budget, given.sealed, workspace)
                for method in methods:
                    line = {"task": name, "method": method, "seed": seed, "budget": given.budget}
                    if any(line.items() <= done.items() for done in read(given.results)):
                        continue
                    print(f"{name}, {method}, seed {seed} …", file=sys.stderr, flush=True)
                    found = await methods[method](engine, work)
                    assert found.calls <= given.budget, "the budget was exceeded"
                    clusters = {case.id: case.cluster for case in work.sealed}
                    with given.results.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(line | asdict(found) | {"clusters": clusters}) + "\n")


def read(results: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in results.read_text("utf-8").splitlines()] if results.exists() else []


def show(results: Path) -> None:
    """By task and method: share of the sealed cases right, and how much better `race` is on the same ones."""
    done = read(results)
    for task in dict.fromkeys(one["task"] for one in done):
        made = [one for one in done if one["task"] == task]
        print(f"\n{task}, {len({one['seed'] for one in made})} seeds")
        print(f"{'':12}{'sealed right':>22}{'race is better by':>26}{'tokens':>8}{'calls':>7}{'seconds':>9}")
        for method in dict.fromkeys(one["method"] for one in made):
            own = {one["seed"]: one for one in made if one["method"] == method}
            race = {one["seed"]: one for one in made if one["method"] == OURS}
            both = [(race[seed], one) for seed, one in own.items() if seed in race and method != OURS]
            share = mean([(one, one["right"]) for one in own.values()])
            ahead = [
                (one, {case: a["right"][case] - one["right"][case] for case in one["right"]})
                for a, one in both
            ]
            better = interval(mean(ahead), "+.1f") if ahead else ""
            tokens, calls, seconds = (
                sum(one[kind] for one in own.values()) / len(own)
                for kind in ("prompt_tokens", "calls", "seconds")
            )
            print(
                f"{method:12}{interval(share, '.1f'):>22}{better:>26}{tokens:8.0f}{calls:7.0f}{seconds:9.0f}"
            )


def mean(values: Sequence[tuple[Mapping[str, Any], Mapping[str, float]]]) -> Mean:
    """Over searches and cases. Where there are several searches, they are what varies; else the cases' clusters."""
    is_one = len(values) == 1
    rows = [
        (float(value), done["clusters"][case] if is_one else str(done["seed"]))
        for done, by_case in values
        for case, value in by_case.items()
    ]
    return cluster_mean([value for value, _ in rows], [name for _, name in rows])


def interval(made: Mean, form: str) -> str:
    low, high = made.interval.low, made.interval.high
    return f"{100 * made.mean:{form}} [{100 * low:{form}}, {100 * high:{form}}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, required=True, help="what is done, one line of JSON a search")
    parser.add_argument("--show", action="store_true", help="search nothing, only show what is done")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--seeds", type=int, nargs="+", default=range(5))
    parser.add_argument("--budget", type=int, default=1500)
    parser.add_argument("--sealed", type=int, default=300)
    parser.add_argument("--endpoint", help="an OpenAI-compatible address that has the model")
    parser.add_argument("--promptolution-python", type=Path, help="Python that has promptolution")
    parser.add_argument("--dspy-python", type=Path, help="Python that has dspy and optuna")
    given = parser.parse_args()
    if not given.show:
        asyncio.run(run(given, {name: method(parser, given, name) for name in given.methods}))
    show(given.results)


METHODS = ("race", "gepa", "capo", "miprov2", "few-shot")
PEERS = {"capo": ("promptolution_python", "promptolution"), "miprov2": ("dspy_python", "dspy, optuna")}


def method(parser: argparse.ArgumentParser, given: argparse.Namespace, name: str) -> Method:
    """Ends where a peer's Python does not have what it needs."""
    if name in PEERS:
        option, modules = PEERS[name]
        python = getattr(given, option)
        if (
            python is None
            or subprocess.run([python, "-c", f"import {modules}"], capture_output=True).returncode
        ):
            parser.error(
                f"{name}: --{option.replace('_', '-')} {python} has no {modules}; see benchmarks/README.md"
            )
        return partial(peer, python.absolute(), f"{name}.py")
    return few_shot if name == "few-shot" else partial(ours, "gepa" if name == "gepa" else "race")


if __name__ == "__main__":
    main()
