"""Claim: a prompt of 2 MB is read, linted and printed in under 2 s, and ten times the text takes at most twelve
times as long, whatever the text is made of.

    python benchmarks/prompt_language.py

Exits 1 if the claim does not hold. `--size` makes smaller texts, to look for what grows too fast.
"""

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Iterator

from promptlathe.prompts import Prompt, library_names, library_prompt, parse, render
from promptlathe.prompts.lint import lint

_LIMIT_S = 2.0
_LIMIT_RATIO = 12.0

_HEAD = "# Role: X\n\n## Goals\n- Test.\n\n## OutputFormat\nOne line.\n\n"
_SECTION = (
    "## Part {n}\n- the first thing about {n}\n- the second, with **{n}** in it\n\nAnd a line of text.\n\n"
)


def _numbered(piece: str) -> Callable[[], Iterator[str]]:
    return lambda: (piece.replace("{n}", str(number)) for number in itertools.count(1))


def _nested() -> Iterator[str]:
    return ("  " * (number % 40) + f"- level {number % 40}\n" for number in itertools.count())


def _library() -> Iterator[str]:
    return itertools.cycle([library_prompt(name).document.text + "\n" for name in library_names()])


_SHAPES: dict[str, tuple[str, Callable[[], Iterator[str]]]] = {
    "library prompts": ("", _library),
    "many sections": (_HEAD, _numbered(_SECTION)),
    "one section again and again": (_HEAD, _numbered("## Rules\n- Keep rule {n} in mind, always.\n\n")),
    "bullet sections": ("- Role: X\n- Goals: y\n", _numbered("- Part {n}: a text of its own\n")),
    "a long list": (_HEAD + "## Rules\n", _numbered("- Rule {n} says what to do in case {n}.\n")),
    "a long Chinese list": (
        "# 角色：甲\n## 规则\n",
        _numbered("- 第{n}条：比较两个小数的大小，给出结论。\n"),
    ),
    "one huge fence": (_HEAD + "```\n", _numbered("# Role: {n}\n## Rules\nx = {n}\n")),
    "fences never closed": (_HEAD, _numbered("```\ncode {n}\n~~~\n\n## Part {n}\n")),
    "deep nesting": (_HEAD, _nested),
    "a table of examples": (_HEAD + "## Examples\n", _numbered("| {n}.8 | {n}.11 | {n}.8 is larger |\n")),
    "pairs of examples": (
        _HEAD + "## Examples\n",
        _numbered("Q: Which is larger, {n}.8 or {n}.11?\nA: {n}.8\n"),
    ),
    "many placeholders": (_HEAD, _numbered("Use {{name_{n}}}, {slot_{n}} and [the slot {n}] here.\n")),
    "many references": (_HEAD, _numbered("Obey <Rules> and <Goals>, and <Part {n}> too.\n")),
    "paragraphs": (_HEAD, _numbered("Line {n} is a line of plain text, and nothing else.\n")),
    "one line": (_HEAD, lambda: itertools.repeat("word ")),
    "JSON": ('{"Role": "X", "Goals": ["y"', _numbered(', "item {n}"')),
}


def _text(shape: str, size: int) -> str:
    head, pieces = _SHAPES[shape]
    parts, length = [head], len(head)
    for piece in pieces():
        if length >= size:
            break
        parts.append(piece)
        length += len(piece.encode())
    return "".join([*parts, "]}" if shape == "JSON" else ""])


def _seconds(text: str, times: int = 1) -> float:
    """Seconds that one reading, linting and printing takes: the mean of `times` in a row, the best of three rows."""
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        for _ in range(times):
            document = parse(text)
            lint(Prompt("p", document))
            assert render(document) == text
        best = min(best, time.perf_counter() - start)
    return best / times


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=2_000_000, help="bytes of the large text")
    parser.add_argument("shapes", nargs="*", help="all, if none is given", choices=[[], *_SHAPES])
    arguments = parser.parse_args()
    is_good = True
    for shape in arguments.shapes or _SHAPES:
        # Ten small texts in a row against one large one: both have the same seconds in which to be disturbed.
        small_s = _seconds(_text(shape, arguments.size // 10), times=10)
        large_s = _seconds(_text(shape, arguments.size))
        is_met = large_s < _LIMIT_S and large_s / small_s <= _LIMIT_RATIO
        is_good = is_good and is_met
        verdict = "met" if is_met else "NOT met"
        print(f"{shape:28} {large_s:6.3f} s  {large_s / small_s:5.1f} x a tenth of it  {verdict}", flush=True)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
