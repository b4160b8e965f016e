"""What a large run holds: never all of its rows, and a system message once."""

from collections.abc import Mapping, Sequence

from promptlathe.engines.engine import Sampling
from promptlathe.evaluation.answers import Response, Row
from promptlathe.evaluation.run import Evaluator
from promptlathe.evaluation.schedule import schedule
from promptlathe.prompts import Prompt, parse
from promptlathe.tasks.task import get_task
from tests.fakes import ScriptedEngine

TASK = get_task("decimal-comparison")
PROMPT = Prompt("expert", parse("# Role\nYou compare decimals.\n"))


class Watching:
    """Knows every answer, and how many rows came at once."""

    def __init__(self) -> None:
        self.at_once: list[int] = []

    def cached(self, keys: Sequence[str]) -> Mapping[str, Response]:
        return dict.fromkeys(keys, Response("13.8", "stop", 1, 1, 0.1))

    def record(self, rows: Sequence[Row]) -> None:
        self.at_once.append(len(rows))


async def test_cached_rows_come_and_go_in_parts() -> None:
    watching, engine = Watching(), ScriptedEngine({})
    evaluator = Evaluator(TASK, engine, "tiny", watching, Sampling())
    seen = [len(watching.at_once) async for _ in evaluator.evaluate([PROMPT], TASK.cases("select", 2500))]
    assert sum(watching.at_once) == len(seen) == 2500
    assert max(watching.at_once) <= 1000
    assert (seen[0], seen[-1]) == (1, 3), "the first rows are handed on before the last are read"
    assert engine.calls == 0


def test_equal_messages_are_one_object() -> None:
    asks = schedule(
        [PROMPT], TASK.cases("select", 50), engine=ScriptedEngine({}).describe(), sampling=Sampling()
    )
    assert len({id(ask.messages[0]) for ask in asks}) == 1
    assert len({id(ask.messages[1]) for ask in asks}) == 50
