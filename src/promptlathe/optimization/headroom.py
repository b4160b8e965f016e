"""Headroom: can prompting help this model on this task at all? Many forms of asking, raced on `select` alone."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from promptlathe.evaluation.answers import require_an_answer
from promptlathe.evaluation.numerals import percent, points, points_interval
from promptlathe.evaluation.summary import Share, compare, guessing, share
from promptlathe.optimization.candidates import Candidate
from promptlathe.optimization.evidence import weigh
from promptlathe.optimization.ledger import Ledger
from promptlathe.optimization.search import Search
from promptlathe.prompts import Prompt
from promptlathe.statistics.anytime import decides
from promptlathe.statistics.chance import AgainstChance
from promptlathe.statistics.paired import PairedComparison
from promptlathe.tasks.case import Case, Language

ALPHA = 0.05
NEARLY_ALL = 0.95
OFTEN_UNREADABLE = 0.2

Finding = Literal["shown", "not shown", "nothing"]
"""Something is shown to beat the start; something may, but too few cases were asked; nothing does."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One way of asking, on the select cases it was given. `against_start` is None for the start itself, and where
    the two have no case in common."""

    name: str
    score: Share
    unparsed: int
    prompt_tokens: float
    against_start: PairedComparison | None
    e_value: float
    is_better: bool
    """Shown by its e-value, all ways that were tried taken together; the race may end at any time."""


@dataclass(frozen=True, slots=True)
class Headroom:
    """`tried` are the start first, then the others, the best first."""

    tried: tuple[Tried, ...]
    chance: AgainstChance | None
    """Of the best one."""
    calls: int

    @property
    def start(self) -> Tried:
        return self.tried[0]

    @property
    def best(self) -> Tried:
        """The one that is shown to be better than the start or, without one, seems to be; else the start."""
        shown = [one for one in self.tried if one.is_better]
        seeming = [one for one in self.tried[1:] if _gain(one) > 0]
        return max(shown or seeming or [self.start], key=_gain)

    @property
    def finding(self) -> Finding:
        if self.best.is_better:
            return "shown"
        return "nothing" if self.best is self.start else "not shown"

    def as_json(self) -> dict[str, object]:
        return {
            "finding": self.finding,
            "start": self.start.name,
            "best": self.best.name,
            "tried": [asdict(one) for one in self.tried],
            "chance": asdict(self.chance) if self.chance else None,
            "calls": self.calls,
            "sentence": {"en": sentence(self, "en"), "zh": sentence(self, "zh")},
        }


async def measure_headroom(ledger: Ledger, start: Prompt, race: Search, select: Sequence[Case]) -> Headroom:
    """Race what `race` proposes against `start` until the budget is spent or nothing is left to find out. No
    sealed case is read. Raises EngineError where every request failed."""
    found = await race.run(Candidate.start(start))
    require_an_answer([row for one in found.candidates for row in ledger.rows(one.name).values()])
    made = [_tried(ledger, start, one.prompt, select, len(found.candidates) - 1) for one in found.candidates]
    others = sorted(made[1:], key=lambda one: (-one.score.accuracy, one.prompt_tokens))
    headroom = Headroom((made[0], *others), None, ledger.spent)
    rows = ledger.rows(headroom.best.name)
    answered = [case for case in select if case.id in rows and rows[case.id].error is None]
    return Headroom(headroom.tried, guessing(answered, rows), ledger.spent)


def _tried(ledger: Ledger, start: Prompt, prompt: Prompt, select: Sequence[Case], rivals: int) -> Tried:
    before, rows = ledger.rows(start.name), ledger.rows(prompt.name)
    asked = [row for case in select if (row := rows.get(case.id))]
    tokens = [row.response.prompt_tokens for row in asked if row.response]
    compared = compare(start.name, prompt.name, select, before, rows) if prompt.name != start.name else None
    evidence = weigh(select, before, rows)
    return Tried(
        name=prompt.name,
        score=share(select, rows),
        unparsed=sum(row.outcome == "unparsed" for row in asked),
        prompt_tokens=sum(tokens) / len(tokens) if tokens else 0.0,
        against_start=compared.paired if compared else None,
        e_value=math.exp(min(evidence.log_e_value, 700.0)),
        is_better=compared is not None and decides(evidence.fixed, evidence.broken, ALPHA, max(rivals, 1)),
    )


def _gain(tried: Tried) -> float:
    return tried.against_start.difference if tried.against_start else 0.0


def sentence(headroom: Headroom, language: Language) -> str:
    """What was found, and what would help, in plain words."""
    words, best, start = _WORDS[language], headroom.best, headroom.start
    compared = best.against_start
    said = words[headroom.finding].format(
        best=best.name,
        start=start.name,
        share=percent(start.score.accuracy),
        cases=start.score.cases,
        ways=len(headroom.tried) - 1,
        common=compared.cases if compared else 0,
        difference=points(compared.difference) if compared else "",
        interval=points_interval(compared.interval, language) if compared else "",
    )
    return words["space"].join([said, *(words[advice] for advice in _advice(headroom))])


def _advice(headroom: Headroom) -> list[str]:
    best = headroom.best
    if headroom.finding == "shown":
        return ["prove"]
    if headroom.start.score.accuracy >= NEARLY_ALL:
        return ["full"]
    advice = ["more"] if headroom.finding == "not shown" else []
    if best.score.cases and best.unparsed >= OFTEN_UNREADABLE * best.score.cases:
        advice.append("unreadable")
    is_guessing = headroom.chance is not None and not headroom.chance.beats()
    return [*advice, "guessing" if is_guessing else "larger"]


_WORDS = {
    "en": {
        "space": " ",
        "shown": "Prompting can help: {best} is right more often than {start}, by {difference} points ({interval}) on "
        "{common} cases.",
        "not shown": "Not shown: {best} may be better than {start}, by {difference} points ({interval}) on "
        "{common} cases.",
        "nothing": "None of {ways} ways of asking does better than {start}, which is right on {share} of "
        "{cases} cases.",
        "prove": "Whether that holds is for sealed cases to say: lathe optimize.",
        "full": "There is hardly anything left to gain; harder cases would show more.",
        "more": "A larger --budget would tell.",
        "unreadable": "Many answers settle on nothing that can be read: a longer --max-tokens, a clearer output "
        "format, or lathe eval --answer choice may help more than other words.",
        "guessing": "Its answers are not shown to be better than guessing, so other words are not likely to help: "
        "try a larger model.",
        "larger": "What would help: a larger model, hints in the task's file, or prompts of your own with --prompt.",
    },
    "zh": {
        "space": "",
        "shown": "提示词能起作用：{best}比{start}更常答对，在{common}道题上相差{difference}个百分点（{interval}）。",
        "not shown": "尚不能确定：{best}也许比{start}好，在{common}道题上相差{difference}个百分点（{interval}）。",
        "nothing": "试过的{ways}种问法都不比{start}好，它在{cases}道题上答对{share}。",
        "prove": "是否真的成立，要由封存题来证明：lathe optimize。",
        "full": "几乎没有提升的余地了；换更难的题才看得出差别。",
        "more": "加大 --budget 就能分辨。",
        "unreadable": "许多回答读不出结论：加大 --max-tokens、写清输出格式，或用 lathe eval --answer choice，"
        "可能比换说法更有用。",
        "guessing": "没有证据表明它的回答胜过随机猜测，换说法恐怕帮不上忙：请试更大的模型。",
        "larger": "可能有帮助的做法：换更大的模型，在任务文件里写提示（hints），或用 --prompt 给出自己的提示词。",
    },
}
