"""From a name or a path to a model, and what is said when there is none."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from promptlathe.errors import LatheError, ModelError, UnknownNameError, UnsupportedModelError, UsageError
from promptlathe.models.digest import DigestCache
from promptlathe.models.reference import ensure, resolve
from promptlathe.models.store import Store

MakeGguf = Callable[..., bytes]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def openvino_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "my-model"
    (folder / ".cache").mkdir(parents=True)
    (folder / ".cache/blob").write_bytes(b"left out")
    for part in ("model", "tokenizer", "detokenizer"):
        (folder / f"openvino_{part}.xml").write_text("<net/>")
        (folder / f"openvino_{part}.bin").write_bytes(b"1234")
    (folder / "config.json").write_text(
        '{"model_type": "internlm2", "max_position_embeddings": 32768, "x": []}'
    )
    (folder / "openvino_config.json").write_text(
        '{"dtype": null, "quantization_config": {"bits": 4, "y": 1}}'
    )
    return folder


def test_gguf_file(tmp_path: Path, store: Store, make_gguf: MakeGguf) -> None:
    path = tmp_path / "我的 model.gguf"
    path.write_bytes(make_gguf())
    model = resolve(str(path), store=store)
    assert (model.name, model.path, model.format, model.source) == ("我的 model", path, "gguf", "local")
    assert (model.architecture, model.quantization, model.context_length) == ("llama", "Q4_1", 2048)
    assert model.size_bytes == path.stat().st_size
    assert model.summary == "a GGUF file, architecture llama, Q4_1"
    assert ensure(str(path), store=store) == model


def test_openvino_folder(openvino_folder: Path, store: Store) -> None:
    model = resolve(str(openvino_folder), store=store)
    assert (model.name, model.path, model.format) == ("my-model", openvino_folder, "openvino")
    assert (model.architecture, model.quantization, model.context_length) == ("internlm2", "int4", 32768)
    assert model.summary == "an OpenVINO folder, architecture internlm2, int4"
    assert model.size_bytes == sum(
        path.stat().st_size for path in openvino_folder.iterdir() if path.is_file()
    )


def test_openvino_folder_that_says_nothing_of_itself(openvino_folder: Path, store: Store) -> None:
    (openvino_folder / "config.json").unlink()
    (openvino_folder / "openvino_config.json").unlink()
    model = resolve(str(openvino_folder), store=store)
    assert (model.architecture, model.quantization, model.context_length) == (None, None, None)
    assert model.summary == "an OpenVINO folder, architecture unknown, not quantised"


def test_folder_digest_depends_on_every_name_and_byte(openvino_folder: Path, store: Store) -> None:
    def digest() -> str:
        return resolve(str(openvino_folder), store=store).digest

    first = digest()
    (openvino_folder / ".cache/other").write_bytes(b"still left out")
    assert digest() == first
    (openvino_folder / "openvino_model.bin").write_bytes(b"1235")
    second = digest()
    (openvino_folder / "merges.txt").write_bytes(b"")
    third = digest()
    (openvino_folder / "merges.txt").rename(openvino_folder / "merges2.txt")
    assert len({first, second, third, digest()}) == 4


@pytest.mark.parametrize(
    ("reference", "kind", "said", "hint"),
    [
        ("smollm2-135m-instruct", ModelError, "is not pulled yet", "lathe models pull smollm2-135m-instruct"),
        ("smollm2-135m-instuct", UnknownNameError, "no model named", "'smollm2-135m-instruct'"),
        ("", UnknownNameError, "no model named ''", "known: internlm2"),
        ("missing.gguf", UsageError, "no file or folder at missing.gguf", "lathe models list"),
        ("models/missing", UsageError, "no file or folder at", "lathe models list"),
        ("C:\\missing", UsageError, "no file or folder at", "lathe models list"),
        ("~nobody-here", UsageError, "no file or folder at ~nobody-here", "lathe models list"),
        ("x" * 5000, ModelError, "cannot read model", "path"),
        ("nul\0byte", UnknownNameError, "no model named", "known: internlm2"),
        ("text.txt", UnsupportedModelError, "text.txt is not a GGUF file", "give a .gguf file"),
        ("empty", UnsupportedModelError, "not an OpenVINO model folder: no openvino_model.xml", "give a"),
        (
            "huggingface",
            UnsupportedModelError,
            "no openvino_model.xml",
            "optimum-cli export openvino",
        ),
        ("ggufs", UnsupportedModelError, "no openvino_model.xml", "a.gguf"),
        ("no-tokenizer", UnsupportedModelError, "no openvino_tokenizer.xml", "give a .gguf file"),
    ],
)
def test_no_such_model(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch,
    reference: str, kind: type[LatheError], said: str, hint: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("hello")
    for file in ("empty/x", "huggingface/config.json", "ggufs/a.gguf", "no-tokenizer/openvino_model.xml",
                 "no-tokenizer/openvino_model.bin"):  # fmt: skip
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text("{}")
    with pytest.raises(kind) as caught:
        resolve(reference, store=store)
    assert said in str(caught.value)
    assert hint in str(caught.value.hint)


@pytest.mark.parametrize("text", ["{", "[]", '{"max_position_embeddings": "many"}'])
def test_damaged_openvino_configuration(openvino_folder: Path, store: Store, text: str) -> None:
    (openvino_folder / "config.json").write_text(text)
    with pytest.raises(UnsupportedModelError, match=r"config\.json is damaged") as caught:
        resolve(str(openvino_folder), store=store)
    assert "\n" not in str(caught.value)


def test_default_store_is_in_lathe_home_or_the_users_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATHE_HOME", str(tmp_path))
    assert Store.default().folder == tmp_path / "models"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LATHE_HOME", "here")
    assert Store.default().folder == tmp_path / "here/models"
    monkeypatch.setenv("LATHE_HOME", "~nobody-here")
    assert Store.default().folder == tmp_path / "~nobody-here/models"
    monkeypatch.setenv("LATHE_HOME", "")
    assert Store.default().folder.parts[-2:] == ("promptlathe", "models")


def test_digest_is_remembered_until_size_or_time_changes(tmp_path: Path) -> None:
    path, cache_file = tmp_path / "file", tmp_path / "store/digests.json"
    cache = DigestCache(cache_file)
    path.write_bytes(b"one")
    first = cache.sha256(path)
    remembered = json.loads(cache_file.read_text())
    remembered[str(path)][2] = "remembered"
    cache_file.write_text(json.dumps(remembered))
    assert cache.sha256(path) == "remembered"
    os.utime(path, ns=(0, 0))
    assert cache.sha256(path) == first
    path.write_bytes(b"three")
    os.utime(path, ns=(0, 0))
    assert cache.sha256(path) != first
    assert [file.name for file in cache_file.parent.iterdir()] == ["digests.json"]


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"x": 1}', b"\xff"])
def test_damaged_digest_cache_is_only_a_cache_miss(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "digests.json").write_bytes(damage)
    (tmp_path / "file").write_bytes(b"")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert DigestCache(tmp_path / "digests.json").sha256(tmp_path / "file") == empty
