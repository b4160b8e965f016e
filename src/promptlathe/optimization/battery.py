"""The battery: ways of asking that are worth trying before anything else, as prompts."""

from collections.abc import Sequence

from promptlathe.evaluation.plan import no_prompt
from promptlathe.prompts import Example, Prompt, examples_body, parse
from promptlathe.prompts.sections import Language
from promptlathe.tasks.case import Case
from promptlathe.tasks.task import Hints, Task

EXAMPLE_COUNTS = (2, 4, 8, 16, 24)

_HEADINGS = {
    "en": {"rules": "Constraints", "workflow": "Workflow", "format": "OutputFormat"},
    "zh": {"rules": "约束", "workflow": "工作流程", "format": "输出格式"},
}


def battery(task: Task, propose: Sequence[Case]) -> tuple[Prompt, ...]:
    """No prompt, a direct instruction, an answer-format line, the flat form, and examples as text and as turns.

    Examples come from `propose` only, one of a cluster: of a task with few of them, fewer counts are tried.
    Instructions are the task's hints, in each of its languages; names say what a prompt is.
    """
    prompts = [no_prompt()]
    for language in task.languages:
        prompts += _instructions(task, language)
    for count in EXAMPLE_COUNTS:
        examples = _examples(propose, count)
        if len(examples) == count:
            prompts += _with_examples(task, examples)
    return tuple(prompts)


def _instructions(task: Task, language: Language) -> list[Prompt]:
    hints, heading = task.hints.get(language, Hints()), _HEADINGS[language]
    bodies = {
        "rules": "".join(f"\n- {rule}" for rule in hints.rules),
        "workflow": "".join(f"\n- {step}" for step in hints.workflow),
        "format": "".join(f" {line}" for line in hints.output_formats[:1]),
    }
    sections = [f"{heading[name]}:{body}\n" for name, body in bodies.items() if body]
    texts = {
        "direct": "\n".join(hints.workflow),
        "answer-line": "".join(hints.output_formats[:1]),
        "flat": "".join(f"{number}.{section}" for number, section in enumerate(sections, 1)),
    }
    return [Prompt(f"{name}-{language}", parse(text)) for name, text in texts.items() if text]


def _with_examples(task: Task, examples: Sequence[Example]) -> list[Prompt]:
    """The examples below the answer-format line, once as text in the system message, once as turns."""
    language = task.languages[0]
    answer = parse("".join(task.hints.get(language, Hints()).output_formats[:1]))
    document = answer.with_section("Examples", examples_body(examples, language))
    count = len(examples)
    return [
        Prompt(f"text-{count}", document),
        Prompt(f"turns-{count}", document, examples="messages"),
    ]


def _examples(propose: Sequence[Case], count: int) -> list[Example]:
    """`count` question and answer pairs, each from a cluster of its own, first and second order by turns."""
    clusters: dict[str, list[Case]] = {}
    for case in propose:
        clusters.setdefault(case.cluster, []).append(case)
    members = list(clusters.values())[:count]
    chosen = [group[index % len(group)] for index, group in enumerate(members)]
    return [Example(case.question, case.expected) for case in chosen]
