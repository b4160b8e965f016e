"""The order of work: what shares the beginning of its messages stands together, and is computed once."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from promptlathe.engines.engine import EngineDescription, Sampling
from promptlathe.evaluation.answers import Ask, response_key, score_key
from promptlathe.evaluation.options import AnswerMode
from promptlathe.messages import Message
from promptlathe.prompts import Prompt, render_messages
from promptlathe.tasks.case import Case


def schedule(
    prompts: Iterable[Prompt],
    cases: Sequence[Case],
    *,
    engine: EngineDescription,
    sampling: Sampling,
    repeats: int = 1,
    answer: AnswerMode = "text",
    swapped: Callable[[Case], Case] | None = None,
) -> list[Ask]:
    """Every prompt on every case, as often as asked, ordered so that shared prefixes stand together.

    Sorting by all messages before the last makes neighbours of the prompts with the longest common beginning
    (candidates that differ in a late section, above all); within a prompt, cases keep the task's order.
    To score is to ask each case in both orders, where the task has `swapped`: see `Task`.
    Raises PromptError if a prompt cannot be rendered.
    """
    asks = []
    shared: dict[Message, Message] = {}
    for prompt in prompts:
        for case in cases:
            orders = [case, swapped(case)] if answer == "score" and swapped else [case]
            # Equal messages are kept once: a system message must not fill the memory once for each case.
            rendered = tuple(
                tuple(
                    shared.setdefault(message, message)
                    for message in render_messages(prompt, one.question, one.variables)
                )
                for one in orders
            )
            for repeat in range(repeats):
                drawn = _repeat_sampling(sampling, repeat)
                if answer == "score":
                    key = score_key(engine, rendered, case.options)
                else:
                    choices = case.options if answer == "choice" else ()
                    key = response_key(engine, rendered[0], drawn, repeat, choices)
                asks.append(Ask(prompt, case, repeat, rendered, drawn, key))
    return sorted(asks, key=lambda ask: [(message.role, message.content) for message in ask.messages[:-1]])


def _repeat_sampling(sampling: Sampling, repeat: int) -> Sampling:
    """Each repeat draws with a seed of its own."""
    return replace(sampling, seed=sampling.seed + repeat)
