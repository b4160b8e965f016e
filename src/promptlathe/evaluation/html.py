"""One run as one HTML file that works offline: numbers, plot, prompts and every answer."""

import base64
import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from promptlathe.evaluation import numerals
from promptlathe.evaluation.answers import Row
from promptlathe.evaluation.headline import headline, proven, sentences
from promptlathe.evaluation.plot import accuracy_plot
from promptlathe.evaluation.summary import RunSummary
from promptlathe.prompts import Prompt, render
from promptlathe.tasks.case import Case

_TEMPLATES = files("promptlathe.evaluation") / "templates"


def render_html(
    summary: RunSummary, cases: Sequence[Case], prompts: Sequence[Prompt], rows: Sequence[Row]
) -> str:
    """The whole page. Every number in it is the summary's; of repeated answers the first is shown.

    Prompts, questions and answers are untrusted. They are escaped; the content security policy lets only the
    page's own style and script act and nothing be loaded; the answers lie in the page as gzip in base64,
    which has no character that means anything to HTML, and the script shows them as text only.
    """
    plots = [
        accuracy_plot(summary, width_px=width_px, class_prefix=prefix)
        for width_px, prefix in ((720, "wide"), (350, "narrow"))
    ]
    style = _own("report.css") + "".join(plot.css for plot in plots)
    script = _own("report.js")
    environment = Environment(
        autoescape=True,
        loader=PackageLoader("promptlathe.evaluation"),
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
    return environment.get_template("report.html.j2").render(
        summary=summary,
        headline=partial(headline, summary),
        sentences=partial(sentences, summary),
        proven=proven,
        provenance=dict(_flat(summary.provenance)),
        texts=[(prompt.name, prompt.digest, render(prompt.document)) for prompt in prompts],
        policy=f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'",
        style=Markup(style),  # noqa: S704 - our own files, and matplotlib's style names
        script=Markup(script),  # noqa: S704
        plots=[Markup(plot.svg) for plot in plots],  # noqa: S704 - an XML writer escaped the names in it
        answers=_packed(_answers(summary, cases, rows)),
    )


def _answers(summary: RunSummary, cases: Sequence[Case], rows: Sequence[Row]) -> dict[str, object]:
    """What the script shows in the table of cases, by case and then by prompt."""
    found = {(row.case_id, row.prompt, row.model): _answer(row) for row in rows if row.repeat == 0}
    return {
        "prompts": [prompt.name for prompt in summary.prompts],
        "cases": [
            {
                "id": case.id,
                "question": case.question,
                "expected": case.expected,
                "stratum": case.stratum,
                "answers": [found.get((case.id, made.prompt, made.model)) for made in summary.prompts],
            }
            for case in cases
        ],
    }


def _answer(row: Row) -> dict[str, object]:
    response, grade = row.response, row.grade
    return {
        "outcome": row.outcome,
        "answer": grade.answer if grade else None,
        "reason": grade.reason if grade else "",
        "contradicts": bool(grade and grade.contradicts),
        "cutOff": bool(response and response.finish_reason == "length"),
        "text": response.text if response else row.error or "",
    }


def _packed(value: object) -> str:
    """JSON, compressed: a run of thousands of answers stays a file that can be mailed."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode("utf-8", "replace"), mtime=0)).decode("ascii")


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
