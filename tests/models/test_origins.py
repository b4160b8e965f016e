"""How a user may write down a repository on a hub."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlathe.errors import UsageError
from promptlathe.models.origins import HubRepository, read_origin

QWEN = "Qwen/Qwen3-0.6B-GGUF"
FILE = "Qwen3-0.6B-Q8_0.gguf"


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        (f"hf:{QWEN}", HubRepository("hf", QWEN)),
        (f"huggingface:{QWEN}", HubRepository("hf", QWEN)),
        (f"ms:{QWEN}", HubRepository("modelscope", QWEN)),
        (f"hf:{QWEN}@v1.0", HubRepository("hf", QWEN, "v1.0")),
        (f"hf:{QWEN}@main", HubRepository("hf", QWEN)),
        (f"hf:{QWEN}/{FILE}", HubRepository("hf", QWEN, file=FILE)),
        (f"hf:{QWEN}@v1/part/{FILE}", HubRepository("hf", QWEN, "v1", f"part/{FILE}")),
        (f"modelscope:{QWEN}@master:q8_0", HubRepository("modelscope", QWEN, quantization="Q8_0")),
        (f"https://huggingface.co/{QWEN}/", HubRepository("hf", QWEN)),
        (f"https://hf.co/{QWEN}/tree/v1", HubRepository("hf", QWEN, "v1")),
        (f"http://hf-mirror.com/{QWEN}/blob/main/{FILE}", HubRepository("hf", QWEN, file=FILE)),
        (f"https://huggingface.co/{QWEN}/blob/main/README.md", None),
        (f"https://www.modelscope.cn/models/{QWEN}", HubRepository("modelscope", QWEN)),
        (
            f"https://modelscope.cn/models/{QWEN}/file/view/v1/{FILE}",
            HubRepository("modelscope", QWEN, "v1", FILE),
        ),
    ],
)
def test_references(reference: str, expected: HubRepository | None) -> None:
    if expected is None:
        with pytest.raises(UsageError):
            read_origin(reference)
    else:
        assert read_origin(reference) == expected


@pytest.mark.parametrize("reference", ["qwen3-0.6b", QWEN, "./models/x", "C:\\models\\x.gguf", "", "~/x"])
def test_what_is_no_reference(reference: str) -> None:
    assert read_origin(reference) is None


def test_plain_repository_where_a_hub_is_said() -> None:
    assert read_origin(f"{QWEN}:Q8_0", hub="modelscope") == HubRepository(
        "modelscope", QWEN, quantization="Q8_0"
    )
    for path in ("./x", "../org/x", "/org/x", "org", "org/repo/x", "~/x"):
        assert read_origin(path, hub="hf") is None


NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}", fullmatch=True)


@given(
    hub=st.sampled_from(["hf", "modelscope"]),
    owner=NAMES,
    name=NAMES,
    revision=st.none() | NAMES.filter(lambda name: name not in {"main", "master"}),
    file=st.none() | NAMES.map(lambda name: f"{name}.gguf"),
    quantization=st.none() | st.from_regex(r"[A-Z0-9_]{1,8}", fullmatch=True),
)
def test_what_is_written_is_read_back(
    hub: str, owner: str, name: str, revision: str | None, file: str | None, quantization: str | None
) -> None:
    origin = HubRepository(hub, f"{owner}/{name}", revision, file, quantization)  # type: ignore[arg-type]
    assert read_origin(str(origin)) == origin


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    for reference in (text, f"hf:{text}", f"https://huggingface.co/{text}", f"https://{text}"):
        with contextlib.suppress(UsageError):
            origin = read_origin(reference, hub="hf")
            assert origin is None or re.fullmatch(r"[\w.-]+/[\w.-]+", origin.repository)
