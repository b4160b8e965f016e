"""A run of 100,000 answers: how long it takes to ask from the cache, to open, to filter, to report and to export,
and how much memory each needs.

    python benchmarks/large_runs.py [--rows 100000] [--prompts 4] [--repeats 1]

The answers come from a script, so that nothing but promptlathe itself is measured. Every line is a process of its
own, started as a user would start it: wall seconds and peak memory include starting Python.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from promptlathe.engines.engine import Request
from promptlathe.models.reference import Model
from tests.conftest import gguf_bytes
from tests.fakes import ScriptedEngine, write_engine_plugin

LIBRARY = ("decimal-expert", "decimal-expert-en", "math-teacher", "math-teacher-en", "letter-counter")


def answer(request: Request) -> str:
    """An ordinary answer, right about half the time: the first or the last number of the question."""
    question = request.messages[-1].content
    numbers = [word.strip("?？，,。.:：") for word in question.replace("和", " ").replace("与", " ").split()]
    named = [word for word in numbers if word.replace(".", "").replace("-", "").isdigit()] or ["13.8"]
    chosen = named[len(question) % 2 - 1]
    return f"Both numbers are compared digit by digit after the point, so the answer is {chosen}."


def opened(model: Model) -> ScriptedEngine:
    """Entry point of the engine."""
    return ScriptedEngine(answer, model=model)


def measure(folder: Path, *arguments: str) -> tuple[float, float, str]:
    """Wall seconds, peak memory in MB, and stdout of one `lathe` command."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(
            [str(folder / "plugins"), str(Path(__file__).parents[1]), str(Path(__file__).parent)]
        ),
        "LATHE_HOME": str(folder / "home"),
    }
    command = [sys.executable, "-c", "from promptlathe.cli.main import main; main()", *arguments]
    began = time.perf_counter()
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, (folder / "err").read_text()
    return seconds, usage.ru_maxrss / 1024, (folder / "out").read_text()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--prompts", type=int, default=4, choices=range(1, len(LIBRARY) + 1))
    parser.add_argument("--repeats", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "lathe.toml").touch()
        (folder / "tiny.gguf").write_bytes(gguf_bytes())
        write_engine_plugin(folder / "plugins", "large_runs:opened")
        cases = chosen.rows // chosen.prompts // chosen.repeats
        prompts = [part for name in LIBRARY[: chosen.prompts] for part in ("--prompt", name)]
        evaluate = ["eval", "decimal-comparison", *prompts, "-m", "tiny.gguf", "--engine", "scripted"]
        evaluate += ["--cases", str(cases), "--repeats", str(chosen.repeats), "--json"]
        print(f"{cases} cases x {chosen.prompts} prompts x {chosen.repeats} repeats")
        print(f"{'':24}{'seconds':>9}{'MB':>7}")
        run = ""
        for name, arguments in (
            ("lathe --version", ["--version"]),
            ("asked, 1 in 100", [*evaluate[:-5], "--cases", str(cases // 100), *evaluate[-3:]]),
            ("asked, all", evaluate),
            ("from the cache", evaluate),
            ("open", ["runs", "show", "RUN", "--json"]),
            ("filter", ["runs", "cases", "RUN", "--flips", "--limit", "20"]),
            ("report", ["runs", "export", "RUN", "-o", "report.html"]),
            ("csv", ["runs", "export", "RUN", "-o", "rows.csv"]),
            ("jsonl", ["runs", "export", "RUN", "-o", "rows.jsonl"]),
            ("junit", ["runs", "export", "RUN", "-o", "rows.xml"]),
        ):
            seconds, megabytes, out = measure(folder, *[run if part == "RUN" else part for part in arguments])
            print(f"{name:24}{seconds:9.2f}{megabytes:7.0f}", flush=True)
            if arguments[0] == "eval":
                run = json.loads(out)["run_id"]
        print(f"report: {(folder / 'report.html').stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
