"""promptolution's CAPO on the work of optimizers.py, with its default settings, until the budget is spent.

Its population begins with the start and the task's instructions, each as often as makes eight; its examples are the
propose cases. Answers are judged as everybody's: it gets the whole text, not what stands between markers.
"""

import random
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice

import numpy as np
import pandas as pd
from promptolution.llms.base_llm import BaseLLM
from promptolution.optimizers.capo import CAPO
from promptolution.predictors.base_predictor import BasePredictor
from promptolution.tasks.reward_tasks import RewardTask
from served import DRAWN_TOKENS, Work

AT_ONCE = 32
POPULATION = 8
STEPS = 1000
"""More than any budget pays for."""


class Served(BaseLLM):
    def __init__(self, work: Work, **options: object) -> None:
        super().__init__()
        self._work = work
        self._options = options
        self.phase = "search"

    def _get_response(self, prompts: list[str], system_prompts: list[str]) -> list[str]:
        def ask(prompt: str, system: str) -> str:
            messages = [{"role": "system", "content": system}, {"role": "user", "content": prompt}]
            return self._work.ask(self.phase, messages, **self._options)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(ask, prompts, system_prompts))


class WholeText(BasePredictor):
    def _extract_preds(self, preds: list[str]) -> list[str]:
        return preds


def main() -> None:
    work = Work()
    random.seed(work.seed)
    np.random.seed(work.seed)
    model = Served(work, max_tokens=work.max_tokens, temperature=0)
    predictor = WholeText(model)
    task = RewardTask(
        pd.DataFrame(work.select),
        lambda text, id: float(work.is_right(id, text)),  # noqa: A006 - the column's name
        x_column="question",
        y_column="expected",
        reward_columns=["id"],
        task_description=work.description,
        eval_strategy="sequential_block",
        seed=work.seed,
    )
    optimizer = CAPO(
        predictor,
        task,
        Served(work, max_tokens=DRAWN_TOKENS, temperature=1.0),
        initial_prompts=list(islice(cycle([work.start, *work.instructions]), POPULATION)),
        create_fs_reasoning=False,
        df_few_shots=pd.DataFrame(work.propose),
    )
    prompts = optimizer.optimize(STEPS)
    if not optimizer.scores:  # the budget ended in the first step: what it has measured so far decides
        measured = task.evaluate(prompts, predictor, eval_strategy="evaluated").agg_scores
        prompts = [prompts[int(np.nanargmax(measured))]] if not np.isnan(measured).all() else prompts
    best = str(prompts[0])
    model.phase = "sealed"
    texts, _ = predictor.predict([best] * len(work.sealed), [case["question"] for case in work.sealed])
    work.finish(best, texts)


if __name__ == "__main__":
    main()
