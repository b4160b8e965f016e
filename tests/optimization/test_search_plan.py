"""A search's plan: what is stored is what is gone on with."""

import json
from collections.abc import Callable

import pytest

from promptlathe.engines.engine import Sampling
from promptlathe.errors import InputError
from promptlathe.evaluation.plan import Plan, no_prompt
from promptlathe.optimization.optimize import Effort
from promptlathe.optimization.search import SearchSettings
from promptlathe.optimization.search_plan import SearchPlan
from promptlathe.prompts import read_prompt
from tests.scripted import TASK

FILE = (
    "---\nversion: 1.2.0\nfrozen: [Role]\nexamples: messages\n---\n# Role: 裁判\n\n## Examples\nQ: 1?\nA: 2\n"
)
PLAN = SearchPlan(
    Plan(
        task=TASK,
        split="sealed",
        count=80,
        seed=7,
        languages=("zh",),
        prompts=(read_prompt(FILE, name="start"),),
        models=("tiny.gguf",),
        engine="scripted",
        sampling=Sampling(max_tokens=9, stop=("\n",)),
    ),
    Effort(budget=321, seed=7, languages=("zh",), settings=SearchSettings(block_cases=11, alpha=0.1)),
    strategy="gepa",
    proposer="http://127.0.0.1:1/v1#large",
    candidates=(read_prompt("Say 1.", name="other"),),
    references=(no_prompt(),),
)


def test_it_comes_back_as_it_was() -> None:
    assert SearchPlan.from_json(json.loads(json.dumps(PLAN.as_json()))) == PLAN


@pytest.mark.parametrize(
    "spoil",
    [
        lambda spec: spec.pop("search"),
        lambda spec: spec.update(search=[]),
        lambda spec: spec["search"].pop("effort"),
        lambda spec: spec["search"]["effort"].update(budget="a lot"),
        lambda spec: spec["search"].update(strategy="magic"),
        lambda spec: spec["search"].update(proposer=3),
        lambda spec: spec["search"]["candidates"].append({"name": "x"}),
        lambda spec: spec.update(count="many"),
    ],
)
def test_anything_else_is_one_line(spoil: Callable[[dict], object]) -> None:
    spec = json.loads(json.dumps(PLAN.as_json()))
    spoil(spec)
    with pytest.raises(InputError, match="was stored by another version of lathe") as caught:
        SearchPlan.from_json(spec)
    assert caught.value.hint
