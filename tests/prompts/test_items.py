import pytest

from promptlathe.prompts import Item
from promptlathe.prompts.items import read_items

CASES = {
    "empty": ("", ()),
    "a paragraph of two lines": ("a\nb", (Item("", "a\nb", 1),)),
    "nested": (
        "- a\n  1. b\n  2. c\n     d\n- e",
        (Item("-", "a", 1, (Item("1.", "b", 2), Item("2.", "c\nd", 3))), Item("-", "e", 5)),
    ),
    "numbers without a space, beyond three": (
        "1.读\n2、想\n（3）写\n4) 查",
        (Item("1.", "读", 1), Item("2、", "想", 2), Item("（3）", "写", 3), Item("4)", "查", 4)),
    ),
    "a decimal is no number of an item": ("13.8 is larger", (Item("", "13.8 is larger", 1),)),
    "a paragraph after a list": ("- a\n\nb", (Item("-", "a", 1), Item("", "b", 3))),
    "code stays with its item": (
        "- a\n```\n- x\n```\n- b",
        (Item("-", "a\n```\n- x\n```", 1), Item("-", "b", 5)),
    ),
}


@pytest.mark.parametrize(("body", "items"), CASES.values(), ids=CASES)
def test_items(body: str, items: tuple[Item, ...]) -> None:
    assert read_items(body) == items


def test_very_deep_lists_do_not_exhaust_the_stack() -> None:
    items = read_items("\n".join(" " * depth + "- x" for depth in range(3000)))
    depth = 0
    while items:
        items, depth = items[-1].children, depth + 1
    assert depth == 20


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("Version: 1.0", ("Version", "1.0")),
        ("**版本**：1.0", ("版本", "1.0")),
        ("**Version:** 1.0", ("Version", "1.0")),
        ("see http://x.org", None),
        ("no colon", None),
    ],
)
def test_key_value(text: str, pair: tuple[str, str] | None) -> None:
    assert Item("-", text, 1).key_value() == pair
