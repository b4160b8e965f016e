"""Prompts as models: `<model>@<prompt>` is the model under a prompt of the workspace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from promptlathe.errors import LatheError, PromptError
from promptlathe.messages import Message
from promptlathe.prompts import Prompt, Sampling, render_messages
from promptlathe.server.errors import ApiError
from promptlathe.workspace.workspace import Workspace

_Stamp = tuple[Path, int, int]


@dataclass(slots=True)
class PromptModels:
    """Prompts are read when they are asked for, and again when their file has changed."""

    workspace: Workspace
    _read: dict[str, tuple[_Stamp, Prompt]] = field(default_factory=dict)

    def names(self) -> list[str]:
        return self.workspace.prompt_names()

    def apply(
        self, name: str, messages: Sequence[Message], variables: Mapping[str, str]
    ) -> tuple[tuple[Message, ...], Sampling]:
        """The conversation under this prompt, as an evaluation would ask it, and what its author wants of sampling.

        Raises ApiError: a second system message would make another prompt of it than the one that was measured.
        """
        for number, message in enumerate(messages):
            if message.role == "system":
                raise ApiError(
                    f"the prompt {name!r} is the system message of this model: send none",
                    param=f"messages[{number}].role",
                )
        if messages[-1].role != "user":
            raise ApiError("the last message must be the user's", param=f"messages[{len(messages) - 1}].role")
        try:
            prompt = self._prompt(name)
            return (
                render_messages(prompt, messages[-1].content, variables, history=messages[:-1]),
                prompt.sampling,
            )
        except PromptError as error:
            hint = f" ({error.hint})" if error.hint else ""
            raise ApiError(
                f"{error.message}{hint}; values are given as `variables` or `metadata`", param="variables"
            ) from None

    def _prompt(self, name: str) -> Prompt:
        path = self.workspace.prompt_path(name)
        if path is None:
            return self.workspace.prompt(name)
        try:
            about = path.stat()
        except OSError as error:
            raise LatheError(f"cannot read {path}: {error.strerror}") from error
        stamp = (path, about.st_mtime_ns, about.st_size)
        known = self._read.get(name)
        if known is None or known[0] != stamp:
            known = (stamp, self.workspace.prompt(name))
            self._read[name] = known
        return known[1]
