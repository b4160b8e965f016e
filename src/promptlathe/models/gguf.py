"""Reads what a GGUF file says of itself, without its weights and without trusting it.

Layout (github.com/ggml-org/ggml/blob/master/docs/gguf.md), little-endian:
magic, version, number of tensors, number of metadata pairs; the pairs; name, shape, type and offset of each
tensor; padding; the weights. Every length is checked against what is left of the file before it is used.
"""

import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Never

from promptlathe.errors import UnsupportedModelError

Scalar = int | float | bool | str

MAX_HEADER_BYTES = 64 << 20  # the largest vocabularies in use (262,000 tokens) need about 20 MB
MAX_STRING_BYTES = 1 << 20
MAX_PAIRS = 10_000
MAX_ARRAY_DEPTH = 4
MAX_DIMENSIONS = 8

_STRING, _ARRAY = 8, 9
_LENGTH = struct.Struct("<Q")
_BLOCK_BYTES = 1 << 18
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}

# `general.file_type`, as llama.cpp numbers its quantisations.
_QUANTIZATIONS = {
    **dict(enumerate(("F32", "F16", "Q4_0", "Q4_1"))),
    **dict(enumerate(("Q8_0", "Q5_0", "Q5_1", "Q2_K", "Q3_K_S", "Q3_K_M", "Q3_K_L", "Q4_K_S", "Q4_K_M"), 7)),
    **dict(enumerate(("Q5_K_S", "Q5_K_M", "Q6_K", "IQ2_XXS", "IQ2_XS", "Q2_K_S", "IQ3_XS", "IQ3_XXS"), 16)),
    **dict(enumerate(("IQ1_S", "IQ4_NL", "IQ3_S", "IQ3_M", "IQ2_S", "IQ2_M", "IQ4_XS", "IQ1_M", "BF16"), 24)),
    **dict(enumerate(("TQ1_0", "TQ2_0", "MXFP4", "NVFP4", "Q1_0"), 36)),
}

_LOOKS_LIKE = (
    (b"<", "it is a web page: the download link led to a page, not to the file"),
    (b"version https://git-lfs", "it is a Git LFS pointer: run `git lfs pull` in its repository"),
    (b"PK\x03\x04", "it is a zip archive: unpack it first"),
    (b"ggml", "it is a GGML file, the format before GGUF: look for a GGUF of the same model"),
    (b"ggjt", "it is a GGJT file, the format before GGUF: look for a GGUF of the same model"),
)


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What the file says of itself. `metadata` leaves out arrays (the vocabulary)."""

    version: int
    tensor_count: int
    tensor_types: frozenset[int]
    """GGML's numbers of the types that the weights are stored in."""
    metadata: dict[str, Scalar]

    @property
    def architecture(self) -> str:
        return str(self.metadata["general.architecture"])

    @property
    def quantization(self) -> str | None:
        number = self.metadata.get("general.file_type")
        return _QUANTIZATIONS.get(number) if isinstance(number, int) else None

    @property
    def context_length(self) -> int | None:
        """Tokens the model was trained for; None where the file does not say."""
        tokens = self.metadata.get(f"{self.architecture}.context_length")
        return tokens if isinstance(tokens, int) and tokens > 0 else None


def read_gguf_header(path: Path) -> GgufHeader:
    """Raises UnsupportedModelError if `path` is not a GGUF file, is damaged or cut short."""
    with path.open("rb") as file:
        reader = _Reader(path, file)
        reader.check_magic()
        version = reader.version()
        tensor_count, pair_count = reader.number("Q"), reader.number("Q")
        if pair_count > MAX_PAIRS:
            reader.fail(f"its header claims {pair_count} entries")
        metadata: dict[str, Scalar] = {}
        for _ in range(pair_count):
            key = reader.string()
            value = reader.value()
            if value is not None:
                metadata[key] = value
        architecture = metadata.get("general.architecture")
        if not (isinstance(architecture, str) and re.fullmatch(r"[\w.-]{1,64}", architecture)):
            reader.fail("it does not name its architecture")
        alignment = metadata.get("general.alignment", 32)
        types = reader.tensor_types(tensor_count, alignment if isinstance(alignment, int) else 0)
    return GgufHeader(version, tensor_count, types, metadata)


class _Reader:
    """A cursor over the header that can neither leave the file nor hold more than one string of it."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self._size = path.stat().st_size
        self._left = min(self._size, MAX_HEADER_BYTES)

    def fail(self, reason: str) -> Never:
        raise UnsupportedModelError(f"{self._path} is damaged: {reason}", hint="download the file again")

    def check_magic(self) -> None:
        start = self._file.read(24)
        if not start.startswith(b"GGUF"):
            shown = "it is empty" if not start else f"it starts with {start[:8]!r}"
            hints = [hint for prefix, hint in _LOOKS_LIKE if start.lstrip().startswith(prefix)]
            hint = hints[0] if hints else "give a .gguf file, or a folder with an OpenVINO model"
            raise UnsupportedModelError(f"{self._path} is not a GGUF file ({shown})", hint=hint)
        self._file.seek(0)
        self._skip(4)

    def version(self) -> int:
        version = self.number("I")
        if version not in (2, 3):
            said = (
                "is a big-endian GGUF file"
                if version in (2 << 24, 3 << 24)
                else f"has GGUF version {version}"
            )
            raise UnsupportedModelError(
                f"{self._path} {said}", hint="lathe reads little-endian GGUF of versions 2 and 3"
            )
        return version

    def number(self, code: str) -> int:
        return int(struct.unpack(f"<{code}", self._take(struct.calcsize(f"<{code}")))[0])

    def string(self) -> str:
        length = self.number("Q")
        if length > MAX_STRING_BYTES:
            self.fail(f"a text in its header claims {length} bytes")
        return self._take(length).decode("utf-8", errors="replace")

    def value(self) -> Scalar | None:
        """The next metadata value, or None for an array, which is passed over."""
        kind = self.number("I")
        if kind == _ARRAY:
            self._skip_array(depth=1)
            return None
        if kind == _STRING:
            return self.string()
        code = f"<{self._code(kind)}"
        scalar: Scalar = struct.unpack(code, self._take(struct.calcsize(code)))[0]
        return scalar

    def tensor_types(self, count: int, alignment: int) -> frozenset[int]:
        """A download that stopped half way has a good header and weights that reach beyond the end."""
        furthest, types = 0, set()
        for _ in range(count):
            self.string()
            dimensions = self.number("I")
            if dimensions > MAX_DIMENSIONS:
                self.fail(f"a tensor claims {dimensions} dimensions")
            self._skip(8 * dimensions)
            types.add(self.number("I"))
            furthest = max(furthest, self.number("Q"))
        if alignment <= 0:
            self.fail("its alignment is not a positive number")
        weights_start = -(-self._file.tell() // alignment) * alignment
        if count and weights_start + furthest >= self._size:
            self.fail(
                f"it is cut short at {self._size} bytes, its weights go on past {weights_start + furthest}"
            )
        return frozenset(types)

    def _skip_array(self, depth: int) -> None:
        kind, count = self.number("I"), self.number("Q")
        if kind == _STRING:
            self._skip_strings(count)
        elif kind == _ARRAY:
            if depth == MAX_ARRAY_DEPTH:
                self.fail("its header nests arrays too deeply")
            for _ in range(count):
                self._skip_array(depth + 1)
        else:
            self._skip(count * struct.calcsize(f"<{self._code(kind)}"))

    def _skip_strings(self, count: int) -> None:
        """Block by block: a vocabulary and its merges are a hundred thousand of them."""
        start = at = block_start = self._file.tell()
        block = b""
        for _ in range(count):
            if at - start + _LENGTH.size > self._left:
                self.fail("its header goes on past the end of the file")
            if at + _LENGTH.size > block_start + len(block):
                self._file.seek(at)
                block_start, block = at, self._file.read(_BLOCK_BYTES)
                if len(block) < _LENGTH.size:
                    self.fail("it became shorter while it was read")
            at += _LENGTH.size + _LENGTH.unpack_from(block, at - block_start)[0]
        self._file.seek(start)
        self._skip(at - start)

    def _code(self, kind: int) -> str:
        if kind not in _NUMBERS:
            self.fail(f"its header has a value of unknown type {kind}")
        return _NUMBERS[kind]

    def _take(self, length: int) -> bytes:
        self._use(length)
        data = self._file.read(length)
        if len(data) < length:
            self.fail("it became shorter while it was read")
        return data

    def _skip(self, length: int) -> None:
        self._use(length)
        self._file.seek(length, 1)

    def _use(self, length: int) -> None:
        if length > self._left:
            self.fail("its header goes on past the end of the file")
        self._left -= length
