"""A prompt on its way through a search: where it comes from, and why it was tried."""

from dataclasses import dataclass

from promptlathe.prompts import Prompt
from promptlathe.prompts.diff import PromptDiff, diff_prompts

START = "start"


@dataclass(frozen=True, slots=True)
class Proposal:
    """One change of one section (None: of the whole prompt). `reason` is a sentence for the lineage."""

    prompt: Prompt
    operator: str
    section: str | None
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """`prompt.name` is its name in the search, the same whenever the search is run again. `parent` None: the
    prompt that the search began with."""

    prompt: Prompt
    parent: "Candidate | None"
    operator: str
    section: str | None
    reason: str

    @classmethod
    def start(cls, prompt: Prompt) -> "Candidate":
        return cls(prompt, None, START, None, "the prompt to be improved")

    @property
    def name(self) -> str:
        return self.prompt.name

    @property
    def diff(self) -> PromptDiff | None:
        """Against the parent; None for the start."""
        return diff_prompts(self.parent.prompt, self.prompt) if self.parent else None

    def as_json(self) -> dict[str, object]:
        """The entry of a lineage: parent, operator, section, reason and the change itself."""
        diff = self.diff
        return {
            "name": self.name,
            "parent": self.parent.name if self.parent else None,
            "operator": self.operator,
            "section": self.section,
            "reason": self.reason,
            "digest": self.prompt.digest,
            "sections": [
                {"section": change.section, "kind": change.kind, "lines": list(change.lines)}
                for change in (diff.sections if diff else ())
            ],
            "fields": [
                {"field": change.field, "before": change.before, "after": change.after}
                for change in (diff.fields if diff else ())
            ],
        }
