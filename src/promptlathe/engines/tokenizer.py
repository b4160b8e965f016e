"""Counting tokens as a model does, without loading the model."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from promptlathe.errors import ModelError, UnsupportedModelError
from promptlathe.models.reference import Model

if TYPE_CHECKING:
    import openvino_genai

_PIECES = re.compile(r".{1,1000}(?=\s|\Z)|.{1,1000}", re.DOTALL)


def token_counter(model: Model) -> Callable[[str], int]:
    """How many tokens a text is for `model`, special tokens of the chat template not counted.

    Only the tokenizer is loaded (about 4 s for a GGUF file). Raises ModelError and UnsupportedModelError.
    """
    import openvino_genai

    if not model.path.exists():
        raise ModelError(f"cannot read {model.path}", hint="was it moved or removed?")
    try:
        tokenizer = openvino_genai.Tokenizer(str(model.path))
    except (RuntimeError, IndexError, ValueError) as error:
        raise UnsupportedModelError(
            f"OpenVINO cannot read the tokenizer of {model.path}", hint="check it with `lathe models show`"
        ) from error
    return lambda text: count_tokens(tokenizer, text)


def count_tokens(tokenizer: "openvino_genai.Tokenizer", text: str) -> int:
    """Number of tokens of a text of any length."""
    return len(encode_pieces(tokenizer, text))


def encode_pieces(tokenizer: "openvino_genai.Tokenizer", text: str) -> list[int]:
    """The tokens of a text of any length: the tokenizer itself cuts at the model's context length.

    So long texts are encoded in pieces that end before white space, where tokens end too.
    """
    token_ids: list[int] = []
    for piece in _PIECES.findall(text):
        token_ids += tokenizer.encode(piece, add_special_tokens=False).input_ids.data[0].tolist()
    return token_ids
