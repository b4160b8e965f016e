"""Scripted answers to the decimal task, and `lathe` as a process of its own that gets them.

A process finds its engine through an entry point, so what the test wants of it comes by the environment:
SCRIPTED_LOG is a file that gets a line for each request, SCRIPTED_SECONDS what a request takes.
"""

import asyncio
import hashlib
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from functools import cache
from pathlib import Path

from promptlathe.cli.runs import state
from promptlathe.engines.engine import Output, Request
from promptlathe.models.reference import Model
from promptlathe.tasks.case import Case, Language
from promptlathe.tasks.task import get_task
from promptlathe.workspace.workspace import Workspace
from tests.fakes import Script, ScriptedEngine, write_engine_plugin

ROOT = Path(__file__).parents[1]
TASK = "decimal-comparison"


@cache
def cases_by_question(*languages: Language) -> Mapping[str, Case]:
    """Of the seeds and counts that tests use; in these languages, or in all."""
    task = get_task(TASK)
    return {
        case.question: case
        for split in ("propose", "select", "sealed")
        for case in task.cases(split, 500, languages=languages or None)
    }


def case_asked(question: str) -> Case:
    """In one language there are other cases than in both."""
    ways: tuple[tuple[Language, ...], ...] = ((), ("en",), ("zh",))
    return next(known[question] for way in ways if question in (known := cases_by_question(*way)))


def system_message(request: Request) -> str:
    return request.messages[0].content if request.messages[0].role == "system" else ""


def skilled(skill: Callable[[str], float]) -> Script:
    """Answers right with the probability that `skill` gives for the system message, always alike."""

    def answer(request: Request) -> str:
        system, case = system_message(request), case_asked(request.messages[-1].content)
        draw = hashlib.sha256(f"{system}/{case.id}".encode()).digest()
        is_right = int.from_bytes(draw[:4], "big") / 2**32 < skill(system)
        return case.expected if is_right else next(name for name in case.options if name != case.expected)

    return answer


class _LoggingEngine(ScriptedEngine):
    async def generate(self, requests: Iterable[Request]) -> AsyncGenerator[Output, None]:
        async for output in super().generate(self._logged(requests)):
            await asyncio.sleep(float(os.environ.get("SCRIPTED_SECONDS", "0")))
            yield output

    def _logged(self, requests: Iterable[Request]) -> Iterable[Request]:
        for request in requests:
            with Path(os.environ["SCRIPTED_LOG"]).open("a") as log:
                log.write(f"{request.id}\n")
            yield request


def opened_in_process(model: Model) -> ScriptedEngine:
    return _LoggingEngine(skilled(lambda system: 0.7 if system else 0.4), model=model)


class Terminal:
    """A workspace with a model file, and `lathe` run in it by a process."""

    def __init__(self, folder: Path, model: bytes) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "lathe.toml").touch()
        (folder / "tiny.gguf").write_bytes(model)
        write_engine_plugin(folder / "plugins", "tests.scripted:opened_in_process")
        self.log = folder / "asked.log"
        self.environment = os.environ | {
            "PYTHONPATH": f"{folder / 'plugins'}{os.pathsep}{ROOT}",
            "SCRIPTED_LOG": str(self.log),
            "LATHE_HOME": str(folder / "home"),
            "COLUMNS": "80",
        }

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-c", "from promptlathe.cli.main import main; main()", *arguments]

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        process = self.start(*arguments, **environment)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def only_run(self) -> tuple[str, str]:
        """Id and state of the workspace's one run, seen from this process."""
        workspace = Workspace(self.folder)
        (record,) = workspace.database.runs()
        workspace.database.close()
        return record.id, state(workspace, record)

    @property
    def asked(self) -> list[str]:
        """The key of each request that the engine got, over all processes."""
        return self.log.read_text().split() if self.log.exists() else []
