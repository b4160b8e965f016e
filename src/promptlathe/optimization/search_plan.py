"""Everything that decides a search, in a form that can be stored and gone on with."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from promptlathe.errors import InputError
from promptlathe.evaluation.plan import Plan, StoredPrompt
from promptlathe.optimization.optimize import Effort
from promptlathe.prompts import Prompt

Strategy = Literal["race", "gepa"]
_EFFORT = TypeAdapter(Effort)
_PROMPTS = TypeAdapter(list[StoredPrompt])
_STRATEGY = TypeAdapter[Strategy](Strategy)
_PROPOSER = TypeAdapter[str | None](str | None)


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """`plan` has the starting prompt as its only one, and the sealed cases; `candidates` are tried beside what the
    proposers find, `references` answer the sealed cases as well. `proposer` is the model that rewrites."""

    plan: Plan
    effort: Effort
    strategy: Strategy = "race"
    proposer: str | None = None
    candidates: tuple[Prompt, ...] = ()
    references: tuple[Prompt, ...] = ()

    def as_json(self) -> dict[str, object]:
        return self.plan.as_json() | {
            "search": {
                "effort": asdict(self.effort),
                "strategy": self.strategy,
                "proposer": self.proposer,
                "candidates": [StoredPrompt.of(prompt).model_dump() for prompt in self.candidates],
                "references": [StoredPrompt.of(prompt).model_dump() for prompt in self.references],
            }
        }

    @classmethod
    def from_json(cls, spec: Mapping[str, object]) -> "SearchPlan":
        """The inverse of `as_json`. Raises InputError for anything else."""
        rest = dict(spec)
        search = rest.pop("search", None)
        try:
            if not isinstance(search, dict):
                raise KeyError("search")
            return cls(
                plan=Plan.from_json(rest),
                effort=_EFFORT.validate_python(search["effort"]),
                strategy=_STRATEGY.validate_python(search["strategy"]),
                proposer=_PROPOSER.validate_python(search["proposer"]),
                candidates=tuple(stored.read() for stored in _PROMPTS.validate_python(search["candidates"])),
                references=tuple(stored.read() for stored in _PROMPTS.validate_python(search["references"])),
            )
        except (KeyError, ValidationError) as error:
            raise InputError(
                "this search was stored by another version of lathe, and cannot be read",
                hint="start a new one",
            ) from error
