"""Two tasks of labels for optimizers.py, made as a user would make them: a YAML file and a table beside it."""

import csv
import random
from collections.abc import Iterator, Mapping
from pathlib import Path

CASES = 1000
Row = Mapping[str, str]

SENTIMENT = """
description: Tell whether a short review is positive or negative.
question: "Review: {{text}}\\nIs this review positive or negative?"
sealed_question: "Somebody wrote: {{text}}\\nIs that positive or negative?"
options: [positive, negative]
grader: choice
columns: {stratum: kind}
hints:
  rules:
    - Judge by what the writer thinks at the end, not by what others said.
    - "\\"But\\", \\"yet\\" and \\"although\\" turn an opinion round."
  workflow: [Read the review., Find the opinion that the writer ends with., Name it.]
  output_formats: ["Answer with one word: positive or negative.", "Answer: positive, or Answer: negative."]
"""
YES_NO = """
description: Say yes or no to a question about small numbers.
question: "{{text}} Yes or no?"
sealed_question: "Yes or no: {{text}}"
options: ["yes", "no"]
grader: choice
columns: {stratum: kind}
hints:
  rules: [Calculate first, then compare., "If the two numbers are equal, neither is more than the other."]
  workflow: [Do the sum., Compare the result with the other number., Answer.]
  output_formats: ["Answer with one word: yes or no.", "Write the result of the sum, then yes or no."]
"""
STARTS = {
    "sentiment": "# Role: Review reader\n\n## Goals\n- Tell whether a review is positive or negative.\n\n"
    "## Workflow\n1. Read the review.\n2. Think about how the writer feels.\n3. Give your answer.\n",
    "yes-or-no": "# Role: Careful calculator\n\n## Goals\n- Answer questions about numbers.\n\n"
    "## Workflow\n1. Read the question.\n2. Work it out.\n3. Give your answer.\n",
}
"""The prompt that the search begins with, by task."""

SUBJECTS = (
    "the soup", "this phone", "the hotel room", "the plot", "our driver", "the new album", "the battery", "her speech",
    "the pasta", "the guided tour", "the camera", "the last season", "the waiter", "the translation", "the sofa",
    "the concert", "the update", "the museum shop", "the breakfast", "the repair",
)  # fmt: skip
GOOD = (
    "was a delight", "could not have been better", "is worth every cent", "made my day", "exceeded all my hopes",
    "was wonderful from start to finish", "is a joy", "works flawlessly", "left me smiling", "is simply excellent",
)  # fmt: skip
BAD = (
    "was a letdown", "could hardly have been worse", "is a waste of money", "ruined my day",
    "fell short of all my hopes", "was dull from start to finish",
    "is a nuisance", "fails all the time", "left me angry", "is simply awful",
)  # fmt: skip


def write_tasks(folder: Path) -> None:
    """`sentiment` and `yes-or-no`, the same to the byte whenever they are written."""
    for name, head, rows in (("sentiment", SENTIMENT, _reviews()), ("yes-or-no", YES_NO, _sums())):
        made = list({row["text"]: row for row in rows}.values())
        (folder / f"{name}.yaml").write_text(head.lstrip() + f"cases: {name}.csv\n", encoding="utf-8")
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["text", "expected", "kind"])
            writer.writeheader()
            writer.writerows(made)


def _reviews() -> Iterator[Row]:
    """Plain ones, and ones that begin with the opposite of what they end with."""
    draw = random.Random(1)
    for number in range(CASES):
        is_good = number % 2 == 0
        own, other = (GOOD, BAD) if is_good else (BAD, GOOD)
        subject, second = draw.sample(SUBJECTS, 2)
        opinion, opposite = draw.choice(own), draw.choice(other)
        turned = (
            f"People say that {subject} {opposite}, but I think it {opinion}.",
            f"Although {second} {opposite}, {subject} {opinion}, and that is what counts for me.",
            f"A friend wrote that {subject} {opposite}. Not so: it {opinion}.",
        )
        is_plain = number % 4 < 2
        text = f"I must say that {subject} {opinion}, and {second} too." if is_plain else draw.choice(turned)
        yield {
            "text": text,
            "expected": "positive" if is_good else "negative",
            "kind": "plain" if is_plain else "turned",
        }


def _sums() -> Iterator[Row]:
    draw = random.Random(2)
    for number in range(CASES):
        one, two = draw.randint(2, 20), draw.randint(2, 20)
        is_sum = number % 4 < 2
        kind, result = ("plus", one + two) if is_sum else ("minus", max(one, two) - min(one, two))
        asked = f"{one} + {two}" if is_sum else f"{max(one, two)} - {min(one, two)}"
        is_more = number % 2 == 0
        limit = result - draw.randint(1, 6) if is_more else result + draw.randint(0, 6)
        yield {"text": f"Is {asked} more than {limit}?", "expected": "yes" if is_more else "no", "kind": kind}
