"""Candidates that a person gives: other prompts for the same task."""

from collections.abc import Sequence

from promptlathe.optimization.candidates import Proposal
from promptlathe.optimization.search import Situation
from promptlathe.prompts import Prompt


class GivenProposer:
    """These prompts, in the first generation."""

    def __init__(self, prompts: Sequence[Prompt]) -> None:
        self._prompts = prompts

    async def propose(self, situation: Situation, count: int) -> Sequence[Proposal]:
        made = [Proposal(prompt, prompt.name, None, "given") for prompt in self._prompts]
        return [proposal for proposal in made if proposal.prompt.digest not in situation.tried][:count]
