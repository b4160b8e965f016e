import hashlib

import pytest

from promptlathe.errors import UnknownNameError
from promptlathe.prompts import library_names, library_prompt


def test_names() -> None:
    assert {"decimal-expert", "decimal-expert-en", "math-teacher", "math-teacher-en"} <= set(library_names())


@pytest.mark.parametrize(
    ("name", "sha256"),
    [
        ("math-teacher", "833f21df318ddb4d2185378882ab3382beb6ceeb3c9d10a3afcca8726c8d7c3a"),
        ("decimal-expert", "56d652db877451bd4895afa948468e5df52f4559f55a1e68a3206e89ea1671a2"),
    ],
)
def test_the_two_seed_prompts_are_exactly_the_text_they_were_published_as(name: str, sha256: str) -> None:
    assert hashlib.sha256(library_prompt(name).document.text.encode()).hexdigest() == sha256


@pytest.mark.parametrize("name", library_names())
def test_every_library_prompt_has_a_version_a_description_and_a_role(name: str) -> None:
    prompt = library_prompt(name)
    assert prompt.name == name
    assert prompt.version
    assert prompt.description
    assert prompt.document.section("Role")


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError) as caught:
        library_prompt("decimal-exprt")
    assert caught.value.hint == "did you mean 'decimal-expert'?"
