"""`lathe models pull` from a hub that misbehaves, as a user types it: all of the model arrives, or nothing."""

import hashlib
import itertools
import json
import os
import signal
import struct
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from promptlathe.models import partial_file, transfer
from promptlathe.models.reference import ensure, resolve
from promptlathe.models.store import Store
from tests.cli.conftest import Lathe
from tests.hub.server import COMMIT, HubServer, Request

MakeGguf = Callable[..., bytes]
BLOCK = 1 << 16
TINY, SAFE = "org/Tiny-GGUF", "org/tiny"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    """An empty hub that both hubs' variables point to, small blocks and no patience."""
    for name in [name for name in os.environ if name.startswith(("HF_", "MODELSCOPE_", "HUGGING"))]:
        monkeypatch.delenv(name)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    server = HubServer()
    monkeypatch.setenv("HF_ENDPOINT", server.url + "/")
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", server.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("LATHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(partial_file, "BLOCK_BYTES", BLOCK)
    monkeypatch.setattr(partial_file, "PIECE_BLOCKS", 2)
    monkeypatch.setattr(transfer, "BACKOFF_S", 0.001)
    yield server
    server.close()


@pytest.fixture
def lathe(lathe_anywhere: Lathe) -> Lathe:
    return lambda *arguments: lathe_anywhere("models", *arguments)


@pytest.fixture
def tiny(hub: HubServer, make_gguf: MakeGguf) -> bytes:
    """A GGUF of 16 blocks in `org/Tiny-GGUF`, in three quantisations and with what does not belong to a model."""
    data = make_gguf(weights=os.urandom(16 * BLOCK))
    hub.add(
        TINY,
        {
            "README.md": b"# Tiny",
            "tiny-f16.gguf": b"too large",
            "tiny-q8_0.gguf": make_gguf(file_type=7),
            "tiny-q4_k_m.gguf": data,
            "mmproj-tiny-q4_k_m.gguf": b"eyes",
        },
    )
    return data


def safetensors(size: int = 1000) -> bytes:
    header = json.dumps({"a": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    return struct.pack("<Q", len(header)) + header + os.urandom(size)


@pytest.fixture
def safe(hub: HubServer) -> dict[str, bytes]:
    """InternLM's kind of repository: two parts of weights twice, remote code, and much that is not needed."""
    files = {
        ".gitattributes": b"x",
        "README.md": b"# tiny",
        "LICENSE": b"Apache",
        "config.json": b'{"model_type": "internlm2", "max_position_embeddings": 32768}',
        "model-00001-of-00002.safetensors": safetensors(),
        "model-00002-of-00002.safetensors": safetensors(),
        "model.safetensors.index.json": json.dumps(
            {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
        ).encode(),
        "consolidated.safetensors": safetensors(),
        "pytorch_model.bin": b"pickle",
        "modeling_internlm2.py": b"print('ran')",
        "tokenizer.model": b"tokens",
        "onnx/model.onnx": b"onnx",
        "tf_model.h5": b"h5",
    }
    hub.add(SAFE, files, license="other")
    return files


def asked_bytes(requests: list[Request]) -> int:
    return sum(last + 1 - first for first, last in (request.span for request in requests))


def store_names() -> list[str]:
    """What lies in the store besides locks and the digest cache."""
    return sorted(
        path.name
        for path in Store.default().folder.glob("*")
        if not path.name.endswith(".lock") and path.name != "digests.json"
    )


def test_pull_takes_one_quantisation_and_says_so(lathe: Lathe, hub: HubServer, tiny: bytes) -> None:
    code, out, err = lathe("pull", f"hf:{TINY}")
    path = Store.default().folder / "org.tiny-q4_k_m/tiny-q4_k_m.gguf"
    assert (code, path.read_bytes() == tiny) == (0, True)
    assert out == f"pulled org.tiny-q4_k_m (1.0 MB) to {path}\nlicense: apache-2.0\n"
    assert err.splitlines()[:3] == ["connecting", "downloading the model", "checking the digests"]
    assert "took tiny-q4_k_m.gguf of 3 GGUF files; --quantization takes another" in err
    assert store_names() == ["org.tiny-q4_k_m"]
    assert {request.path.rpartition("/")[2] for request in hub.fetched()} == {"tiny-q4_k_m.gguf"}
    manifest = Store.default().manifest("org.tiny-q4_k_m")
    assert manifest
    assert (manifest.origin, manifest.license) == (f"hf:{TINY}", "apache-2.0")
    assert manifest.source == f"hf:{TINY}@{COMMIT}/tiny-q4_k_m.gguf"
    assert manifest.sha256 == hashlib.sha256(tiny).hexdigest()


def test_pulled_model_is_had_by_name_and_by_reference_without_asking(
    lathe: Lathe, hub: HubServer, tiny: bytes
) -> None:
    lathe("pull", TINY)
    asked = len(hub.requests)
    assert lathe("pull", TINY)[1].startswith("org.tiny-q4_k_m is already here")
    assert lathe("pull", "org.tiny-q4_k_m")[0] == 0
    by_name = resolve("org.tiny-q4_k_m")
    assert by_name == resolve(f"hf:{TINY}") == ensure(f"https://huggingface.co/{TINY}")
    assert by_name.format == "gguf"
    assert len(hub.requests) == asked
    row = next(row for row in json.loads(lathe("list", "--json")[1]) if row["name"] == by_name.name)
    assert (row["path"], row["license"]) == (str(by_name.path), "apache-2.0")
    assert json.loads(lathe("show", f"hf:{TINY}", "--json")[1])["digest"] == by_name.digest
    assert lathe("rm", "-y", by_name.name)[0] == 0
    assert store_names() == []


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((f"hf:{TINY}:q8_0",), "org.tiny-q8_0"),
        ((TINY, "-q", "Q8_0"), "org.tiny-q8_0"),
        ((f"hf:{TINY}@v1/tiny-q8_0.gguf",), "org.tiny-q8_0"),
        ((TINY, "--file", "tiny-q8_0.gguf", "--name", "mine"), "mine"),
        ((f"https://huggingface.co/{TINY}/blob/main/tiny-q8_0.gguf",), "org.tiny-q8_0"),
        ((f"https://hf-mirror.com/{TINY}/resolve/v1/tiny-q8_0.gguf?download=true",), "org.tiny-q8_0"),
        ((f"https://modelscope.cn/models/{TINY}/resolve/master/tiny-q8_0.gguf",), "org.tiny-q8_0"),
        ((f"modelscope:{TINY}:Q8_0",), "org.tiny-q8_0"),
        ((TINY, "--source", "modelscope", "-q", "Q8_0"), "org.tiny-q8_0"),
    ],
)
def test_ways_to_write_it(lathe: Lathe, tiny: bytes, arguments: tuple[str, ...], name: str) -> None:
    code, out, _ = lathe("pull", *arguments, "--json")
    assert code == 0
    assert (json.loads(out)["name"], json.loads(out)["quantization"]) == (name, "Q8_0")
    assert store_names() == [name]


def test_safetensors_brings_weights_tokenizer_and_configuration_once(
    lathe: Lathe, safe: dict[str, bytes]
) -> None:
    code, out, err = lathe("pull", SAFE, "--json")
    model = json.loads(out)
    assert (code, model["name"], model["format"]) == (0, "org.tiny", "safetensors")
    assert (model["architecture"], model["context_length"]) == ("internlm2", 32768)
    folder = Path(model["path"])
    assert sorted(path.name for path in folder.iterdir()) == [
        "LICENSE",
        "config.json",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
        "tokenizer.model",
    ]
    assert all(path.read_bytes() == safe[path.name] for path in folder.iterdir())
    assert "left out the repository's own Python code (modeling_internlm2.py)" in err
    assert model["notes"][0].endswith("--trust-remote-code takes it")
    assert resolve(str(folder)).digest == model["digest"]


def test_code_is_added_to_what_is_here(lathe: Lathe, hub: HubServer, safe: dict[str, bytes]) -> None:
    lathe("pull", SAFE)
    before = len(hub.fetched())
    code, _, err = lathe("pull", SAFE, "--trust-remote-code")
    assert code == 0
    assert "whoever loads the model runs it" in err
    assert (resolve("org.tiny").path / "modeling_internlm2.py").read_bytes() == safe["modeling_internlm2.py"]
    assert len(hub.fetched()) == before
    assert lathe("pull", SAFE, "--trust-remote-code")[1].startswith("org.tiny is already here")
    assert lathe("pull", SAFE)[1].startswith("org.tiny is already here")


def test_catalogue_name_from_either_hub(
    lathe: Lathe, hub: HubServer, make_gguf: MakeGguf, tmp_path: Path
) -> None:
    hub.add("Qwen/Qwen3-0.6B-GGUF", {"Qwen3-0.6B-Q8_0.gguf": make_gguf("qwen3", 7)})
    assert lathe("pull", "qwen3-0.6b")[0] == 0
    assert resolve("qwen3-0.6b").architecture == "qwen3"
    assert ensure("qwen3-0.6b").source.startswith("hf:Qwen/Qwen3-0.6B-GGUF@")
    lathe("rm", "-y", "qwen3-0.6b")
    assert lathe("pull", "qwen3-0.6b", "--source", "modelscope")[0] == 0
    source = "modelscope:Qwen/Qwen3-0.6B-GGUF/Qwen3-0.6B-Q8_0.gguf"
    asked = len(hub.requests)
    assert ensure("qwen3-0.6b").source == resolve("qwen3-0.6b").source == source
    assert lathe("pull", "qwen3-0.6b")[1].startswith("qwen3-0.6b is already here")
    assert len(hub.requests) == asked
    resolve("qwen3-0.6b").path.write_bytes(b"GGUF, damaged")
    assert ensure("qwen3-0.6b").source.startswith("hf:")


def test_name_of_a_file_becomes_a_name_of_the_store(
    lathe: Lathe, hub: HubServer, make_gguf: MakeGguf
) -> None:
    hub.add("org/odd", {"A model@2 (v1).gguf": make_gguf()})
    assert json.loads(lathe("pull", "org/odd", "--json")[1])["name"] == "org.a-model-2-v1-"


def test_folder_here_goes_before_a_repository(
    lathe: Lathe, hub: HubServer, tiny: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / TINY / "x.gguf"
    path.parent.mkdir(parents=True)
    path.write_bytes(tiny)
    monkeypatch.chdir(tmp_path)
    assert "give that: " in lathe("pull", TINY)[2]
    assert lathe("pull", f"{TINY}/x.gguf")[1].startswith("x is already here")
    assert hub.requests == []
    assert lathe("pull", TINY, "--source", "hf")[0] == 0


def test_openvino_repository(lathe: Lathe, hub: HubServer) -> None:
    parts = ("model", "tokenizer", "detokenizer")
    files = {f"openvino_{part}.{kind}": b"<net/>" for part in parts for kind in ("xml", "bin")}
    hub.add("org/tiny-ov", files | {"config.json": b'{"model_type": "qwen3"}', "README.md": b""})
    model = json.loads(lathe("pull", "org/tiny-ov", "--json")[1])
    assert (model["format"], model["architecture"]) == ("openvino", "qwen3")
    assert len(list(Path(model["path"]).iterdir())) == 7


@pytest.mark.parametrize("token_place", ["HF_TOKEN", "file"])
def test_token_goes_to_the_hub_and_not_to_its_storage(
    lathe: Lathe,
    hub: HubServer,
    tiny: bytes,
    token_place: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    hub.repositories[TINY].is_gated = True
    code, _, err = lathe("pull", TINY)
    assert (code, "is gated: its terms must be accepted" in err, "HF_TOKEN" in err) == (1, True, True)
    if token_place == "file":  # noqa: S105
        (tmp_path / "hf").mkdir()
        (tmp_path / "hf/token").write_text("accepted\n")
    else:
        monkeypatch.setenv("HF_TOKEN", "good")
        assert "is gated: its terms" in lathe("pull", TINY)[2]
        monkeypatch.setenv("HF_TOKEN", "accepted")
    assert lathe("pull", TINY)[0] == 0
    sent = {request.server: request.headers.get("Authorization") for request in hub.requests}
    assert sent == {"hub": "Bearer accepted", "storage": None}


def test_modelscope_token(lathe: Lathe, hub: HubServer, tiny: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELSCOPE_API_TOKEN", "good")
    assert lathe("pull", f"modelscope:{TINY}")[0] == 0
    sent = {request.server: request.headers.get("Cookie") for request in hub.requests}
    assert sent == {"hub": "m_session_id=good", "storage": None}


def test_parts_come_in_parallel_and_each_byte_once(lathe: Lathe, hub: HubServer, tiny: bytes) -> None:
    lathe("pull", TINY)
    spans = sorted(one.span for one in hub.fetched())
    assert len(spans) == -(-len(tiny) // (2 * BLOCK))
    assert spans[0][0] == 0
    assert spans[-1][1] == len(tiny) - 1
    assert all(first[1] + 1 == second[0] for first, second in itertools.pairwise(spans))


def test_busy_hub_is_asked_again(lathe: Lathe, hub: HubServer, tiny: bytes) -> None:
    hub.faults.listing_statuses = [503, 429]
    assert lathe("pull", TINY)[0] == 0


def test_modelscope_lists_files_bare_or_wrapped(lathe: Lathe, hub: HubServer, tiny: bytes) -> None:
    file = {"Path": "tiny-q4_k_m.gguf", "Size": len(tiny), "Sha256": hashlib.sha256(tiny).hexdigest()}
    hub.faults.listing_body = json.dumps({"Code": 200, "Data": [file]}).encode()
    assert lathe("pull", f"modelscope:{TINY}")[0] == 0
    assert resolve("org.tiny-q4_k_m").path.read_bytes() == tiny


def test_what_a_broken_off_pull_left_is_removable(lathe: Lathe, hub: HubServer, tiny: bytes) -> None:
    hub.faults.statuses = [404] * 9
    assert lathe("pull", TINY)[0] == 1
    assert len(Store.default().stale_parts()) == 1
    assert lathe("rm", "-y", "org.tiny-q4_k_m") == (0, "removed org.tiny-q4_k_m\n", "")
    assert store_names() == []


@pytest.mark.parametrize(
    "faults",
    [
        {"cuts": 40},
        {"statuses": [503, 429, 500, 502]},
        {"statuses": [429], "retry_after": "0"},
        {"statuses": [429], "retry_after": "Wed, 21 Oct 2015 07:28:00 GMT"},
        {"ignores_ranges": True},
        {"ignores_ranges": True, "cuts": 4},
    ],
)
def test_faults_that_pass(lathe: Lathe, hub: HubServer, tiny: bytes, faults: dict[str, object]) -> None:
    for name, value in faults.items():
        setattr(hub.faults, name, value)
    assert lathe("pull", TINY)[0] == 0
    assert resolve(f"hf:{TINY}").path.read_bytes() == tiny


LOST = {"statuses": [503] * 99}
FAILURES: list[tuple[str, dict[str, object], str, str]] = [
    ("hf:org/none", {}, "no repository org/none on 127.0.0.1, or it is private", "set HF_TOKEN"),
    ("modelscope:org/none", {}, "no repository org/none on 127.0.0.1", "set MODELSCOPE_API_TOKEN"),
    (f"hf:{TINY}@v9", {}, "has not revision v9", "look at its page"),
    (
        f"hf:{TINY}",
        {"listing_statuses": [403] * 9},
        "does not let this account have org/Tiny-GGUF",
        "HF_TOKEN",
    ),
    (f"hf:{TINY}", {"listing_statuses": [429] * 9}, "too many requests from here (429)", "wait some minutes"),
    (
        f"hf:{TINY}",
        {"listing_statuses": [503] * 9},
        "answered 503 for revision main",
        "https://hf-mirror.com",
    ),
    (f"modelscope:{TINY}", {"listing_statuses": [500] * 9}, "answered 500", "hf:ORG/REPO"),
    (f"hf:{TINY}", {"listing_body": b"<html>Log in</html>"}, "did not answer like a model hub", "login"),
    (f"hf:{TINY}", {"listing_body": b'{"sha": "../.."}'}, "did not answer like a model hub", "login"),
    (f"modelscope:{TINY}", {"listing_body": b'{"Data": null}'}, "did not answer like a model hub", "hf:"),
    (f"hf:{TINY}", LOST, "answered 503 for the file tiny-q4_k_m.gguf", "mirror"),
    (f"hf:{TINY}", {"statuses": [404]}, "127.0.0.1 answered 404 for the file tiny-q4_k_m.gguf", "mirror"),
    (f"hf:{TINY}", {"statuses": [403] * 9}, "does not let this account have org/Tiny-GGUF", "HF_TOKEN"),
    (f"hf:{TINY}", {"lost_bytes": 15 * BLOCK}, "changed on the server while it was fetched", "pull again"),
    (f"hf:{TINY}", {"cuts": 999}, "the connection to 127.0.0.1 broke, again and again", "where it stopped"),
    (f"hf:{TINY}", {"wrong_bytes": True}, "is not the pinned file (SHA-256 ", "pull again"),
    (f"hf:{TINY}", {"lost_bytes": 1}, "changed on the server while it was fetched", "pull again"),
    (f"hf:{TINY}", {"lost_bytes": 1, "ignores_ranges": True}, "changed on the server", "pull again"),
]


@pytest.mark.parametrize(("reference", "faults", "said", "hint"), FAILURES)
def test_failures_are_one_line_and_a_hint_and_the_next_pull_has_it(
    lathe: Lathe, hub: HubServer, tiny: bytes, reference: str, faults: dict[str, object], said: str, hint: str
) -> None:
    for name, value in faults.items():
        setattr(hub.faults, name, value)
    code, out, err = lathe("pull", reference, "--json")
    assert (code, out, Store.default().names()) == (1, "", [])
    *_, first, second = err.splitlines()
    assert first.startswith("error: ")
    assert said in first
    assert second.startswith(" hint: ")
    assert hint in second
    hub.faults = type(hub.faults)()
    if "none" not in reference and "@v9" not in reference:
        assert lathe("pull", reference)[0] == 0
        assert resolve(reference).path.read_bytes() == tiny
        assert store_names() == ["org.tiny-q4_k_m"]


REFUSED: list[tuple[tuple[str, ...], int, str, str]] = [
    (("hf:only-a-name",), 2, "cannot read the model reference", "hf:ORG/REPO"),
    (
        ("https://example.com/org/repo",),
        2,
        "'example.com' is not a model hub that lathe knows",
        "HF_ENDPOINT",
    ),
    (("https://huggingface.co/docs",), 2, "is not the page of a model", "hf:ORG/REPO"),
    ((TINY, "-q", "Q2_K"), 2, "no quantisation of org/Tiny-GGUF named 'Q2_K'", "Q8_0"),
    ((TINY, "--file", "tiny-q8.gguf"), 2, "no file of org/Tiny-GGUF named", "tiny-q8_0.gguf"),
    ((TINY, "--file", "model.bin"), 2, "model.bin is no .gguf file", "GGUF"),
    ((TINY, "--file", "a.gguf", "-q", "Q8_0"), 2, "both choose the file", "one of them"),
    ((f"hf:{TINY}:Q8_0", "-q", "Q4_0"), 2, "already says which file it is", "leave"),
    ((TINY, "--name", "qwen3-0.6b"), 2, "is a name of the catalogue", "another"),
    ((TINY, "--name", "../x"), 2, "cannot be named '../x'", "letters"),
    (("qwen3-0.6b", "-q", "Q4_0"), 2, "the catalogue says which file 'qwen3-0.6b' is", "hf:ORG/REPO"),
    (("smollm2-360m-instruct", "--source", "modelscope"), 2, "knows no repository of", "modelscope:ORG/REPO"),
    ((SAFE, "-q", "Q4_0"), 2, "holds no GGUF file", f"hf:{SAFE}"),
    (("./nothing.gguf", "-q", "Q4_0"), 2, "'./nothing.gguf' is here or nowhere", "hf:ORG/REPO"),
    (("x" * 5000,), 1, "cannot read model", "path"),
    (("org/pickled",), 1, "has its weights only as pickles (pytorch_model.bin)", "safetensors or GGUF"),
    (("org/split",), 1, "are split into parts", "llama-gguf-split --merge"),
    (("org/split", "--file", "a-00001-of-00002.gguf"), 1, "is one part of a split model", "merge"),
    (("org/empty",), 1, "holds no model that lathe can take", "another repository"),
    (("org/nameless",), 2, "holds 2 GGUF files and their names do not say", "hf:org/nameless/one.gguf"),
    (("org/evil",), 1, "lists a file called '..\\\\evil.gguf'", "no name"),
    (("org/adapter",), 1, "has weights (adapter_model.safetensors) but no config.json", "adapter"),
]


@pytest.mark.parametrize(("arguments", "code", "said", "hint"), REFUSED)
def test_what_is_refused_is_refused_before_a_byte_is_fetched(
    lathe: Lathe, hub: HubServer, tiny: bytes, safe: dict[str, bytes],
    arguments: tuple[str, ...], code: int, said: str, hint: str,
) -> None:  # fmt: skip
    hub.add("org/pickled", {"pytorch_model.bin": b"x", "config.json": b"{}"})
    hub.add("org/split", {"a-00001-of-00002.gguf": b"x", "a-00002-of-00002.gguf": b"x"})
    hub.add("org/empty", {"README.md": b"x"})
    hub.add("org/nameless", {"one.gguf": b"x", "two.gguf": b"x"})
    hub.add("org/evil", {"..\\evil.gguf": b"x"})
    hub.add("org/adapter", {"adapter_model.safetensors": b"x", "adapter_config.json": b"{}"})
    got, out, err = lathe("pull", *arguments)
    *_, first, second = err.splitlines()
    assert (got, out) == (code, "")
    assert said in first
    assert hint in second
    assert hub.fetched() == []
    assert store_names() == []


@pytest.mark.parametrize(
    ("variables", "said", "hint"),
    [
        ({"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE is set", "unset"),
        ({"TRANSFORMERS_OFFLINE": "yes"}, "TRANSFORMERS_OFFLINE is set", "unset"),
        ({"HF_ENDPOINT": "hf-mirror.com"}, "HF_ENDPOINT is 'hf-mirror.com', which is no address", "https://"),
        ({"HF_ENDPOINT": "http://127.0.0.1:9"}, "cannot reach 127.0.0.1: is this machine offline?", "modelscope:"),
        ({"HF_TOKEN": "bad"}, "127.0.0.1 does not accept the token", "HF_TOKEN"),
        ({"HF_TOKEN": "good", "HF_ENDPOINT": "http://hub.example"}, "in clear", "https"),
    ],
)  # fmt: skip
def test_environment(
    lathe: Lathe,
    tiny: bytes,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    said: str,
    hint: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    code, _, err = lathe("pull", TINY)
    *_, first, second = err.splitlines()
    assert code == 1
    assert said in first
    assert hint in second
    assert "bad" not in err
    assert "good" not in err


def test_the_name_of_another_model_is_not_taken(
    lathe: Lathe, hub: HubServer, tiny: bytes, make_gguf: MakeGguf
) -> None:
    lathe("pull", TINY, "--name", "mine")
    hub.add("other/repo", {"tiny.gguf": make_gguf()})
    code, _, err = lathe("pull", "other/repo", "--name", "mine")
    assert code == 2
    assert f"the name 'mine' is taken by a model from hf:{TINY}" in err
    assert resolve("mine").path.read_bytes() == tiny


def test_no_room_is_said_before_a_byte_is_fetched(hub: HubServer, tiny: bytes) -> None:
    from promptlathe.errors import DownloadError

    store = Store(Store.default().folder, free_bytes=lambda _: 1000)
    with pytest.raises(DownloadError, match=r"not enough room in .*: 1\.0 MB needed, 0\.0 MB free"):
        ensure(f"hf:{TINY}", store=store)
    assert hub.fetched() == []


def test_pull_goes_on_where_a_cut_left_it(lathe: Lathe, hub: HubServer, tiny: bytes) -> None:
    hub.faults.statuses = [200, 200, 200] + [404] * 9
    assert lathe("pull", TINY)[0] == 1
    (partial,) = (name for name in store_names() if name.endswith(".partial"))
    assert partial.startswith(".org.tiny-q4_k_m@")
    hub.faults.statuses = []
    before = len(hub.fetched())
    assert lathe("pull", TINY)[0] == 0
    assert resolve(f"hf:{TINY}").path.read_bytes() == tiny
    assert asked_bytes(hub.fetched()[before:]) <= len(tiny) - BLOCK


def test_what_changed_upstream_since_is_begun_anew(
    lathe: Lathe, hub: HubServer, tiny: bytes, make_gguf: MakeGguf
) -> None:
    hub.faults.statuses = [200, 200, 200] + [404] * 9
    assert lathe("pull", TINY)[0] == 1
    hub.faults.statuses = []
    new = make_gguf(weights=os.urandom(16 * BLOCK))
    hub.add(TINY, {"tiny-q4_k_m.gguf": new}, commit="d" * 40)
    assert lathe("pull", TINY)[0] == 0
    assert resolve(f"hf:{TINY}").path.read_bytes() == new
    assert store_names() == ["org.tiny-q4_k_m"]


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("signal_name", ["SIGKILL", "SIGINT"])
def test_killed_pull_goes_on_where_it_was(hub: HubServer, tiny: bytes, signal_name: str) -> None:
    hub.may_go_on.clear()
    with start_pull() as pull:
        wait_until(lambda: any(Store.default().folder.glob(".org.tiny*/*/*.blocks")))
        pull.send_signal(getattr(signal, signal_name))
        assert pull.wait(20) == (130 if signal_name == "SIGINT" else -9)
        assert pull.stderr
        assert b"Traceback" not in pull.stderr.read()
    assert Store.default().names() == []
    hub.may_go_on.set()
    before = len(hub.fetched())
    assert ensure(f"hf:{TINY}").path.read_bytes() == tiny
    assert asked_bytes(hub.fetched()[before:]) <= len(tiny) - BLOCK
    assert store_names() == ["org.tiny-q4_k_m"]


def test_two_pulls_at_once_fetch_once(hub: HubServer, tiny: bytes) -> None:
    hub.may_go_on.clear()
    stages: list[str] = []
    models = []

    def pull_second() -> None:
        models.append(ensure(f"hf:{TINY}", on_progress=lambda progress: stages.append(progress.stage)))

    second = threading.Thread(target=pull_second, daemon=True)
    with start_pull() as first:
        assert hub.is_half_sent.wait(30)
        second.start()
        wait_until(lambda: "waiting" in stages)
        hub.may_go_on.set()
        second.join(30)
        assert first.wait(30) == 0
    assert models[0].path.read_bytes() == tiny
    assert len(hub.fetched()) == -(-len(tiny) // (2 * BLOCK))


@pytest.mark.skipif(os.name == "nt", reason="POSIX limits")
def test_disk_full(hub: HubServer, tiny: bytes) -> None:
    with start_pull("import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))") as pull:
        out, err = pull.communicate(timeout=30)
    assert (pull.returncode, out) == (1, b"")
    assert b"error: the disk (or a quota) was full while writing to" in err
    assert b"Traceback" not in err
    assert store_names() == []


def start_pull(before: str = "") -> "subprocess.Popen[bytes]":
    """`lathe models pull` as a process of its own, with the small blocks of these tests."""
    script = f"""
        import sys
        from promptlathe.cli.main import main
        from promptlathe.models import partial_file
        partial_file.BLOCK_BYTES, partial_file.PIECE_BLOCKS = {BLOCK}, 2
        {before}
        sys.argv = ["lathe", "models", "pull", "hf:{TINY}"]
        main()
    """
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def wait_until(is_so: Callable[[], bool]) -> None:
    never = threading.Event()
    for _ in range(1200):
        if is_so():
            return
        never.wait(0.025)
    pytest.fail("waited in vain")
