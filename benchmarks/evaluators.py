"""How fast is `lathe eval` beside promptfoo and inspect-ai, and do they come to the same verdicts?

All evaluate the same decimal comparisons (split select, prompt decimal-expert, 32 new tokens, greedy) through the
same local OpenAI-compatible server, each as a whole command in a process of its own, without caches:
  recorded   the server gives llama.cpp's answers again, each after the same time: what is measured is the evaluator
  real       llama.cpp's own server with the embedded model, at fewer cases; beside it, `lathe eval` in process

    python benchmarks/evaluators.py --promptfoo PATH --inspect-python PATH [--cases 500] [--real-cases 60]

promptfoo and inspect-ai are installed by you, outside this project: see README.md here. Both are told not to phone
home, and get as many requests at once (--at-once) as does them good; lathe finds its own number.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
from evaluators_peers.settling import settling_pattern
from evaluators_server import SLOTS, key_of

from promptlathe.prompts import library_prompt, render_messages
from promptlathe.tasks.case import Case
from promptlathe.tasks.task import get_task

HERE = Path(__file__).parent
TASK, PROMPT, MAX_TOKENS = "decimal-comparison", "decimal-expert", 32
LATHE = Path(sys.executable).with_name("lathe")
PROMPTFOO, INSPECT, OURS, IN_PROCESS = "promptfoo", "inspect-ai", "lathe (HTTP)", "lathe (in process)"
MODEL = "smollm2"
VERSION = {
    "--promptfoo": ("--version",),
    "--inspect-python": ("-c", "import inspect_ai, openai; print(inspect_ai.__version__)"),
}
VERDICT = {True: "right", False: "not right", None: "no answer"}
PROMPTFOO_ERROR = 2
PROMPTFOO_QUIET = {
    "PROMPTFOO_DISABLE_TELEMETRY": "1",
    "PROMPTFOO_DISABLE_UPDATE": "1",
    "PROMPTFOO_DISABLE_SHARING": "1",
    "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
    "PROMPTFOO_CACHE_ENABLED": "false",
    "PROMPTFOO_FAILED_TEST_EXIT_CODE": "0",
    # Its log files: now and then it crashes as it closes them, after the results are written.
    "PROMPTFOO_DISABLE_DEBUG_LOG": "1",
    "PROMPTFOO_DISABLE_ERROR_LOG": "1",
}

Verdicts = Mapping[str, bool]
"""By case, whether the answer is right. A request that failed is no verdict."""


@dataclass(frozen=True, slots=True)
class Measured:
    """`seconds` of the whole command."""

    seconds: float
    verdicts: Verdicts

    @property
    def cases_per_s(self) -> float:
        return len(self.verdicts) / self.seconds


Evaluating = Callable[[Path, Sequence[Case]], Measured]
"""Evaluates the cases in an empty folder."""


def main() -> None:
    given = arguments()
    peers: dict[str, Callable[[str], Evaluating]] = {
        PROMPTFOO: lambda url: partial(promptfoo, given.promptfoo, url, given.at_once),
        INSPECT: lambda url: partial(inspect_ai, given.inspect_python, url, given.at_once),
        OURS: lambda url: partial(lathe, url),
    }
    cases = get_task(TASK).cases("select", given.cases)
    with tempfile.TemporaryDirectory() as scratch:
        recording = given.recording or Path(scratch) / "recording.json"
        if not recording.exists():
            record(cases, recording)
        answers = json.loads(recording.read_text(encoding="utf-8"))
        options = ("recorded", str(recording), "--latency-ms", str(given.latency_ms))
        recorded = {name: measure(name, through, cases, *options) for name, through in peers.items()}
    show(f"recorded answers, {given.latency_ms:g} ms each, {len(cases)} cases", recorded)
    show_disagreements(cases, recorded, answers)
    if not given.real_cases:
        return
    few = cases[: given.real_cases]
    real = {name: measure(name, through, few, "real") for name, through in peers.items()}
    real[IN_PROCESS] = measure(IN_PROCESS, lambda _: partial(lathe, None), few)
    show(f"real server, {len(few)} cases", real)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--promptfoo", type=Path, required=True, help="its executable")
    parser.add_argument(
        "--inspect-python", type=Path, required=True, help="Python that has inspect-ai and openai"
    )
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--real-cases", type=int, default=60, help="0 leaves the real server out")
    parser.add_argument("--latency-ms", type=float, default=50)
    parser.add_argument("--at-once", type=int, default=32)
    parser.add_argument(
        "--recording", type=Path, help="use this file's answers, or keep those recorded in it"
    )
    given = parser.parse_args()
    for option, program in (("--promptfoo", given.promptfoo), ("--inspect-python", given.inspect_python)):
        done = (
            subprocess.run([program, *VERSION[option]], capture_output=True, text=True)
            if program.exists()
            else None
        )
        if done is None or done.returncode:
            why = "does not work: " + done.stderr.strip().rpartition("\n")[2] if done else "is not there"
            parser.error(f"{option} {program} {why}; benchmarks/README.md says how to install it")
        print(f"{option[2:]}: {done.stdout.split()[-1]}", file=sys.stderr)
    return given


@contextlib.contextmanager
def server(*options: str) -> Iterator[str]:
    """The base URL of a server that is there for so long. It has answered once for each of its slots."""
    command = [sys.executable, str(HERE / "evaluators_server.py"), *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        if options[0] == "real":
            with ThreadPoolExecutor(SLOTS) as pool:
                list(pool.map(partial(ask, url), ["Which is larger, 1 or 2?"] * SLOTS))
        yield url
        process.communicate()


def record(cases: Sequence[Case], recording: Path) -> None:
    """The real server's answers, by the messages of their questions."""
    print(f"recording {len(cases)} answers …", file=sys.stderr, flush=True)
    with server("real") as url, ThreadPoolExecutor(SLOTS) as pool:
        answers = dict(pool.map(partial(ask, url), [case.question for case in cases]))
    recording.write_text(json.dumps(answers, ensure_ascii=False), encoding="utf-8")


def ask(url: str, question: str) -> tuple[str, object]:
    messages = [message.as_dict() for message in render_messages(library_prompt(PROMPT), question)]
    body = {
        "messages": messages,
        "max_tokens": MAX_TOKENS,
        "temperature": 0,
        "top_k": 0,
        "min_p": 0,
        "top_p": 1,
    }
    response = httpx2.post(f"{url}/chat/completions", json=body, timeout=600, trust_env=False)
    response.raise_for_status()
    return key_of(messages), response.json()


def measure(
    name: str, through: Callable[[str], Evaluating], cases: Sequence[Case], *options: str
) -> Measured:
    """One evaluator, beside a fresh server if it asks one, in an empty folder."""
    print(f"{name} …", file=sys.stderr, flush=True)
    serving = contextlib.nullcontext("") if name == IN_PROCESS else server(*options)
    with serving as url, tempfile.TemporaryDirectory() as folder:
        measured = through(url)(Path(folder), cases)
    print(f"  {measured.seconds:.1f} s", file=sys.stderr, flush=True)
    return measured


def lathe(url: str | None, folder: Path, cases: Sequence[Case]) -> Measured:
    """Through HTTP, or in process where there is no URL."""
    command = [LATHE, "eval", TASK, "-p", PROMPT, "--cases", str(len(cases))]
    command += ["--max-tokens", str(MAX_TOKENS), "--json", *(("-m", url) if url else ())]
    seconds, stdout = run(command, folder)
    export = [LATHE, "runs", "export", json.loads(stdout)["run_id"], "-f", "jsonl"]
    rows = [json.loads(line) for line in run(export, folder)[1].splitlines()]
    return Measured(
        seconds, {row["case"]: row["verdict"] == "correct" for row in rows if row["verdict"] != "error"}
    )


def promptfoo(program: Path, url: str, at_once: int, folder: Path, cases: Sequence[Case]) -> Measured:
    """Each case is a test with its regular expression as a variable of one JavaScript assertion."""
    chat = [{"role": "system", "content": system_message()}, {"role": "user", "content": "{{question}}"}]
    (folder / "chat.json").write_text(json.dumps(chat, ensure_ascii=False), encoding="utf-8")
    settings = {"apiBaseUrl": url, "apiKey": "none", "max_tokens": MAX_TOKENS, "temperature": 0, "top_p": 1}
    config = {
        "prompts": ["file://chat.json"],
        "providers": [{"id": f"openai:chat:{MODEL}", "config": settings}],
        "defaultTest": {
            "assert": [
                {"type": "javascript", "value": f"file://{HERE}/evaluators_peers/promptfoo_assertion.js"}
            ]
        },
        "tests": [
            {
                "vars": {"question": case.question, "settling": settling_pattern(case)},
                "metadata": {"case": case.id},
            }
            for case in cases
        ],
    }
    (folder / "config.json").write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")
    command = [program.absolute(), "eval", "-c", "config.json", "-o", "results.json", "-j", str(at_once)]
    command += ["--no-cache", "--no-table", "--no-progress-bar", "--no-share"]
    seconds, _ = run(command, folder, PROMPTFOO_QUIET | {"PROMPTFOO_CONFIG_DIR": str(folder / "state")})
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))["results"]["results"]
    answered = [result for result in results if result["failureReason"] != PROMPTFOO_ERROR]
    return Measured(
        seconds, {result["testCase"]["metadata"]["case"]: result["success"] for result in answered}
    )


def inspect_ai(python: Path, url: str, at_once: int, folder: Path, cases: Sequence[Case]) -> Measured:
    """Each case is a sample with its regular expression as metadata for one scorer."""
    described = [
        {
            "id": case.id,
            "question": case.question,
            "expected": case.expected,
            "settling": settling_pattern(case),
        }
        for case in cases
    ]
    content = {"system": system_message(), "cases": described}
    (folder / "cases.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    shutil.copy(HERE / "evaluators_peers" / "inspect_task.py", folder)
    command = [python.absolute(), "-m", "inspect_ai", "eval", "inspect_task.py"]
    command += ["-T", f"cases={folder / 'cases.json'}", "--model", f"openai-api/local/{MODEL}"]
    command += ["--max-connections", str(at_once), "--max-samples", str(at_once), "--no-fail-on-error"]
    command += ["--max-tokens", str(MAX_TOKENS), "--temperature", "0", "--top-p", "1"]
    command += ["--display", "none", "--log-dir", str(folder / "logs"), "--log-format", "json"]
    seconds, _ = run(command, folder, {"LOCAL_BASE_URL": url, "LOCAL_API_KEY": "none"})
    (log,) = (folder / "logs").glob("*.json")
    samples = json.loads(log.read_text(encoding="utf-8"))["samples"]
    return Measured(
        seconds,
        {
            sample["id"]: sample["scores"]["settled"]["value"] == "C"
            for sample in samples
            if sample.get("scores")
        },
    )


def run(command: Sequence[str | Path], folder: Path, variables: Mapping[str, str] = {}) -> tuple[float, str]:
    """Seconds and stdout of a command that must succeed."""
    started = time.monotonic()
    done = subprocess.run(command, cwd=folder, env=os.environ | variables, capture_output=True, text=True)
    seconds = time.monotonic() - started
    if done.returncode:
        sys.exit(f"{command[0]} failed ({done.returncode}):\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return seconds, done.stdout


def system_message() -> str:
    (system, _) = render_messages(library_prompt(PROMPT), "?")
    return system.content


def show(title: str, measured: Mapping[str, Measured]) -> None:
    print(f"\n{title}\n{'':20}{'seconds':>9}{'cases/s':>9}{'answered':>10}{'right':>7}")
    for name, one in measured.items():
        right = sum(one.verdicts.values())
        print(f"{name:20}{one.seconds:9.2f}{one.cases_per_s:9.2f}{len(one.verdicts):10}{right:7}")
    faster = min(measured[PROMPTFOO].seconds, measured[INSPECT].seconds)
    for name in (OURS, IN_PROCESS):
        if name in measured:
            print(f"{name} is {faster / measured[name].seconds:.2f} x as fast as the faster peer")


def show_disagreements(
    cases: Sequence[Case], measured: Mapping[str, Measured], answers: Mapping[str, Any]
) -> None:
    """Every case that not all verdicts agree on, with what was said, for a person to decide who is right."""
    differing = [case for case in cases if len({one.verdicts.get(case.id) for one in measured.values()}) > 1]
    print(f"\nverdicts agree on {len(cases) - len(differing)} of {len(cases)} cases")
    for case in differing:
        said = ", ".join(f"{name}: {VERDICT[one.verdicts.get(case.id)]}" for name, one in measured.items())
        messages = [message.as_dict() for message in render_messages(library_prompt(PROMPT), case.question)]
        text = answers[key_of(messages)]["choices"][0]["message"]["content"]
        print(f"{case.question}  expected {case.expected}\n  {text!r}\n  {said}")


if __name__ == "__main__":
    main()
