"""A first task file for a person to go on with: commented, and working as it is."""

import json
from collections.abc import Mapping, Sequence

from promptlathe.tasks.case import Language

_HEAD: Mapping[Language, str] = {
    "en": """\
# A task: questions and their right answers. See it with `lathe task show {name}`, and measure prompts on it:
#   lathe eval {name} --prompt none
description: {description}
# {{{{variables}}}} are filled in from each case.
question: {question}
# How answers are judged: contains (the expected text is in the answer), exact, number, choice, regex, json …
grader: {grader}
# In percent: propose may be shown to whoever writes prompts, on select they are measured, sealed is for proof.
splits: {{propose: 10, select: 60, sealed: 30}}
""",
    "zh": """\
# 任务：一组问题和正确答案。先看一看：lathe task show {name}；再测量提示词：
#   lathe eval {name} --prompt none
description: {description}
# {{{{变量}}}} 由每道题填入。
question: {question}
# 怎样评分：contains（回答里有 expected 的文字）、exact、number、choice、regex、json……
grader: {grader}
# 百分比：propose 可以给写提示词的人看，select 用来测量，sealed 只用来证明。
splits: {{propose: 10, select: 60, sealed: 30}}
""",
}

_EXAMPLE: Mapping[Language, str] = {
    "en": """\
columns: {stratum: continent}  # results are shown for each continent too
cases:
  - {country: France, continent: Europe, expected: Paris}
  - {country: Norway, continent: Europe, expected: Oslo}
  - {country: Poland, continent: Europe, expected: Warsaw}
  - {country: Greece, continent: Europe, expected: Athens}
  - {country: Japan, continent: Asia, expected: Tokyo}
  - {country: Thailand, continent: Asia, expected: Bangkok}
  - {country: Mongolia, continent: Asia, expected: Ulaanbaatar}
  - {country: Vietnam, continent: Asia, expected: Hanoi}
""",
    "zh": """\
columns: {stratum: 洲}  # 每个洲也单独列出结果
cases:
  - {国家: 法国, 洲: 欧洲, expected: 巴黎}
  - {国家: 挪威, 洲: 欧洲, expected: 奥斯陆}
  - {国家: 波兰, 洲: 欧洲, expected: 华沙}
  - {国家: 希腊, 洲: 欧洲, expected: 雅典}
  - {国家: 日本, 洲: 亚洲, expected: 东京}
  - {国家: 泰国, 洲: 亚洲, expected: 曼谷}
  - {国家: 蒙古, 洲: 亚洲, expected: 乌兰巴托}
  - {国家: 越南, 洲: 亚洲, expected: 河内}
""",
}

_DESCRIPTION: Mapping[Language, str] = {"en": "Name the capital of a country.", "zh": "说出一个国家的首都。"}
_QUESTION: Mapping[Language, str] = {
    "en": "What is the capital of {{country}}? Answer with the name of the city only.",
    "zh": "{{国家}}的首都是哪里？只回答城市名。",
}


def example_task(name: str, language: Language) -> str:
    """A whole task of about 20 lines."""
    head = _HEAD[language].format(
        name=name,
        description=_DESCRIPTION[language],
        question=_quoted(_QUESTION[language]),
        grader="contains",
    )
    return head + _EXAMPLE[language]


def draft_task(
    name: str,
    language: Language,
    *,
    description: str,
    question: str,
    grader: str,
    cases: Sequence[Mapping[str, str]],
) -> str:
    """A task of these cases: the values of the question's variables, and `expected`."""
    head = _HEAD[language].format(
        name=name, description=_quoted(description or name), question=_quoted(question), grader=grader
    )
    lines = [
        "  - {" + ", ".join(f"{key}: {_quoted(value)}" for key, value in case.items()) + "}\n"
        for case in cases
    ]
    return head + "cases:\n" + "".join(lines)


def _quoted(text: str) -> str:
    """As JSON writes it, which YAML reads."""
    return json.dumps(text, ensure_ascii=False)
