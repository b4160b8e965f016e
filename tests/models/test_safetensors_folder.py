"""A folder of safetensors weights, read without trusting it."""

import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from promptlathe.engines.choose import open_engine
from promptlathe.errors import UnsupportedModelError
from promptlathe.models.reference import resolve
from promptlathe.models.store import Store

HEADER = {"__metadata__": {"format": "pt"}, "a": {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]}}
CONFIG = {"model_type": "internlm2", "max_position_embeddings": 32768, "rope_scaling": None}


def weights(header: object = HEADER, body: bytes = bytes(8), claimed: int | None = None) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text) if claimed is None else claimed) + text + body


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "internlm2-chat-1_8b"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "model.safetensors").write_bytes(weights())
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_what_it_says_of_itself(folder: Path, store: Store) -> None:
    model = resolve(str(folder), store=store)
    assert (model.name, model.format, model.path) == ("internlm2-chat-1_8b", "safetensors", folder)
    assert (model.architecture, model.quantization, model.context_length) == ("internlm2", None, 32768)
    assert model.summary == "a safetensors folder, architecture internlm2, not quantised"
    quantized = CONFIG | {"quantization_config": {"quant_method": "awq", "bits": 4}}
    (folder / "config.json").write_text(json.dumps(quantized))
    assert resolve(str(folder), store=store).quantization == "awq 4"


Damage = Callable[[Path], object]
DAMAGES: list[tuple[Damage, str]] = [
    (lambda folder: (folder / "config.json").unlink(), "is not a model folder: no config.json"),
    (lambda folder: (folder / "config.json").write_text("{"), r"config\.json is damaged \(not JSON"),
    (lambda folder: (folder / "config.json").write_text("{}"), r"config\.json is damaged \(model_type"),
    (lambda folder: (folder / "model.safetensors").write_bytes(b""), "its header goes past its end"),
    (
        lambda folder: (folder / "model.safetensors").write_bytes(weights(claimed=1 << 60)),
        "goes past its end",
    ),
    (lambda folder: (folder / "model.safetensors").write_bytes(weights(body=b"1234567")), "is cut short at"),
    (lambda folder: (folder / "model.safetensors").write_bytes(weights([])), "not as it should be"),
    (lambda folder: (folder / "model.safetensors").write_bytes(weights({"a": {}})), "not as it should be"),
    (lambda folder: (folder / "model.safetensors").write_bytes(weights(claimed=3)), "not as it should be"),
    (
        lambda folder: (folder / "model.safetensors.index.json").write_text(
            '{"weight_map": {"a": "b.safetensors"}}'
        ),
        r"is not whole: no b\.safetensors",
    ),
]


@pytest.mark.parametrize(("damage", "said"), DAMAGES)
def test_damage_is_said(folder: Path, store: Store, damage: Damage, said: str) -> None:
    damage(folder)
    with pytest.raises(UnsupportedModelError, match=said) as caught:
        resolve(str(folder), store=store)
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_openvino_says_that_it_does_not_read_it(folder: Path, store: Store) -> None:
    engine = open_engine(resolve(str(folder), store=store), engine="openvino")
    with pytest.raises(UnsupportedModelError, match="OpenVINO does not read safetensors") as caught:
        engine.tokens("x")
    assert "optimum-cli" in str(caught.value.hint)
