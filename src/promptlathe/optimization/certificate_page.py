"""A certificate for people: a page that works offline, and Markdown. Every number is the certificate's own."""

from collections.abc import Mapping

from promptlathe.evaluation.html import page_environment
from promptlathe.evaluation.numerals import percent_interval, points_interval
from promptlathe.optimization.certificate import ALPHA, Certificate
from promptlathe.statistics.intervals import Interval
from promptlathe.tasks.case import Language

_PACKAGE = "promptlathe.optimization"


def certificate_html(certificate: Certificate, verdict: Mapping[Language, str]) -> str:
    """The whole page, in both languages with a switch. `verdict` is the certificate's in plain words.

    Prompts are untrusted text: see `evaluation.html.render_html`.
    """
    environment = page_environment(_PACKAGE)
    return environment.get_template("certificate.html.j2").render(_shown(certificate, verdict))


def certificate_markdown(
    certificate: Certificate, verdict: Mapping[Language, str], language: Language
) -> str:
    """The same for a pull request or a wiki, in one language. Prompts stand in fences that they cannot close."""
    environment = page_environment(_PACKAGE)
    environment.autoescape = False
    environment.filters["cell"] = _cell
    environment.globals["language"] = language
    template = environment.get_template("certificate.md.j2")
    return template.render(_shown(certificate, verdict), fence=_fence(certificate))


def _shown(certificate: Certificate, verdict: Mapping[Language, str]) -> dict[str, object]:
    texts = {stored.name: stored.read() for stored in certificate.prompts}
    return {
        "certificate": certificate,
        "claims": certificate.claims,
        "search": certificate.search,
        "verdict": verdict,
        "alpha": ALPHA,
        "percents": lambda interval, language: percent_interval(Interval(**interval), language),
        "points_between": lambda interval, language: points_interval(Interval(**interval), language),
        "texts": [(name, prompt.digest, prompt.document.text) for name, prompt in texts.items()],
    }


def _cell(text: object) -> str:
    """In a table of Markdown, where a bar or a line's end would begin another cell."""
    return " ".join(str(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").split())


def _fence(certificate: Certificate) -> str:
    """Longer than any that is in a prompt or in the changes on the way to it."""
    longest = 3
    text = "\n".join([*(stored.text for stored in certificate.prompts), str(certificate.search)])
    while "`" * longest in text:
        longest += 1
    return "`" * longest
