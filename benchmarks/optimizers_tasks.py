"""Two tasks for optimizers.py on which a very small model has room to improve, made as a user would make them: a YAML
file and a table beside it."""

import csv
import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path

CASES = 1000
Row = Mapping[str, str]

ADDRESS = """
description: Find the e-mail address in a message.
question: "{{text}}\\nWhat is the e-mail address?"
sealed_question: "Message: {{text}}\\nWhich e-mail address is in it?"
grader: contains
hints:
  rules: [Copy the address letter by letter., Write nothing before or after it.]
  workflow: [Find the @., Take the word around it., Write that word.]
  output_formats: [Answer with the address alone., "ada@post.org"]
"""
PERSON = """
description: Write a person's name, age and city as JSON.
question: "Extract name, age and city as JSON: {{text}}"
sealed_question: "Text: {{text}}\nGive the name, the age and the city as a JSON object."
grader: json
hints:
  rules: [Use the keys name, age and city and no others., The age is a number without quotes.]
  workflow: [Find the name., Find the age., Find the city., Write the JSON.]
  output_formats:
    - Answer with one JSON object and nothing else.
    - '{"name": "Ada", "age": 36, "city": "London"}'
"""
STARTS = {
    "address": "# Role: Assistant\n\n## Goals\n- Help with messages.\n\n"
    "## Workflow\n1. Read the message.\n2. Think about it.\n3. Give your answer.\n",
    "person-json": "# Role: Clerk\n\n## Goals\n- Extract data from texts.\n\n"
    "## Workflow\n1. Read the text.\n2. Find the data.\n3. Give your answer.\n",
}
"""The prompt that the search begins with, by task."""

NAMES = (
    "Anna", "Ben", "Clara", "David", "Emma", "Felix", "Grace", "Hugo", "Ida", "Jonas", "Karin", "Leo", "Mara", "Nils",
    "Olga", "Paul", "Rosa", "Simon", "Tina", "Victor",
)  # fmt: skip
CITIES = (
    "Rome", "Paris", "Oslo", "Madrid", "Vienna", "Lisbon", "Prague", "Dublin", "Athens", "Warsaw", "Berlin", "Geneva",
)  # fmt: skip
HOSTS = ("post.org", "mail.net", "office.com", "school.edu", "lab.io", "shop.de")
MESSAGES = (
    "Please write to {address} before Friday.",
    "My new address is {address}, the old one is gone.",
    "{name} said that {address} will answer all questions.",
    "Send the bill to {address} and a copy to the office in {city}.",
    "For tickets to {city}, contact {address}.",
)
SENTENCES = (
    "{name} is {age} and lives in {city}.",
    "In {city} I met {name}, who is {age} years old.",
    "My neighbour {name} moved to {city} at the age of {age}.",
    "{name} ({age}) works in {city}.",
    "At {age}, {name} opened a shop in {city}.",
)


def write_tasks(folder: Path) -> None:
    """`address` and `person-json`, the same to the byte whenever they are written."""
    for name, head, rows in (("address", ADDRESS, _messages()), ("person-json", PERSON, _people())):
        made = list({row["text"]: row for row in rows}.values())
        (folder / f"{name}.yaml").write_text(head.lstrip() + f"cases: {name}.csv\n", encoding="utf-8")
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["text", "expected", "stratum"])
            writer.writeheader()
            writer.writerows(made)


def _messages() -> Iterator[Row]:
    draw = random.Random(1)
    for number in range(CASES):
        name, second, city = draw.choice(NAMES), draw.choice(NAMES), draw.choice(CITIES)
        address = f"{name.lower()}.{second.lower()}{draw.randint(1, 99)}@{draw.choice(HOSTS)}"
        text = MESSAGES[number % len(MESSAGES)].format(address=address, name=name, city=city)
        yield {"text": text, "expected": address, "stratum": f"sentence {number % len(MESSAGES)}"}


def _people() -> Iterator[Row]:
    draw = random.Random(2)
    for number in range(CASES):
        person = {"name": draw.choice(NAMES), "age": draw.randint(18, 89), "city": draw.choice(CITIES)}
        text = SENTENCES[number % len(SENTENCES)].format(**person)
        yield {"text": text, "expected": json.dumps(person), "stratum": f"sentence {number % len(SENTENCES)}"}
