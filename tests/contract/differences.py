"""Where back-ends differ, as docs/en/serve.md and docs/zh/serve.md list it: everything else is the same on all."""

from typing import Literal

Difference = Literal["top_logprobs", "draws_beside_others"]

MISSING: dict[str, frozenset[Difference]] = {
    "openvino": frozenset({"top_logprobs"}),
    "llamacpp": frozenset({"draws_beside_others"}),
}
"""`top_logprobs` is answered 400, code `unsupported`. Without `draws_beside_others`, what a seed draws depends on what
else is computed at the time: its probabilities are rounded otherwise."""
