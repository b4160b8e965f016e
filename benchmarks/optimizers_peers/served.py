"""The counting server of optimizers.py as the other optimizers see it. Standard library only: this runs in their
environments."""

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

DRAWN_TOKENS = 256
"""The longest text of the model where it writes prompts."""


class BudgetSpentError(Exception):
    """No call is left."""


class Work:
    """What is to be done: `propose` and `select` have id, question and expected, `sealed` id and question alone.

    `start` is the prompt to begin with, `instructions` are what the task's author knows of other ways to ask,
    `description` is one sentence on the task.
    """

    def __init__(self) -> None:
        self.folder = Path(sys.argv[1])
        work = json.loads((self.folder / "work.json").read_text("utf-8"))
        self.url: str = work["url"]
        self.seed: int = work["seed"]
        self.budget: int = work["budget"]
        self.max_tokens: int = work["max_tokens"]
        self.start: str = work["start"]
        self.instructions: list[str] = work["instructions"]
        self.description: str = work["description"]
        self.propose: list[dict[str, str]] = work["propose"]
        self.select: list[dict[str, str]] = work["select"]
        self.sealed: list[dict[str, str]] = work["sealed"]

    def is_right(self, case: str, text: str) -> bool:
        """Judged as everybody's answers are."""
        return bool(_post(f"{self.url}/grade", {"case": case, "text": text})["is_right"])

    def ask(self, phase: str, messages: list[dict[str, str]], **options: object) -> str:
        """`phase` is "search" or "sealed". Raises BudgetSpentError."""
        answer = _post(f"{self.url}/{phase}/v1/chat/completions", {"messages": messages, **options})
        return str(answer["choices"][0]["message"]["content"])

    def finish(self, prompt: str, texts: list[str]) -> None:
        """The prompt that was found, and its answers to the sealed questions, in their order."""
        answers = {case["id"]: text for case, text in zip(self.sealed, texts, strict=True)}
        content = json.dumps({"prompt": prompt, "answers": answers}, ensure_ascii=False)
        (self.folder / "found.json").write_text(content, encoding="utf-8")


def _post(url: str, content: dict[str, object]) -> dict[str, Any]:
    request = urllib.request.Request(  # noqa: S310 - our own server
        url, json.dumps(content).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request) as response:  # noqa: S310
            found: dict[str, Any] = json.load(response)
            return found
    except urllib.error.HTTPError as error:
        if error.code == 429:
            raise BudgetSpentError from error
        raise RuntimeError(error.read().decode()) from error
