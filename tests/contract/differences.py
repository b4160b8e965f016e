"""Where back-ends differ, as docs/en/serve.md and docs/zh/serve.md list it: everything else is the same on all."""

from typing import Literal

Difference = Literal["top_logprobs"]

MISSING: dict[str, frozenset[Difference]] = {
    "openvino": frozenset({"top_logprobs"}),
    "llamacpp": frozenset(),
}
"""What each back-end answers 400 to, code `unsupported`."""
