"""`lathe serve`: what is wrong with its flags is said before anything is loaded."""

import socket
from pathlib import Path

import pytest

from tests.cli.conftest import Lathe

EVERYWHERE = "0.0.0.0"  # noqa: S104 - refused


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LATHE_API_KEY", raising=False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--host", EVERYWHERE), "needs a key hint: add --api-key KEY, or set LATHE_API_KEY"),
        (("--host", "192.168.0.5"), "on 192.168.0.5 others could use the model"),
        (("--engine", "vllm"), "no engine named 'vllm'"),
        (("--api-key", "two words"), "a key is empty, or has spaces"),
        (("--api-key", ""), "a key is empty"),
        (("--api-key", "密钥"), "other than ASCII"),
        (("--api-key-file", "missing"), "cannot read the key file missing: No such file"),
        (("--api-key-file", "empty"), "the key file empty is empty"),
        (("--allow-origin", "chat.example.org"), "'chat.example.org' is not an origin"),
        (("--allow-origin", "https://chat.example.org/page"), "is not an origin"),
        (("--host", "nowhere.invalid", "--api-key", "k"), "there is no address nowhere.invalid"),
    ],
)
def test_a_flag_that_is_wrong(lathe_here: Lathe, folder: Path, arguments: tuple[str, ...], said: str) -> None:
    (folder / "empty").touch()
    code, out, err = lathe_here("serve", "tiny.gguf", *arguments)
    assert (code, out) == (2, "")
    assert said in " ".join(err.split())


def test_the_key_itself_is_not_shown(lathe_here: Lathe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATHE_API_KEY", "sécret")
    _, _, err = lathe_here("serve", "tiny.gguf")
    assert "other than ASCII" in err
    assert "cret" not in err


def test_a_port_that_is_taken(lathe_here: Lathe) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, _, err = lathe_here("serve", "tiny.gguf", "--port", str(port))
    assert code == 2
    assert f"cannot listen on 127.0.0.1:{port}: another program does" in " ".join(err.split())


def test_a_model_that_the_engine_cannot_load(lathe_here: Lathe) -> None:
    code, out, err = lathe_here("serve", "tiny.gguf", "--port", "0")
    assert (code, out) == (1, "")
    assert "OpenVINO cannot load" in err
    assert "Traceback" not in err
