"""What promptfoo's files become: each assertion judged as promptfoo would, and nothing lost in silence."""

import textwrap
from collections.abc import Mapping
from functools import partial

import pytest
from ruamel.yaml import YAML

from promptlathe.errors import TaskError
from promptlathe.tasks.file import read_task
from promptlathe.tasks.file_cases import FileCases
from promptlathe.tasks.graders import make_grader
from promptlathe.tasks.promptfoo import Imported, import_promptfoo
from promptlathe.tasks.task import Task


def imported(text: str, beside: Mapping[str, str] | None = None) -> Imported:
    def read_beside(name: str) -> bytes:
        if name not in (beside or {}):
            raise FileNotFoundError(2, "No such file or directory")
        return (beside or {})[name].encode()

    return import_promptfoo(textwrap.dedent(text).encode(), path="pf.yaml", beside=read_beside)


def task_of(found: Imported) -> Task:
    def nothing(name: str) -> bytes:
        raise FileNotFoundError(name)

    return read_task(
        found.task.encode(), name="t", path="t.yaml", beside=nothing, make_grader=partial(make_grader)
    )


def notes(found: Imported) -> list[str]:
    return [f"{note.where}: {note.message}" for note in found.notes]


def test_a_usual_file() -> None:
    found = imported("""\
        description: Capitals
        prompts:
          - 'You know the world. Be brief. {{question}}'
          - |
            [{"role": "system", "content": "Only the city."}, {"role": "user", "content": "{{question}}"}]
        providers: [openai:gpt-5-mini]
        defaultTest:
          assert:
            - type: not-contains
              value: sorry
        tests:
          - description: a name
            vars: {question: Capital of France?}
            assert:
              - type: icontains
                value: paris
              - type: llm-rubric
                value: is polite
          - vars: {question: Capital of Japan?}
            assert:
              - {type: equals, value: Tokyo}
          - vars: {question: Capital of nowhere?}
            assert:
              - type: javascript
                value: output.length < 10
        """)
    assert found.prompts == ("You know the world. Be brief.", "Only the city.")
    assert notes(found) == [
        "pf.yaml:17: assertion left out: llm-rubric asks another model (see the grader `judge`)",
        "pf.yaml:24: assertion left out: javascript runs code of its own (see the grader `python`)",
        "pf.yaml:6: left out: `providers`; choose models with --model",
        "pf.yaml:2: the prompts are system messages now; the user's message is '{{question}}'",
    ]
    task = task_of(found)
    assert isinstance(task.source, FileCases)
    paris, tokyo, nowhere = task.source.cases
    assert (task.description["en"], paris.question, tokyo.expected) == (
        "Capitals", "Capital of France?", "Tokyo"
    )  # fmt: skip
    assert [task.grade(paris, said).verdict for said in ("It is PARIS.", "Rome", "sorry, Paris")] == [
        "correct", "wrong", "wrong"
    ]  # fmt: skip
    assert [task.grade(tokyo, said).verdict for said in ("Tokyo", "It is Tokyo")] == ["correct", "wrong"]
    assert [task.grade(nowhere, said).verdict for said in ("None", "I am sorry")] == ["correct", "wrong"]


ASSERTIONS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    # The assertion; answers that pass in promptfoo; answers that fail.
    "equals": ("{type: equals, value: Paris}", ("Paris",), ("paris", "It is Paris", "Paris.")),
    "equals a number": ("{type: equals, value: 1.10}", ("1.10",), ("1.1",)),
    "not-equals": ("{type: not-equals, value: Paris}", ("Rome",), ("Paris",)),
    "contains": ("{type: contains, value: Paris}", ("It is Paris.",), ("paris", "Rome")),
    "icontains": ("{type: icontains, value: Paris}", ("in paris.",), ("Rome",)),
    "not-icontains": ("{type: not-icontains, value: Paris}", ("Rome",), ("PARIS",)),
    "a variable": ("{type: contains, value: '{{v}} it is'}", ("Hm, x it is",), ("{{v}} it is",)),
    "contains-any": ("{type: contains-any, value: [a1, b2]}", ("b2",), ("A1", "c")),
    "contains-any in a text": ("{type: contains-any, value: 'a1, b2'}", ("xb2",), ("c",)),
    "contains-all": ("{type: contains-all, value: [a1, b2]}", ("b2 a1",), ("a1",)),
    "icontains-all": ("{type: icontains-all, value: [a1, b2]}", ("B2 A1",), ("A1",)),
    "not-contains-any": ("{type: not-contains-any, value: [a1, b2]}", ("c",), ("a1",)),
    "regex": (r"{type: regex, value: '^(\d{4})-[()]$'}", ("2026-(",), ("2026",)),
    "not-regex": (r"{type: not-regex, value: '\d'}", ("none",), ("4",)),
    "starts-with": ("{type: starts-with, value: 'a.b'}", ("a.b c",), ("axb c", "c a.b")),
    "is-json": ("{type: is-json}", ('{"a": 1}',), ("hello",)),
    "a schema": (
        "{type: is-json, value: {type: object, required: [a], properties: {a: {minimum: 2}}}}",
        ('{"a": 2}',),
        ('{"a": 1}', "{}", "hello"),
    ),
    "equals an object": ("{type: equals, value: {a: 1}}", ('{"a": 1}',), ('{"a": 2}',)),
}


@pytest.mark.parametrize("name", ASSERTIONS)
def test_an_assertion_judges_as_in_promptfoo(name: str) -> None:
    written, passing, failing = ASSERTIONS[name]
    found = imported(f"tests:\n  - vars: {{v: x}}\n    assert: [{written}]\n")
    task = task_of(found)
    assert isinstance(task.source, FileCases)
    (case,) = task.source.cases
    assert {said: task.grade(case, said).verdict == "correct" for said in (*passing, *failing)} == {
        **dict.fromkeys(passing, True),
        **dict.fromkeys(failing, False),
    }


LEFT_OUT = {
    "{type: python, value: x}": "python runs code",
    "{type: similar, value: x}": "similar asks another model",
    "{type: model-graded-closedqa, value: x}": "model-graded-closedqa asks another model",
    "{type: latency, threshold: 5}": "latency with `threshold`",
    "{type: word-count, value: 5}": "word-count has no counterpart",
    "{type: equals}": "an assertion without a text as `value`",
    "{type: equals, value: file://x.json}": "a value in a file (file://x.json)",
    "{type: equals, value: '{{ v | upper }}'}": "the template",
    "{type: equals, value: '{{ other }}'}": "the template",
    "{type: contains, value: x, transform: output.trim()}": "contains with `transform`",
    r"{type: regex, value: '(a)\1'}": "a regex that refers back",
    "{value: x}": "an assertion without `type`",
    "text": "an assertion without `type`",
}


@pytest.mark.parametrize("written", LEFT_OUT)
def test_what_cannot_be_taken_is_named_with_its_line(written: str) -> None:
    found = imported(f"""\
        tests:
          - vars: {{v: x}}
            assert:
              - {{type: equals, value: a}}
              - {written}
        """)
    assert [note.where for note in found.notes] == ["pf.yaml:5"]
    assert found.notes[0].message.startswith(f"assertion left out: {LEFT_OUT[written]}")


def test_tests_that_cannot_be_taken() -> None:
    found = imported("""\
        tests:
          - file://more.csv
          - vars: {v: file://x.txt}
            assert: [{type: equals, value: a}]
          - vars: {v: {w: x}}
            assert: [{type: equals, value: a}]
          - vars: file://vars.yaml
            assert: [{type: equals, value: a}]
          - vars: {v: x}
          - vars: {v: x}
            threshold: 0.5
            assert: [{type: equals, value: a}, {type: equals, value: b}]
          - vars: {v: x}
            assert: [{type: equals, value: a}]
        """)
    assert found.cases == 1
    assert notes(found) == [
        "pf.yaml:2: test left out: tests elsewhere (file://more.csv); copy them into this file",
        "pf.yaml:3: test left out: the variable 'v' comes from a file or a template",
        "pf.yaml:5: test left out: the variable 'v' is no text",
        "pf.yaml:7: test left out: its `vars` are elsewhere",
        "pf.yaml:9: test left out: no assertion of it can be taken",
        "pf.yaml:11: left out: `threshold` of a test",
        "pf.yaml:10: test left out: it must equal two different texts",
    ]


def test_lists_of_values_are_multiplied_out_and_names_that_mean_something_are_changed() -> None:
    found = imported("""\
        prompts: ['Put {{text}} into {{language}}.']
        tests:
          vars: {text: [Hi, Bye], language: [French, German]}
          assert: [{type: contains-any, value: [a, b]}]
        """)
    task = task_of(found)
    assert isinstance(task.source, FileCases)
    assert [dict(case.variables) for case in task.source.cases] == [
        {"text": text, "language_": language} for text in ("Hi", "Bye") for language in ("French", "German")
    ]
    assert task.source.cases[0].question == "text: Hi\nlanguage: French"
    assert found.prompts == ("Put {{text}} into {{language_}}.",)
    assert "the variable 'language' is called 'language_' now" in found.notes[0].message


def test_prompts_in_files_and_those_that_cannot_be_taken() -> None:
    found = imported(
        """\
        prompts:
          - file://two.txt
          - file://code.js
          - 'Hi {% if v %}{{v}}{% endif %}'
          - file://gone.txt
          - '[{"role": "user", "content": "{{v}}"}, {"role": "assistant", "content": "a"}]'
        tests: [{vars: {v: x}, assert: [{type: equals, value: a}]}]
        """,
        {"two.txt": "First. {{v}}\n---\nSecond. {{ v }}\n"},
    )
    assert found.prompts == ("First.", "Second.")
    assert [note.split(": ", 1)[0] for note in notes(found)[:4]] == [
        f"pf.yaml:{line}" for line in (3, 4, 5, 6)
    ]


def test_a_variable_that_only_some_tests_give_is_empty_and_one_that_none_gives_loses_the_prompt() -> None:
    found = imported("""\
        prompts: ['Be {{mood}}. {{v}}', 'Say {{w}}']
        tests:
          - {vars: {v: x, mood: kind}, assert: [{type: equals, value: a}]}
          - {vars: {v: y}, assert: [{type: equals, value: a}]}
        """)
    assert found.prompts == ("Be {{mood}}.",)
    assert "left out: a prompt asks for w, which no test gives" in found.notes[0].message
    source = task_of(found).source
    assert isinstance(source, FileCases)
    assert [case.variables["mood"] for case in source.cases] == ["kind", ""]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prompts: [x]", "pf.yaml:1: no promptfoo configuration: there are no `tests`"),
        ("- a", "pf.yaml:1: no promptfoo configuration: there are no `tests`"),
        ("a: 1\ntests: [file://x.csv]", "pf.yaml:2: no test can be taken over"),
        ("tests: [", "pf.yaml:1: the file is not YAML"),
    ],
)
def test_what_is_no_configuration(text: str, message: str) -> None:
    with pytest.raises(TaskError) as caught:
        imported(text)
    assert str(caught.value).startswith(message)


def test_the_file_that_is_written_can_be_read_by_a_person() -> None:
    found = imported(
        "tests:\n  - vars: {国家: 法国, year: 2020-01-01}\n    assert: [{type: contains, value: no}]\n"
    )
    assert "国家: 法国" in found.task
    assert YAML(typ="safe", pure=True).load(found.task)["cases"][0]["year"] == "2020-01-01"
