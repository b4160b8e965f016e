"""OpenVINO computes the model that was published: its 4-bit weights are not rounded on the way."""

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from promptlathe.engines.engine import Sampling
from promptlathe.engines.openvino_pipeline import Pipeline
from promptlathe.engines.openvino_saved import SavedModel
from promptlathe.errors import ModelError, UnsupportedModelError
from promptlathe.messages import Message
from promptlathe.models.reference import Model

pytestmark = pytest.mark.model

# From a forward pass in NumPy (float32) over the published Q4_1 weights, dequantised by the `gguf` package. OpenVINO's
# own reading of them says token 2068 first, by -1.17.
QUESTION, FIRST_TOKEN, LOG_PROBABILITY = "Which is larger, 13.11 or 13.8?", 33, -1.037


@pytest.fixture
def own_copy(embedded_model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    """A user's own file, nothing saved of it yet."""
    monkeypatch.setenv("LATHE_HOME", str(tmp_path / "home"))
    return replace(embedded_model, source="local")


def first_token(model: Model) -> tuple[int, float]:
    pipeline = Pipeline(model, window=2, kv_cache_gb=1)
    config = pipeline.config(Sampling(max_tokens=1))
    config.logprobs = 1
    token_ids = pipeline.encode(pipeline.prompt([Message("user", QUESTION)]))
    handle = pipeline.add(np.asarray(token_ids), config)
    while not handle.can_read():
        pipeline.step()
    (output,) = handle.read().values()
    return output.generated_ids[0], output.generated_log_probs[0]


def test_the_next_token_is_as_likely_as_the_published_weights_say(own_copy: Model, tmp_path: Path) -> None:
    expected = (FIRST_TOKEN, pytest.approx(LOG_PROBABILITY, abs=0.1))
    assert first_token(own_copy) == expected
    (saved,) = (tmp_path / "home/models/.openvino").iterdir()
    assert sorted(path.suffix for path in saved.iterdir() if path.suffix == ".gguf") == []
    written = (saved / "openvino_model.bin").stat().st_mtime_ns
    assert first_token(own_copy) == expected
    assert (saved / "openvino_model.bin").stat().st_mtime_ns == written


def test_no_room_for_the_other_form_is_one_line(own_copy: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1))
    with pytest.raises(ModelError, match="must be written in another form for OpenVINO"):
        first_token(own_copy)
    assert not any(Path(os.environ["LATHE_HOME"]).rglob("*.gguf"))


def test_a_file_that_cannot_be_written_anew_leaves_nothing(own_copy: Model, tmp_path: Path) -> None:
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(own_copy.path.read_bytes()[:-64])
    saved = SavedModel.of(replace(own_copy, path=cut), frozenset({3}))
    assert saved
    with pytest.raises(UnsupportedModelError, match="cannot be read"), saved.being_made():
        pass
    assert list(saved.folder.parent.iterdir()) == []
