"""DSPy's MIPROv2 on the work of optimizers.py: a `Predict` whose instructions are the start, minibatches, and as many
trials as the budget pays for. Requests beyond it fail, and a failure counts as a wrong answer.

A small model seldom writes the markers that DSPy's adapter asks for, and its proposer ends at the first text without
them. So a text without is taken as a whole here: more than a user gets, and without the second request.
"""

from concurrent.futures import ThreadPoolExecutor

import dspy
from dspy.utils.exceptions import AdapterParseError
from served import DRAWN_TOKENS, Work

AT_ONCE = 32
CANDIDATES = 8
MINIBATCH, FULL_EVERY = 35, 5
"""Its defaults."""
MARKER_TOKENS = 32
"""Beside the answer, for the markers that its adapter has the model write."""


def main() -> None:
    work = Work()
    dspy.configure_cache(enable_disk_cache=False)

    def model(phase: str, max_tokens: int, temperature: float) -> dspy.LM:
        return dspy.LM(
            "openai/model",
            api_base=f"{work.url}/{phase}/v1",
            api_key="none",
            max_tokens=max_tokens,
            temperature=temperature,
            num_retries=0,
        )

    answering = model("search", work.max_tokens + MARKER_TOKENS, 0.0)
    dspy.configure(lm=answering, adapter=WholeText(use_json_adapter_fallback=False))
    program = dspy.Predict(dspy.Signature("question -> answer", work.start))
    validation = work.select[: max(MINIBATCH, work.budget // 12)]
    optimizer = dspy.MIPROv2(
        lambda case, found, _=None: work.is_right(case.id, found.answer or ""),
        prompt_model=model("search", DRAWN_TOKENS, 1.0),
        task_model=answering,
        auto=None,
        num_candidates=CANDIDATES,
        num_threads=AT_ONCE,
        max_errors=10**6,
        seed=work.seed + 1,
    )
    found = optimizer.compile(
        program,
        trainset=examples(work.propose),
        valset=examples(validation),
        num_trials=trials(work.budget, len(validation)),
        minibatch_size=MINIBATCH,
        minibatch_full_eval_steps=FULL_EVERY,
    )
    sealed = model("sealed", work.max_tokens + MARKER_TOKENS, 0.0)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        texts = list(pool.map(lambda case: answer(found, sealed, case["question"]), work.sealed))
    work.finish(f"{found.signature.instructions}\n\n{found.demos}", texts)


def examples(cases: list[dict[str, str]]) -> list[dspy.Example]:
    return [
        dspy.Example(question=case["question"], answer=case["expected"], id=case["id"]).with_inputs(
            "question"
        )
        for case in cases
    ]


def trials(budget: int, validation: int) -> int:
    """After the default program, bootstrapping and proposing: each a minibatch, and now and then a full round; a third
    more than that, because what was asked before is not counted again."""
    left = budget - 2 * validation - 60
    return max(1, round(4 / 3 * left / (MINIBATCH + validation / FULL_EVERY)))


def answer(program: dspy.Predict, model: dspy.LM, question: str) -> str:
    with dspy.context(lm=model):
        return str(program(question=question).answer or "")


class WholeText(dspy.ChatAdapter):
    def parse(self, signature: type[dspy.Signature], completion: str) -> dict[str, object]:
        try:
            return super().parse(signature, completion)
        except AdapterParseError:
            return dict.fromkeys(signature.output_fields, completion)


if __name__ == "__main__":
    main()
