"""Every error a user can meet, as one tree.

    LatheError
    ├── UsageError               a flag or a name was wrong                        exit 2, HTTP 400
    │   └── UnknownNameError     no prompt/task/model/run of that name (nearest)   exit 2, HTTP 404
    ├── InputError               a file or a value could not be understood         exit 1, HTTP 400
    │   ├── PromptError          a prompt file or prompt text
    │   ├── TaskError            a task file or its cases
    │   └── ContextLengthError   prompt longer than the model's context
    ├── ModelError               a model could not be had or loaded                exit 1, HTTP 500
    │   ├── DownloadError        network, mirror, package not found
    │   ├── ChecksumError        bytes are not the ones that were pinned
    │   └── UnsupportedModelError   not a GGUF / OpenVINO folder / known architecture
    ├── EngineError              the engine failed while it was generating         exit 1, HTTP 500
    │   ├── BusyError            more requests than it takes at once               exit 1, HTTP 429
    │   └── NotReadyError        it is loading, starting again or stopping         exit 1, HTTP 503
    └── WorkspaceError           state on disk: full, unreadable, half a run       exit 1, HTTP 500

Each class has a stable `code`; each instance says what went wrong in one line and, where there is something
to do about it, a `hint`.
"""

import difflib
from collections.abc import Iterable
from typing import ClassVar


class LatheError(Exception):
    """Base of all expected errors. `str(error)` is one line, `error.hint` is one line or None."""

    code: ClassVar[str] = "error"
    http_status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(LatheError):
    code = "usage"
    http_status = 400
    exit_code = 2


class UnknownNameError(UsageError):
    """Nothing of that name. The hint names the nearest known one, or lists what there is."""

    code = "not_found"
    http_status = 404

    def __init__(self, kind: str, name: str, known: Iterable[str], *, hint: str | None = None) -> None:
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        if near:
            found = f"did you mean {near[0]!r}?"
        elif names:
            found = f"known: {', '.join(names[:12])}" + (", …" if len(names) > 12 else "")
        else:
            found = f"there is no {kind} yet"
        super().__init__(f"no {kind} named {name!r}", hint=hint or found)


class InputError(LatheError):
    code = "invalid_input"
    http_status = 400


class PromptError(InputError):
    code = "invalid_prompt"


class TaskError(InputError):
    code = "invalid_task"


class ContextLengthError(InputError):
    code = "context_length_exceeded"

    @classmethod
    def of(cls, model: str, limit: int, *, prompt_tokens: int, max_tokens: int) -> "ContextLengthError":
        """Both numbers, whatever engine it is."""
        return cls(
            f"the prompt has {prompt_tokens} tokens and may answer with {max_tokens}: {model} holds {limit} in all",
            hint="shorten the prompt, give fewer examples, or lower max tokens",
        )


class ModelError(LatheError):
    code = "model"


class DownloadError(ModelError):
    code = "download"


class ChecksumError(ModelError):
    code = "checksum"


class UnsupportedModelError(ModelError):
    code = "unsupported_model"


class EngineError(LatheError):
    code = "engine"


class BusyError(EngineError):
    code = "overloaded"
    http_status = 429


class NotReadyError(EngineError):
    code = "not_ready"
    http_status = 503


class WorkspaceError(LatheError):
    code = "workspace"
