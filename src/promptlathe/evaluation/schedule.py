"""The order of work: what shares the beginning of its messages stands together, and is computed once."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from promptlathe.engines.engine import EngineDescription, Sampling
from promptlathe.evaluation.answers import Ask, response_key
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
) -> list[Ask]:
    """Every prompt on every case, as often as asked, ordered so that shared prefixes stand together.

    Sorting by all messages before the last makes neighbours of the prompts with the longest common beginning
    (candidates that differ in a late section, above all); within a prompt, cases keep the task's order.
    Raises PromptError if a prompt cannot be rendered.
    """
    asks = []
    shared: dict[Message, Message] = {}
    for prompt in prompts:
        for case in cases:
            rendered = render_messages(prompt, case.question, case.variables)
            # Equal messages are kept once: a system message must not fill the memory once for each case.
            messages = tuple(shared.setdefault(message, message) for message in rendered)
            for repeat in range(repeats):
                key = response_key(engine, messages, repeat_sampling(sampling, repeat), repeat)
                asks.append(Ask(prompt, case, repeat, messages, key))
    return sorted(asks, key=lambda ask: [(message.role, message.content) for message in ask.messages[:-1]])


def repeat_sampling(sampling: Sampling, repeat: int) -> Sampling:
    """Each repeat draws with a seed of its own."""
    return replace(sampling, seed=sampling.seed + repeat)
