"""Claim: a 2 MB prompt is read and printed in under 2 s, and ten times the text takes at most twelve times as long.

    python benchmarks/prompt_language.py

Exits 1 if the claim does not hold.
"""

import sys
import time

from promptlathe.prompts import library_names, library_prompt, parse, render

_LARGE = 2_000_000
_LIMIT_S = 2.0
_LIMIT_RATIO = 12.0


def _texts() -> dict[str, str]:
    prompts = [library_prompt(name).document.text for name in library_names()]
    return {
        "library prompts": "\n".join(prompts) + "\n",
        "list items": "- an item of a list\n",
        "paragraphs": "a line of plain text in a prompt\n",
        "one line": "word ",
    }


def _seconds(text: str) -> float:
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        assert render(parse(text)) == text
        best = min(best, time.perf_counter() - start)
    return best


def main() -> int:
    is_good = True
    for name, piece in _texts().items():
        head = "# Role: X\n## Goals\n"
        small, large = (head + piece * (size // len(piece) + 1) for size in (_LARGE // 10, _LARGE))
        small_s, large_s = _seconds(small), _seconds(large)
        ratio = large_s / small_s
        is_met = large_s < _LIMIT_S and ratio <= _LIMIT_RATIO
        is_good = is_good and is_met
        verdict = "met" if is_met else "NOT met"
        print(
            f"{name:16} {len(large):>9,} characters  {large_s:5.2f} s  {ratio:5.1f} x a tenth of it  {verdict}"
        )
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
