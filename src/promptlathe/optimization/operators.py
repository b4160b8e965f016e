"""Changes of one section at a time, made without a model: from the task's hints, its `propose` cases, and the
prompt itself. Small models cannot rewrite their own prompts, so these must suffice for them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain

from promptlathe.errors import PromptError
from promptlathe.optimization.battery import battery
from promptlathe.optimization.candidates import Proposal
from promptlathe.optimization.search import Situation
from promptlathe.prompts import (
    Example,
    ExamplesMode,
    Prompt,
    PromptDocument,
    examples_body,
    parse,
    read_examples,
    write,
)
from promptlathe.prompts.rules.source import LintOptions, LintSource
from promptlathe.prompts.rules.usage import api_initialization as without_greeting
from promptlathe.tasks.case import Case, Language
from promptlathe.tasks.task import Hints

EXAMPLE_COUNTS = (4, 8, 2, 16)
_MODES: tuple[ExamplesMode, ...] = ("messages", "text")

Change = tuple[Callable[[], PromptDocument | Prompt], str | None, str]
"""Makes the changed document (or whole prompt); the section it is about; why. Making may raise PromptError."""
Operator = Callable[[Situation], Iterator[Change]]


class BatteryProposer:
    """Whole prompts of other forms, instead of the start: they show what the task needs at all.

    Where one of them has won, the others race against it: the first to beat the start need not be the best. Nothing
    once a form was worked on, nor where sections are frozen: none of these would keep them.
    """

    async def propose(self, situation: Situation, count: int) -> Sequence[Proposal]:
        incumbent = situation.incumbent
        forms = battery(situation.task, situation.propose)
        is_worked_on = incumbent.parent and incumbent.operator not in {form.name for form in forms}
        if is_worked_on or incumbent.prompt.frozen:
            return ()
        made = (
            Proposal(form, form.name, None, "a form of its own in the place of the whole prompt")
            for form in forms
        )
        return [proposal for proposal in made if proposal.prompt.digest not in situation.tried][:count]


class SectionProposer:
    """One section added, dropped, shortened or moved; operators take turns, so that kinds of change mix."""

    async def propose(self, situation: Situation, count: int) -> Sequence[Proposal]:
        found: dict[str, Proposal] = {}
        waiting = {operator.__name__.replace("_", "-"): operator(situation) for operator in OPERATORS}
        while waiting and len(found) < count:
            for name, changes in list(waiting.items()):
                proposal = self._next(name, changes, situation, found)
                if proposal is None:
                    del waiting[name]
                elif len(found) < count:
                    found[proposal.prompt.digest] = proposal
        return list(found.values())

    def _next(
        self, name: str, changes: Iterator[Change], situation: Situation, found: Mapping[str, Proposal]
    ) -> Proposal | None:
        before = situation.incumbent.prompt
        for make, section, reason in changes:
            try:
                changed = make()
            except PromptError:  # this text cannot be changed so; others can
                continue
            prompt = changed if isinstance(changed, Prompt) else replace(before, document=changed)
            is_new = prompt.digest not in situation.tried and prompt.digest not in found
            if is_new and prompt.digest != before.digest and keeps_frozen(before, prompt):
                return Proposal(prompt, name, section, reason)
        return None


def keeps_frozen(before: Prompt, after: Prompt) -> bool:
    """Whether every frozen section says what it said, and examples still reach the model as they did."""
    if "Examples" in before.frozen and after.examples != before.examples:
        return False
    for name in before.frozen:
        old, new = before.document.section(name), after.document.section(name)
        if old is None or new is None or old.body != new.body:
            return False
    return True


def examples(situation: Situation) -> Iterator[Change]:
    """Examples as turns and as text; first of the strata that fail, a pair of like cases side by side."""
    prompt = situation.incumbent.prompt
    for count in EXAMPLE_COUNTS:
        chosen = contrastive(situation, count)
        if len(chosen) < count:
            continue
        body = examples_body([Example(case.question, case.expected) for case in chosen], _language(situation))
        for mode in _MODES:
            how = "as turns of the conversation" if mode == "messages" else "as text"
            make = partial(_with_examples, prompt, body, mode)
            yield make, "Examples", f"{count} examples {how}, the failing kinds first"


def example_order(situation: Situation) -> Iterator[Change]:
    """The same examples the other way round: the last one weighs most."""
    section = situation.incumbent.prompt.document.section("Examples")
    if section is None:
        return
    try:
        pairs = read_examples(section.body)
    except PromptError:
        return
    body = examples_body(reversed(pairs), _language(situation))
    yield _with(situation, "Examples", body), "Examples", "the examples in reverse order"


def output_format(situation: Situation) -> Iterator[Change]:
    for line in _hints(situation).output_formats:
        reason = "another way of asking for an answer that can be read"
        yield _with(situation, "OutputFormat", line), "OutputFormat", reason


def rules(situation: Situation) -> Iterator[Change]:
    """All the task's rules at once, then each alone, behind those that are there."""
    document = situation.incumbent.prompt.document
    name = "Rules" if document.section("Rules") else "Constraints"
    known = document.section(name)
    hints = _hints(situation).rules
    for lines in chain([hints] if len(hints) > 1 else [], ([line] for line in hints)):
        body = "\n".join([*([known.body] if known and known.body else []), *(f"- {line}" for line in lines)])
        reason = "all rules that the task knows" if len(lines) > 1 else f"the rule: {lines[0]}"
        yield _with(situation, name, body), name, reason


def workflow(situation: Situation) -> Iterator[Change]:
    steps = _hints(situation).workflow
    if steps:
        body = "\n".join(f"{number}. {step}" for number, step in enumerate(steps, start=1))
        yield _with(situation, "Workflow", body), "Workflow", "the steps that the task knows"


def drop(situation: Situation) -> Iterator[Change]:
    """Each section away, the longest first: what is not there costs nothing and distracts from nothing."""
    document = situation.incumbent.prompt.document
    for section in sorted(document.sections, key=lambda section: -len(section.source)):
        reason = f"without {section.name}: is it worth its tokens?"
        yield partial(document.without, section), section.name, reason


def shorten(situation: Situation) -> Iterator[Change]:
    """The first half of a section's lines."""
    document = situation.incumbent.prompt.document
    for section in sorted(document.sections, key=lambda section: -len(section.source)):
        lines = section.body.splitlines()
        if len(lines) > 2 and section.canonical != "Examples":
            body = "\n".join(lines[: (len(lines) + 1) // 2])
            make = partial(document.with_section, section.name, body)
            yield make, section.name, "the first half of its lines"


def flatten(situation: Situation) -> Iterator[Change]:
    """The form that weak models follow best."""
    document = situation.incumbent.prompt.document
    if document.sections:
        yield (
            lambda: parse(write(document, "flat").text),
            None,
            "the flat form: numbered sections, no headings",
        )


def api_initialization(situation: Situation) -> Iterator[Change]:
    """Nobody is there to be greeted."""
    prompt = situation.incumbent.prompt
    section = prompt.document.section("Initialization")
    if section:
        line = without_greeting(LintSource(prompt, LintOptions()), section.body)
        yield _with(situation, "Initialization", line), "Initialization", "called by programs: no greeting"


def format_last(situation: Situation) -> Iterator[Change]:
    """What stands last is followed best; and what changes late leaves the prefix before it cached."""
    document = situation.incumbent.prompt.document
    names = [section.name for section in document.sections if section.level <= document.layout.level]
    for name in ("OutputFormat", "Constraints", "Rules"):
        if name in names and names[-1] != name and len(set(names)) == len(names):
            order = [*(other for other in names if other != name), name]
            yield partial(document.reordered, order), name, f"{name} last"


OPERATORS: tuple[Operator, ...] = (
    examples,
    output_format,
    rules,
    workflow,
    drop,
    flatten,
    api_initialization,
    shorten,
    format_last,
    example_order,
)


def contrastive(situation: Situation, count: int) -> list[Case]:
    """`count` of the `propose` cases, each of a cluster of its own: strata by turns, those that fail most first,
    and the members of the clusters (first this order, then that) by turns."""
    failures = [case.stratum for case, _ in situation.failed]
    groups: dict[str, dict[str, list[Case]]] = {}
    for case in situation.propose:
        groups.setdefault(case.stratum, {}).setdefault(case.cluster, []).append(case)
    by_need = sorted(groups, key=lambda stratum: -failures.count(stratum))
    queues = [list(groups[stratum].values()) for stratum in by_need]
    chosen: list[Case] = []
    turn = 0
    while any(queues) and len(chosen) < count:
        queue = queues[turn % len(queues)]
        if queue:
            cluster = queue.pop(0)
            chosen.append(cluster[len(chosen) % len(cluster)])
        turn += 1
    return chosen


def _with(situation: Situation, name: str, body: str) -> Callable[[], PromptDocument]:
    return partial(situation.incumbent.prompt.document.with_section, name, body)


def _with_examples(prompt: Prompt, body: str, mode: ExamplesMode) -> Prompt:
    return replace(prompt, document=prompt.document.with_section("Examples", body), examples=mode)


def _language(situation: Situation) -> Language:
    return language_of(situation.incumbent.prompt)


def language_of(prompt: Prompt) -> Language:
    """What it is mostly written in: a Chinese prompt may have English headings."""
    return LintSource(prompt, LintOptions()).language


def _hints(situation: Situation) -> Hints:
    """In the prompt's language if the task has any: instructions in two languages confuse."""
    known = situation.task.hints
    nearest = [known.get(_language(situation)), *known.values()]
    return next((hints for hints in nearest if hints and hints != Hints()), Hints())
