"""A GGUF model in OpenVINO's own files, written when it is first loaded.

Two reasons. It loads faster: measured on SmolLM2-135M, reading the GGUF takes 6.6 s of CPU time, its saved form
2.9 s. (3.9 s if OpenVINO had to simplify the graph each time; a cache of compiled models, CACHE_DIR, saves nothing
beside that: to read it takes as long as to compile.) And OpenVINO's GGUF reader rounds the minimum of each block of
Q4_1 and Q4_K to a whole step: log-probabilities of the next token were off by 0.5 to 2, and not one of 60 greedy
answers was llama.cpp's, where 25 are with the same weights as Q8_0, which answers no slower. So what the reader does
not hold exactly is written anew for it first.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from promptlathe.errors import ModelError
from promptlathe.models.reference import Model
from promptlathe.models.requantized import write_requantized
from promptlathe.models.store import Store

EXACT_TYPES = frozenset({0, 1, 2, 8, 14})
"""GGML's F32, F16, Q4_0, Q8_0 and Q6_K."""

_LAST_WRITTEN = "openvino_detokenizer.xml"


@dataclass(frozen=True, slots=True)
class SavedModel:
    """`folder` is there whole or not at all; for a pulled model it lies beside the file, and is removed with it."""

    model: Model
    is_exact: bool
    folder: Path

    @classmethod
    def of(cls, model: Model, tensor_types: frozenset[int]) -> "SavedModel | None":
        """None for what is read as it is: a user's own file that OpenVINO holds exactly."""
        is_exact = tensor_types <= EXACT_TYPES
        form = f"{version('openvino-genai')}-{'simple' if is_exact else 'q8_0-simple'}"
        if model.source == "local":
            kept = Store.default().folder / ".openvino" / f"{model.digest}-{form}"
            return None if is_exact else cls(model, is_exact, kept)
        return cls(model, is_exact, model.path.parent / f".openvino-{form}")

    @property
    def is_there(self) -> bool:
        return (self.folder / _LAST_WRITTEN).is_file()

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def being_made(self) -> Iterator[Path | None]:
        """The file to load, beside which the engine saves what it makes of it; kept if that ends well.

        None where there is no room, or no right to write: then nothing is saved. Raises ModelError if that
        leaves no way to read the model exactly.
        """
        scratch: Path | None = None
        try:
            try:
                scratch = self._scratch()
                self._fill(scratch)
            except OSError as error:
                if not self.is_exact:
                    raise self._no_room(error) from error
                yield None
            else:
                yield scratch / "model.gguf"
                if (scratch / _LAST_WRITTEN).is_file():
                    (scratch / "model.gguf").unlink()
                    # No room for it, or another process was faster: the model is loaded all the same.
                    with suppress(OSError, RuntimeError):
                        _simplify(scratch)
                        scratch.replace(self.folder)
        finally:
            if scratch:
                shutil.rmtree(scratch, ignore_errors=True)

    def _scratch(self) -> Path:
        parent, needed_bytes = self.folder.parent, 5 * self.model.size_bytes
        parent.mkdir(parents=True, exist_ok=True)
        self._remove_stale()
        if shutil.disk_usage(parent).free < needed_bytes:
            raise OSError(f"less than {needed_bytes / 1e9:.1f} GB free")
        return Path(tempfile.mkdtemp(prefix=".openvino-", suffix=".partial", dir=parent))

    def _fill(self, scratch: Path) -> None:
        if self.is_exact:
            (scratch / "model.gguf").symlink_to(self.model.path)
        else:
            write_requantized(self.model.path, scratch / "model.gguf", EXACT_TYPES)

    def _no_room(self, error: OSError) -> ModelError:
        return ModelError(
            f"{self.model.name} must be written in another form for OpenVINO, but in {self.folder.parent}: {error}",
            hint="make room, or take a Q8_0 file of the model, which is read as it is",
        )

    def _remove_stale(self) -> None:
        """What another version of OpenVINO has saved of the same model."""
        for stale in self.folder.parent.glob(f"{self.folder.name.partition('-')[0]}-*"):
            if stale != self.folder and not stale.name.endswith(".partial"):
                shutil.rmtree(stale, ignore_errors=True)


def _simplify(folder: Path) -> None:
    """Do once, to the graph that is saved, what OpenVINO does to any graph before it compiles it. Answers stay the same
    to the bit."""
    from openvino import Core, save_model
    from openvino._offline_transformations import apply_moc_transformations

    model = Core().read_model(folder / "openvino_model.xml")
    apply_moc_transformations(model, cf=False)
    save_model(model, folder / "simple.xml", compress_to_fp16=False)
    del model  # lets go of the old file
    for suffix in ("bin", "xml"):
        (folder / f"simple.{suffix}").replace(folder / f"openvino_model.{suffix}")
