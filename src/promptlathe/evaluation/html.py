"""One run as one HTML file that works offline: numbers, plots, prompts and what was asked and answered."""

import base64
import gzip
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from promptlathe.evaluation import numerals
from promptlathe.evaluation.answers import Row, Subject
from promptlathe.evaluation.headline import headline, proven, sentences
from promptlathe.evaluation.plot import accuracy_plot, difference_plot
from promptlathe.evaluation.summary import RunSummary
from promptlathe.messages import Message
from promptlathe.prompts import Prompt, render, render_messages
from promptlathe.tasks.case import Case, Language

MAX_ANSWERS = 8_000
"""So many, repeats included, a page should show in full: with more it is slow to open, and too big to mail."""
MAX_CHARACTERS = 20_000
"""Of one question, message or answer in the table of cases: one answer without end must not be the whole page."""

_TEMPLATES = files("promptlathe.evaluation") / "templates"


def render_html(
    summary: RunSummary, cases: Sequence[Case], prompts: Sequence[Prompt], rows: Iterable[Row]
) -> str:
    """The whole page. Every number in it is the summary's; `cases` are those to show in full, no more
    than `MAX_ANSWERS` allows, and the rows of others are left out. A page that does not show them all says so.

    Prompts, questions and answers are untrusted. They are escaped; the content security policy lets only the
    page's own style and script act and nothing be loaded; the answers lie in the page as gzip in base64,
    which has no character that means anything to HTML, and the script shows them as text only.
    """
    environment = page_environment("promptlathe.evaluation", scripts=("look.js", "report.js"))
    return environment.get_template("report.html.j2").render(
        summary=summary,
        headline=partial(headline, summary),
        sentences=partial(sentences, summary),
        proven=proven,
        rule_names=_rule_names(summary),
        provenance=dict(_flat(summary.provenance)),
        texts=[(prompt.name, prompt.digest, render(prompt.document)) for prompt in prompts],
        accuracy=accuracy_plot(summary),
        differences=difference_plot(summary),
        shown=len(cases),
        answers=_packed(_exchanges(summary, cases, prompts, rows)),
    )


def page_environment(package: str, *, scripts: Sequence[str] = ("look.js",)) -> Environment:
    """For pages that work offline, with templates from `package`: `style` and `script` of the report, the
    content security policy that lets only these two act, and how numbers are written."""
    style, script = _own("report.css"), "".join(map(_own, scripts))
    environment = Environment(
        autoescape=True,
        loader=PackageLoader(package),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "zip": zip,
        "percent": numerals.percent,
        "percent_interval": numerals.percent_interval,
        "points": numerals.points,
        "points_interval": numerals.points_interval,
        "p_value": numerals.p_value,
    }
    environment.globals |= {
        "policy": f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'",
        "style": Markup(style),  # noqa: S704 - our own files
        "script": Markup(script),  # noqa: S704
    }
    return environment


def _exchanges(
    summary: RunSummary, cases: Sequence[Case], prompts: Sequence[Prompt], rows: Iterable[Row]
) -> dict[str, object]:
    """What the script shows: of each case the answers of every result, repeats in order. What stands before the
    question is the same for most cases of a prompt, so it is kept once, in `beginnings`."""
    subjects = [Subject(made.prompt, made.model) for made in summary.prompts]
    by_name = {prompt.name: prompt for prompt in prompts}
    found: dict[str, dict[Subject, list[Row]]] = {
        case.id: {subject: [] for subject in subjects} for case in cases
    }
    for row in rows:
        if row.case_id in found and row.subject in found[row.case_id]:
            found[row.case_id][row.subject].append(row)
    beginnings: dict[tuple[Message, ...], int] = {}
    used = {prompt.name: prompt.document.variables for prompt in prompts}

    @cache
    def beginning(name: str, values: tuple[tuple[str, str], ...]) -> int:
        messages = render_messages(by_name[name], "", dict(values))[:-1]
        return beginnings.setdefault(messages, len(beginnings))

    def values(case: Case, prompt: str) -> tuple[tuple[str, str], ...]:
        return tuple((name, case.variables[name]) for name in used[prompt] if name in case.variables)

    shown = [
        {
            "id": case.id,
            "question": _cut(case.question),
            "expected": _cut(case.expected),
            "stratum": case.stratum,
            "beginnings": [beginning(subject.prompt, values(case, subject.prompt)) for subject in subjects],
            "answers": [
                [_answer(row) for row in sorted(answers, key=lambda row: row.repeat)]
                for answers in found[case.id].values()
            ],
        }
        for case in cases
    ]
    return {
        "results": [
            {"name": made.name, "prompt": made.prompt, "model": made.model} for made in summary.prompts
        ],
        "beginnings": [
            [{"role": message.role, "content": _cut(message.content)} for message in messages]
            for messages in beginnings
        ],
        "cases": shown,
    }


def _answer(row: Row) -> dict[str, object]:
    """What is false or empty is left out."""
    response, grade = row.response, row.grade
    said: dict[str, object] = {
        "outcome": row.outcome,
        "text": _cut(response.text if response else row.error or ""),
        "answer": _cut(grade.answer) if grade and grade.answer is not None else None,
        "reason": grade.reason if grade else "",
        "contradicts": bool(grade and grade.contradicts),
        "cutOff": bool(response and response.finish_reason == "length"),
        "cached": row.is_cached,
    }
    if response:
        said["tokens"] = [response.prompt_tokens, response.completion_tokens]
        said["seconds"] = round(response.seconds, 2)
    return {name: value for name, value in said.items() if value or name == "text"}


def _cut(text: str) -> str:
    left_out = len(text) - MAX_CHARACTERS
    return f"{text[:MAX_CHARACTERS]} … (+{left_out:,})" if left_out > 0 else text


def _packed(value: object) -> str:
    """JSON, compressed: a run of thousands of answers stays a file that can be mailed."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode("utf-8", "replace"), mtime=0)).decode("ascii")


def _rule_names(summary: RunSummary) -> dict[str, Mapping[Language, str]]:
    """What the wrong rules are called in either language, where a diagnosis says it."""
    names: dict[str, Mapping[Language, str]] = {rule: {"en": rule, "zh": rule} for rule in summary.shortcuts}
    for made in summary.prompts:
        names |= {rule.rule: rule.label for rule in made.diagnosis.rules} if made.diagnosis else {}
    return names


def _flat(values: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            yield f"{prefix}{name}", ", ".join(map(str, value))
        else:
            yield f"{prefix}{name}", str(value)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _own(name: str) -> str:
    return (_TEMPLATES / name).read_text("utf-8")
