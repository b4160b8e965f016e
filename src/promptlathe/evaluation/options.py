"""Asking for one of a case's options instead of free text: by holding the model to them, or by scoring each.

Scored, an option counts with its log-likelihood as the whole answer, averaged over both orders in which the
question can name the options (where the task has two), so that the place in the question decides nothing.
"""

import json
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from statistics import fmean
from typing import Literal

from promptlathe.engines.engine import (
    Answer,
    Capability,
    Engine,
    EngineDescription,
    Failure,
    Request,
    Scored,
    require_capability,
)
from promptlathe.errors import EngineError, TaskError
from promptlathe.evaluation.answers import Ask
from promptlathe.tasks.case import Case
from promptlathe.tasks.grading import Grade
from promptlathe.tasks.task import Task

AnswerMode = Literal["text", "choice", "score"]
"""`text` is what the model writes; `choice` is one of the case's options, token by token the likeliest that can
still become one; `score` is the option that is likeliest as a whole."""

_NEEDED: Mapping[AnswerMode, Capability] = {"choice": "choice", "score": "score"}

_Scores = Mapping[str, Sequence[float]]
"""By option: the log-likelihood in each order of the question."""


def require_answerable(
    answer: AnswerMode, task: Task, cases: Iterable[Case], engine: EngineDescription
) -> None:
    """Raises UsageError if the engine, and TaskError if a case, cannot be asked so."""
    if answer == "text":
        return
    require_capability(engine, _NEEDED[answer])
    for case in cases:
        if case.expected not in case.options or len(set(case.options)) < 2:
            raise TaskError(
                f"task {task.name!r} has no options to choose from in case {case.id}",
                hint="ask for free text: --answer text",
            )


def outputs(
    engine: Engine, asks: Mapping[str, Ask], answer: AnswerMode
) -> AsyncGenerator[Answer | Failure, None]:
    """One for each ask, with its key as id. The text of a score is JSON: see `grade`."""
    return _scored(engine, asks) if answer == "score" else _generated(engine, asks, answer)


def grade(task: Task, case: Case, text: str, answer: AnswerMode) -> Grade:
    """By the task's grader where the model wrote freely; else the option stands in `text`, and nothing is read
    into it."""
    if answer == "text":
        return task.grade(case, text)
    chosen = _likeliest(case, text) if answer == "score" else text
    return Grade("correct" if chosen == case.expected else "wrong", chosen, contradicts=False)


def margin(case: Case, text: str) -> float:
    """How much likelier the expected option is than the likeliest other one: the difference of their mean
    log-likelihoods, in nats; above 0 exactly if the answer is right."""
    means = _means(text)
    return means[case.expected] - max(means[option] for option in case.options if option != case.expected)


async def _generated(
    engine: Engine, asks: Mapping[str, Ask], answer: AnswerMode
) -> AsyncGenerator[Answer | Failure, None]:
    requests = (
        Request(key, ask.messages, ask.sampling, choices=ask.case.options if answer == "choice" else ())
        for key, ask in asks.items()
    )
    async with aclosing(engine.generate(requests)) as found:
        async for output in found:
            if isinstance(output, Failure):
                yield output
            elif isinstance(output, Answer):
                yield _checked(output, asks[output.request_id]) if answer == "choice" else output


def _checked(output: Answer, ask: Ask) -> Answer | Failure:
    """An engine that does not keep to the options has failed; the model has not."""
    if output.text in ask.case.options:
        return output
    named = ", ".join(ask.case.options)
    return Failure(ask.key, EngineError(f"the engine was held to {named}, and gave {output.text[:80]!r}"))


async def _scored(engine: Engine, asks: Mapping[str, Ask]) -> AsyncGenerator[Answer | Failure, None]:
    """An ask has failed as soon as one of its orders has."""
    parts: dict[str, dict[str, Scored]] = defaultdict(dict)
    failed: set[str] = set()
    async with aclosing(engine.score(_requests(asks))) as found:
        async for output in found:
            order, _, key = output.request_id.partition(":")
            if isinstance(output, Failure):
                if key not in failed:
                    yield Failure(key, output.error)
                failed.add(key)
                continue
            parts[key][order] = output
            if key not in failed and len(parts[key]) == len(asks[key].orders):
                yield _answer(asks[key], parts.pop(key))


def _requests(asks: Mapping[str, Ask]) -> Iterator[Request]:
    for key, ask in asks.items():
        for order, messages in enumerate(ask.orders):
            yield Request(f"{order}:{key}", messages, ask.sampling, choices=ask.case.options)


def _answer(ask: Ask, parts: Mapping[str, Scored]) -> Answer:
    in_order = [parts[order] for order in sorted(parts)]
    by_option = zip(*(part.log_likelihoods for part in in_order), strict=True)
    return Answer(
        request_id=ask.key,
        text=json.dumps(dict(zip(ask.case.options, by_option, strict=True)), ensure_ascii=False),
        finish_reason="stop",
        prompt_tokens=in_order[0].prompt_tokens,
        completion_tokens=0,
        seconds=sum(part.seconds for part in in_order),
    )


def _likeliest(case: Case, text: str) -> str:
    means = _means(text)
    wrong = [option for option in case.options if option != case.expected]
    return case.expected if margin(case, text) > 0 else max(wrong, key=means.__getitem__)


def _means(text: str) -> dict[str, float]:
    scores: _Scores = json.loads(text)
    return {option: fmean(values) for option, values in scores.items()}
