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
        "reason_zh": _reason_zh,
        "kinds_zh": _KINDS_ZH,
        "texts": [(name, prompt.digest, prompt.document.text) for name, prompt in texts.items()],
    }


def _reason_zh(step: Mapping[str, str]) -> str:
    """The kind of change, in Chinese; what a language model or a plug-in says stays as it is."""
    if step["operator"] in REASONS_ZH:
        return REASONS_ZH[step["operator"]]
    return step["reason"] if step["section"] else "用另一种完整的写法代替整个提示词"


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


_KINDS_ZH = {"added": "新增", "removed": "删除", "moved": "移动", "changed": "修改"}
REASONS_ZH = {
    "start": "待改进的提示词",
    "examples": "加入示例，先选常答错的题型",
    "example-order": "把示例的顺序倒过来",
    "output-format": "换一种说法，要求给出读得出的答案",
    "rules": "加入任务已知的规则",
    "workflow": "加入任务已知的步骤",
    "drop": "去掉这一部分：它值得占用词元吗？",
    "shorten": "只保留这一部分的前一半",
    "flatten": "改为扁平写法：分条编号，不用标题",
    "api-initialization": "由程序调用，不需要问候语",
    "format-last": "把这一部分移到最后",
    "reflection": "由模型反思后改写",
}
"""By operator; the English reason says more, and the change itself stands below either."""
