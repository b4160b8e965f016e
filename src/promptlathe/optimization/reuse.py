"""What a search's order of work saves: prompt tokens that stood at the beginning of the request before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os.path import commonprefix

from promptlathe.evaluation.answers import Ask, Row
from promptlathe.messages import Message


@dataclass(frozen=True, slots=True)
class Reuse:
    """Prompt tokens of all requests, and how many of them an engine that shares prefixes need not compute.

    A lower bound that any engine can be held to: the beginning shared with the one request before, in the order
    that requests are made, its tokens in proportion to its characters. Answers from the cache count as well,
    so that a search that was gone on with reports the same.
    """

    prompt_tokens: int = 0
    reused: int = 0

    @property
    def share(self) -> float:
        return self.reused / self.prompt_tokens if self.prompt_tokens else 0.0

    def and_also(self, asks: Sequence[Ask], rows: Mapping[str, Mapping[str, Row]]) -> "Reuse":
        """With these requests, in their order; `rows` are by prompt, then by case id."""
        tokens, reused = self.prompt_tokens, float(self.reused)
        before: tuple[Message, ...] = ()
        for ask in asks:
            response = rows[ask.prompt.name][ask.case.id].response
            if response:
                tokens += response.prompt_tokens
                reused += response.prompt_tokens * shared_share(before, ask.messages)
                before = ask.messages
        return Reuse(tokens, round(reused))


def shared_share(before: Sequence[Message], after: Sequence[Message]) -> float:
    """The share of `after`'s characters that it begins with as `before` does."""
    shared, size = 0, sum(len(message.content) for message in after)
    for old, new in zip(before, after, strict=False):
        if old == new:
            shared += len(new.content)
            continue
        if old.role == new.role:
            shared += len(commonprefix([old.content, new.content]))  # noqa: RUF071 - character by character
        break
    return shared / size if size else 0.0
