"""A language model, often a larger one than the one that is prompted, rewrites one section at a time.

What it says is untrusted text: it must be the JSON asked for, fit into the section, and give no case away.
"""

import json
import re
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import replace

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from promptlathe.engines.engine import Answer, Engine, Request, Sampling
from promptlathe.errors import PromptError
from promptlathe.evaluation.answers import Response, response_key
from promptlathe.evaluation.run import Recorder
from promptlathe.messages import Message
from promptlathe.optimization.candidates import Proposal
from promptlathe.optimization.operators import keeps_frozen, language_of
from promptlathe.optimization.search import Situation
from promptlathe.prompts import Section
from promptlathe.prompts.rules.leaks import CaseIndex
from promptlathe.prompts.rules.source import KnownCase
from promptlathe.tasks.case import Case

MOST_CHARACTERS = 2000
SHOWN_FAILURES = 4
_SAMPLING = Sampling(max_tokens=700, temperature=0.7, top_p=0.95)


class _Rewrite(BaseModel):
    model_config = ConfigDict(extra="forbid")

    body: str = Field(min_length=1, max_length=MOST_CHARACTERS)
    reason: str = Field(default="", max_length=300)


class CaseGuard:
    """Refuses text that gives a case away: one that the prompt is measured on, or one that was shown."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self._index = CaseIndex([KnownCase(case.question, case.expected) for case in cases])

    def copied(self, text: str) -> str | None:
        """The question of a case that `text` gives away."""
        found = next((case for line in text.splitlines() if (case := self._index.find(line))), None)
        return found.question if found else None


class Writer:
    """A model that is asked to write. `pay` takes each call out of the search's budget, or refuses it.

    Answers come from the response cache where it has them, and each call draws with a seed of its own, so that
    a search that was cut off goes the same way again.
    """

    def __init__(self, engine: Engine, recorder: Recorder, pay: Callable[[int], bool]) -> None:
        self._engine = engine
        self._recorder = recorder
        self._pay = pay
        self._calls = 0

    async def ask(self, text: str) -> str | None:
        """The answer, empty where the request failed; None once the budget is spent."""
        if not self._pay(1):
            return None
        self._calls += 1
        messages = (Message("user", text),)
        sampling = replace(_SAMPLING, seed=self._calls)
        key = response_key(self._engine.describe(), messages, sampling, 0)
        known = self._recorder.cached([key]).get(key)
        if known:
            return known.text
        async with aclosing(self._engine.generate([Request(key, messages, sampling)])) as outputs:
            async for output in outputs:
                if isinstance(output, Answer):
                    self._recorder.remember(key, Response.of(output))
                    return output.text
        return ""


class RewriteProposer:
    """`on_refused` is told the section, and why its rewrite was not used."""

    def __init__(
        self, writer: Writer, guard: CaseGuard, *, on_refused: Callable[[str, str], None] = lambda _, __: None
    ) -> None:
        self._writer = writer
        self._guard = guard
        self._on_refused = on_refused
        self._turn = 0

    async def propose(self, situation: Situation, count: int) -> Sequence[Proposal]:
        """One request for each section that is not frozen, by turns over the generations."""
        prompt = situation.incumbent.prompt
        sections = [section for section in prompt.document.sections if section.name not in prompt.frozen]
        proposals: list[Proposal] = []
        for _ in range(min(count, len(sections))):
            section = sections[self._turn % len(sections)]
            answer = await self._writer.ask(request_text(situation, section))
            if answer is None:
                break
            self._turn += 1
            proposal = self._read(situation, section, answer)
            if proposal and proposal.prompt.digest not in situation.tried:
                proposals.append(proposal)
        return proposals

    def _read(self, situation: Situation, section: Section, answer: str) -> Proposal | None:
        before = situation.incumbent.prompt
        try:
            rewrite = _read_rewrite(answer)
            document = before.document.with_section(section.name, rewrite.body)
        except (ValueError, PromptError) as error:
            self._on_refused(section.name, str(error).splitlines()[0])
            return None
        copied = self._guard.copied(rewrite.body)
        if copied:
            self._on_refused(section.name, f"it gives a case away: {copied}")
            return None
        prompt = replace(before, document=document)
        if not keeps_frozen(before, prompt) or prompt.digest == before.digest:
            self._on_refused(section.name, "nothing was changed that may be changed")
            return None
        return Proposal(prompt, "rewrite", section.name, rewrite.reason or "rewritten by a language model")


def _read_rewrite(answer: str) -> _Rewrite:
    """The JSON object in an answer, fenced or not. Raises ValueError, its first line saying why."""
    match = re.search(r"\{.*\}", answer, re.DOTALL)
    if match is None:
        raise ValueError("the answer has no JSON object")
    try:
        return _Rewrite.model_validate(json.loads(match[0]))
    except json.JSONDecodeError as error:
        raise ValueError(f"the answer is no JSON: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(
            f"the answer's {'.'.join(map(str, first['loc'])) or 'JSON'}: {first['msg']}"
        ) from error


def request_text(situation: Situation, section: Section) -> str:
    """What the rewriting model is asked: task, prompt, section, and failures from the `propose` cases."""
    language = language_of(situation.incumbent.prompt)
    task = situation.task.description
    failures = "\n".join(
        _REQUEST[language]["failure"].format(
            question=case.question, expected=case.expected, said=" ".join(said.split())[:200]
        )
        for case, said in situation.failed[:SHOWN_FAILURES]
    )
    return _REQUEST[language]["request"].format(
        task=task.get(language) or next(iter(task.values()), ""),
        prompt=situation.incumbent.prompt.document.instructions,
        section=section.written,
        body=section.body,
        failures=failures or _REQUEST[language]["none"],
        most=MOST_CHARACTERS,
    )


_REQUEST = {
    "en": {
        "request": "You improve one section of a prompt that a small language model follows.\n\n"
        "The task: {task}\n\nThe whole prompt:\n<prompt>\n{prompt}\n</prompt>\n\n"
        "Answers that were wrong with it:\n{failures}\n\n"
        "Rewrite the section “{section}” so that such mistakes happen less often. It now says:\n"
        "<section>\n{body}\n</section>\n\n"
        "General rules only: do not mention the questions above. Short sentences; at most {most} characters. "
        'Answer with one JSON object and nothing else: {{"body": "the new text of the section", '
        '"reason": "one sentence on what you changed and why"}}',
        "failure": "- Question: {question}\n  Right answer: {expected}\n  It said: {said}",
        "none": "(none)",
    },
    "zh": {
        "request": "你来改进一份提示词中的一节，读它的是一个小语言模型。\n\n"
        "任务：{task}\n\n提示词全文：\n<prompt>\n{prompt}\n</prompt>\n\n"
        "用它时答错的题：\n{failures}\n\n"
        "请改写“{section}”一节，使这类错误更少。它现在的内容：\n<section>\n{body}\n</section>\n\n"
        "只写一般规则，不要提到上面的题目。句子要短，最多 {most} 字。"
        '只回答一个 JSON 对象：{{"body": "这一节的新内容", "reason": "一句话说明改了什么、为什么"}}',
        "failure": "- 问题：{question}\n  正确答案：{expected}\n  它的回答：{said}",
        "none": "（无）",
    },
}
