"""A model with known truth: how often it is right follows from the prompt, and nothing else."""

import hashlib
from collections.abc import Callable, Iterator, Sequence

from promptlathe.engines.engine import Request, Sampling
from promptlathe.evaluation.run import Evaluator
from promptlathe.tasks.case import Case, Language, Split
from promptlathe.tasks.grading import Grade
from promptlathe.tasks.task import Hints, Task
from tests.fakes import ScriptedEngine
from tests.optimization.conftest import Remembered


class SameText:
    name = "same-text"

    def grade(self, case: Case, answer: str) -> Grade:
        return Grade("correct" if answer == case.expected else "wrong", answer, contradicts=False)


def _cases(split: Split, seed: int, languages: tuple[Language, ...]) -> Iterator[Case]:
    for number in range(5000):
        name = f"{split}-{seed}-{number}"
        yield Case(name, {}, name, "yes", "all", name, split, "en")


HINTS = Hints(
    rules=tuple(f"Rule number {number} holds." for number in range(1, 6)),
    workflow=("Read the question.", "Answer it."),
    output_formats=("Answer yes or no.", "Answer with one word."),
)
TASK = Task(
    name="simulated",
    description={"en": "yes or no"},
    languages=("en",),
    strata=("all",),
    chance=0.0,
    source=_cases,
    grader=SameText(),
    shortcuts=(),
    hints={"en": HINTS},
)


def simulated(seed: int, skill: Callable[[str], float], *, agreement: float = 0.0) -> Evaluator:
    """Right with probability `skill(all messages but the question)`.

    `agreement`: the chance that a case's answer hangs on how hard the case is, alike for all prompts, instead
    of on luck of its own.
    """

    def answer(request: Request) -> str:
        system = "\n".join(message.content for message in request.messages[:-1])
        question = request.messages[-1].content
        is_shared = _draw(seed, "kind", system, question) < agreement
        luck = _draw(seed, "case", question) if is_shared else _draw(seed, "own", system, question)
        return "yes" if luck < skill(system) else "no"

    return Evaluator(TASK, ScriptedEngine(answer), "scripted", Remembered(), Sampling(max_tokens=4))


def _draw(*parts: object) -> float:
    digest = hashlib.blake2b("\0".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def cases(split: Split, count: int, seed: int) -> Sequence[Case]:
    return TASK.cases(split, count, seed=seed, languages=("en",))
