"""Runs prompts on cases. Each answer is recorded before anyone sees it, so that no crash loses one."""

from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from promptlathe.engines.engine import Answer, Engine, Sampling
from promptlathe.evaluation.answers import Ask, Response, Row
from promptlathe.evaluation.options import AnswerMode, grade, outputs, require_answerable
from promptlathe.evaluation.schedule import schedule
from promptlathe.prompts import Prompt
from promptlathe.tasks.case import Case
from promptlathe.tasks.task import Task

_CACHED_AT_ONCE = 1000
"""Cached rows are recorded and handed on by so many, so that a large run is never held whole."""


class Recorder(Protocol):
    """What an evaluation needs of storage. All calls are durable when they return."""

    def cached(self, keys: Sequence[str]) -> Mapping[str, Response]:
        """The known responses among `keys`."""
        ...

    def record(self, rows: Sequence[Row]) -> None:
        """Keep rows and their responses. A row takes the place of an earlier one of the same subject, case
        and repeat; if the run had generated that same answer itself, it stays `is_cached` false."""
        ...

    def remember(self, key: str, response: Response) -> None:
        """Keep a response that belongs to no case, such as a proposer's."""
        ...


@dataclass(frozen=True, slots=True)
class Evaluator:
    """One task on one engine, recorded in one place. `model` is what the run calls the engine's model."""

    task: Task
    engine: Engine
    model: str
    recorder: Recorder
    sampling: Sampling
    answer: AnswerMode = "text"

    async def evaluate(
        self,
        prompts: Sequence[Prompt],
        cases: Sequence[Case],
        *,
        repeats: int = 1,
    ) -> AsyncGenerator[Row, None]:
        """Ask every prompt every case and yield the recorded rows as they come: first what the cache knows.

        To go on with a run that was cut off is to evaluate the same again. Prompts are told apart by name.
        Raises PromptError for a prompt that cannot be rendered, ModelError and EngineError from the engine; a
        case that fails alone becomes a row with an error; before anything is asked, TaskError and UsageError
        where the cases or the engine are not made for this way of answering.
        """
        described = self.engine.describe()
        require_answerable(self.answer, self.task, cases, described)
        asks = schedule(
            prompts,
            cases,
            engine=described,
            sampling=self.sampling,
            repeats=repeats,
            answer=self.answer,
            swapped=self.task.swapped,
        )
        unknown: list[Ask] = []
        for start in range(0, len(asks), _CACHED_AT_ONCE):
            part = asks[start : start + _CACHED_AT_ONCE]
            known = self.recorder.cached([ask.key for ask in part])
            rows = [self._row(ask, known[ask.key], is_cached=True) for ask in part if ask.key in known]
            self.recorder.record(rows)
            for row in rows:
                yield row
            unknown += [ask for ask in part if ask.key not in known]
        async with aclosing(self._generate(unknown)) as generated:
            async for row in generated:
                yield row

    async def _generate(self, asks: Sequence[Ask]) -> AsyncGenerator[Row, None]:
        """Ask the engine, once for each key."""
        by_key: dict[str, list[Ask]] = defaultdict(list)
        for ask in asks:
            by_key[ask.key].append(ask)
        if not by_key:
            return
        asked = {key: same[0] for key, same in by_key.items()}
        async with aclosing(outputs(self.engine, asked, self.answer)) as found:
            async for output in found:
                if isinstance(output, Answer):
                    response = Response.of(output)
                    same = by_key[output.request_id]
                    rows = [self._row(ask, response, is_cached=ask is not same[0]) for ask in same]
                else:
                    rows = [self._failed(ask, output.error.message) for ask in by_key[output.request_id]]
                self.recorder.record(rows)
                for row in rows:
                    yield row

    def _row(self, ask: Ask, response: Response, *, is_cached: bool) -> Row:
        made = grade(self.task, ask.case, response.text, self.answer)
        name = ask.prompt.name
        return Row(name, self.model, ask.case.id, ask.repeat, ask.key, response, made, None, is_cached)

    def _failed(self, ask: Ask, error: str) -> Row:
        name = ask.prompt.name
        return Row(name, self.model, ask.case.id, ask.repeat, ask.key, None, None, error, is_cached=False)
