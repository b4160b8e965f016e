"""The cases as a task of inspect-ai's, run by its own Python: it imports nothing of promptlathe."""

import json
import re
from pathlib import Path

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageSystem, ChatMessageUser
from inspect_ai.scorer import CORRECT, INCORRECT, Score, Scorer, Target, accuracy, scorer, stderr
from inspect_ai.solver import TaskState, generate


@task
def decimal_comparison(cases: str) -> Task:
    read = json.loads(Path(cases).read_text(encoding="utf-8"))
    samples = [
        Sample(
            id=case["id"],
            input=[ChatMessageSystem(content=read["system"]), ChatMessageUser(content=case["question"])],
            target=case["expected"],
            metadata={"settling": case["settling"]},
        )
        for case in read["cases"]
    ]
    return Task(dataset=MemoryDataset(samples), solver=generate(), scorer=settled())


@scorer(metrics=[accuracy(), stderr()])
def settled() -> Scorer:
    async def score(state: TaskState, _target: Target) -> Score:
        found = list(re.finditer(state.metadata["settling"], state.output.completion, re.IGNORECASE))
        is_right = bool(found) and found[-1][1] is not None
        return Score(value=CORRECT if is_right else INCORRECT, answer=found[-1][0] if found else None)

    return score
