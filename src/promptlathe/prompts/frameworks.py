"""Other prompt frameworks: their fields, and what of LangGPT each field holds.

A framework's text is headings with its fields' names. Sections that share a field, or have none of their own,
stand in it below headings with their own names, so that the way back finds them again.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from promptlathe.errors import PromptError, UnknownNameError
from promptlathe.prompts.document import LayoutKind, PromptDocument, clean_body
from promptlathe.prompts.outline import Entry, Loss, Outline, differences, outline_of
from promptlathe.prompts.scanning import Candidate, Scan
from promptlathe.prompts.sections import CanonicalName, Language, canonical_name, has_chinese, section_name
from promptlathe.prompts.writing import Written, with_variables_in

FrameworkId = Literal["crispe", "co-star", "rtf", "ape", "broke", "risen", "icio"]
FRAMEWORK_IDS: tuple[FrameworkId, ...] = get_args(FrameworkId)


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `holds` are the sections that belong in it, the first being what plain text in it becomes.

    With `part`, the field is a labelled part of its section: CO-STAR's Audience is `Audience` in Background.
    """

    name: str
    chinese: str
    holds: tuple[CanonicalName, ...]
    part: bool = False
    aliases: tuple[str, ...] = ()

    def label(self, language: Language) -> str:
        return self.chinese if language == "zh" else self.name


FRAMEWORKS: dict[FrameworkId, tuple[Field, ...]] = {
    "crispe": (
        Field("Capacity and Role", "能力与角色", ("Role", "Profile", "Skills"), aliases=("Capacity", "角色")),
        Field("Insight", "洞察", ("Background", "Definition"), aliases=("洞察力", "背景")),
        Field("Statement", "指令", ("Goals", "Workflow", "Constraints", "Rules"), aliases=("陈述", "任务")),
        Field("Personality", "个性", ("Style", "Tone"), aliases=("风格",)),
        Field("Experiment", "尝试", ("Suggestions",), aliases=("实验",)),
    ),
    "co-star": (
        Field("Context", "上下文", ("Background",), aliases=("背景",)),
        Field("Objective", "目标", ("Goals", "Workflow", "Role"), aliases=("任务",)),
        Field("Style", "风格", ("Style",)),
        Field("Tone", "语气", ("Tone",), aliases=("语调",)),
        Field("Audience", "受众", ("Background",), part=True),
        Field("Response", "响应", ("OutputFormat",), aliases=("Response Format", "回复", "输出")),
    ),
    "rtf": (
        Field("Role", "角色", ("Role", "Profile", "Skills")),
        Field("Task", "任务", ("Goals", "Workflow")),
        Field("Format", "格式", ("OutputFormat",)),
    ),
    "ape": (
        Field("Action", "行动", ("Workflow", "Goals"), aliases=("动作",)),
        Field("Purpose", "目的", ("Background",)),
        Field("Expectation", "期望", ("OutputFormat",), aliases=("预期",)),
    ),
    "broke": (
        Field("Background", "背景", ("Background",)),
        Field("Role", "角色", ("Role", "Profile", "Skills")),
        Field("Objectives", "目标", ("Goals", "Workflow"), aliases=("Objective",)),
        Field("Key results", "关键结果", ("Goals",), part=True, aliases=("Key result",)),
        Field("Evolve", "演进", ("Suggestions",), aliases=("改进", "试验并改进")),
    ),
    "risen": (
        Field("Role", "角色", ("Role", "Profile", "Skills")),
        Field("Instructions", "指令", ("Goals",), aliases=("Instruction",)),
        Field("Steps", "步骤", ("Workflow",)),
        Field("End goal", "最终目标", ("Goals",), part=True, aliases=("Expectation",)),
        Field("Narrowing", "限定", ("Constraints", "Rules"), aliases=("约束",)),
    ),
    "icio": (
        Field("Instruction", "指令", ("Goals", "Workflow"), aliases=("Instructions",)),
        Field("Context", "上下文", ("Background",), aliases=("背景", "背景信息")),
        Field("Input data", "输入数据", ("InputFormat",), aliases=("Input", "输入")),
        Field("Output indicator", "输出指示", ("OutputFormat",), aliases=("Output", "输出引导", "输出")),
    ),
}


def framework_named(name: str) -> FrameworkId:
    """Raises UnknownNameError."""
    for framework in FRAMEWORK_IDS:
        if name.casefold().replace("_", "-") in (framework, framework.replace("-", "")):
            return framework
    raise UnknownNameError("framework", name, FRAMEWORK_IDS)


def detect_framework(text: str) -> FrameworkId | None:
    """The framework whose fields, all but one at least and two in any case, the text is made of."""
    scan = Scan(text)
    best: FrameworkId | None = None
    share = 0.0
    for framework, fields in FRAMEWORKS.items():
        found = {field.name for field, _ in _fields(scan, fields)}
        if len(found) >= max(2, len(fields) - 1) and len(found) / len(fields) > share:
            best, share = framework, len(found) / len(fields)
    return best


def write_framework(
    document: PromptDocument, framework: FrameworkId, language: Language | None = None
) -> Written:
    """The document as a framework's text; losses name the sections without a field, and what is read back
    differently, such as the order that the framework's fields impose.

    Raises PromptError for a prompt without sections.
    """
    language = language or document.language
    outline, fields = outline_of(document), FRAMEWORKS[framework]
    if not outline.entries:
        raise PromptError("the prompt has no sections to convert", hint="give it at least a Role and Goals")
    outline, changes = with_variables_in(outline)
    losses = [*changes]
    kept: dict[str, list[Entry]] = {field.name: [] for field in fields}
    for entry in outline.entries:
        body, parts = _parts_out(entry.canonical, entry.body, fields, language)
        for part, text in parts:
            kept[part.name].append(Entry(None, "", text))
        own = next((field for field in fields if entry.canonical in field.holds and not field.part), None)
        place = own or _rest(fields)
        if own is None:
            losses.append(Loss("placed", entry.name, place.label(language)))
        if body or not parts:
            kept[place.name].append(Entry(entry.canonical, entry.name, body))
    blocks = [outline.preamble] if outline.preamble else []
    blocks += [
        f"## {field.label(language)}\n{_field_text(field, kept[field.name], language)}".rstrip()
        for field in fields
        if kept[field.name]
    ]
    text = "\n\n".join(blocks) + "\n"
    return Written(text, (*losses, *differences(outline, read_framework(text, framework)[0])))


def read_framework(text: str, framework: FrameworkId) -> tuple[Outline, tuple[Loss, ...]]:
    """A framework's text as sections; losses name the fields that had to be guessed at or joined.

    Raises PromptError if none of its fields is there.
    """
    scan = Scan(text)
    places = _fields(scan, FRAMEWORKS[framework])
    if not places:
        labels = ", ".join(field.name for field in FRAMEWORKS[framework])
        raise PromptError(f"no field of {framework.upper()} is in this text", hint=f"its fields: {labels}")
    language: Language = "zh" if has_chinese(text[places[0][1].start : places[0][1].end]) else "en"
    entries: list[Entry] = []
    ends = [candidate.start for _, candidate in places[1:]] + [len(text)]
    for (field, candidate), end in zip(places, ends, strict=True):
        body = clean_body(text[candidate.end : end])
        if field.part:
            _join(entries, field, body, language)
        else:
            entries += _entries(field, body)
    preamble = text[: places[0][1].start].removeprefix("\ufeff").strip()
    return Outline(preamble, tuple(entries)), _missing(framework, places, language)


def _missing(
    framework: FrameworkId, places: Sequence[tuple[Field, Candidate]], language: Language
) -> tuple[Loss, ...]:
    there = {field.name for field, _ in places}
    detail = "没有这一栏" if language == "zh" else "not in the text"
    absent = (field for field in FRAMEWORKS[framework] if field.name not in there)
    return tuple(Loss("guessed", field.label(language), detail) for field in absent)


def _fields(scan: Scan, fields: Sequence[Field]) -> list[tuple[Field, Candidate]]:
    """The fields in the text, in the layout that shows the most of them."""
    by_key = {_key(name): field for field in fields for name in (field.name, field.chinese, *field.aliases)}
    best: list[tuple[Field, Candidate]] = []
    kinds: tuple[LayoutKind, ...] = ("bullet", "flat", "plain")
    for candidates in (scan.headings(), *(scan.labels(kind) for kind in kinds)):
        named = ((by_key.get(_key(candidate.written)), candidate) for candidate in candidates)
        found = [(field, candidate) for field, candidate in named if field]
        level = min((candidate.level for _, candidate in found), default=0)
        found = [(field, candidate) for field, candidate in found if candidate.level == level]
        if len({field.name for field, _ in found}) > len({field.name for field, _ in best}):
            best = found
    return best


def _key(name: str) -> str:
    """`**C**ontext (上下文)` and `CONTEXT` are one name."""
    name = re.sub(r"[(（][^)）]{0,40}[)）]", "", name)
    return "".join(character for character in name.casefold() if character.isalnum())


def _rest(fields: Sequence[Field]) -> Field:
    """Where what has no field goes: to what the model is told to do."""
    return next(field for field in fields if "Goals" in field.holds)


def _parts_out(
    canonical: CanonicalName | None, body: str, fields: Sequence[Field], language: Language
) -> tuple[str, list[tuple[Field, str]]]:
    """The body without the labelled parts that are fields of their own, and these."""
    found = []
    for field in fields:
        if not field.part or canonical not in field.holds:
            continue
        label = re.escape(field.label(language))
        match = re.search(
            rf"^- {label}:[ \t]*(?P<first>[^\n]*)(?P<rest>(?:\n(?:  [^\n]*)?(?=\n|\Z))*)", body, re.MULTILINE
        )
        if match:
            found.append((field, clean_body(match["first"] + match["rest"])))
            body = clean_body(
                "\n" + (body[: match.start()].rstrip("\n") + "\n" + body[match.end() :].lstrip("\n"))
            )
    return body, found


def _join(entries: list[Entry], field: Field, body: str, language: Language) -> None:
    """Adds a part to its section, or makes one for it."""
    first, *rest = body.split("\n")
    text = "\n".join(
        [f"- {field.label(language)}: {first}".rstrip(), *(f"  {line}" if line else "" for line in rest)]
    )
    for index, entry in enumerate(entries):
        if entry.canonical == field.holds[0]:
            joined = f"{entry.body}\n{text}" if entry.body else text
            entries[index] = Entry(entry.canonical, entry.name, joined, entry.parent)
            return
    entries.append(Entry(field.holds[0], field.holds[0], text))


def _field_text(field: Field, entries: Sequence[Entry], language: Language) -> str:
    """The first section's text as it is if it is what plain text here means; others below their names."""
    blocks = []
    for index, entry in enumerate(entries):
        is_plain = index == 0 and (not entry.name or entry.name == field.holds[0])
        own = (
            section_name(entry.canonical, language)
            if entry.canonical == entry.name and entry.canonical
            else entry.name
        )
        blocks.append(entry.body if is_plain or not own else f"### {own}\n{entry.body}".rstrip())
    return "\n\n".join(block for block in blocks if block)


def _entries(field: Field, body: str) -> Iterator[Entry]:
    """The sections in a field: its own text, then what stands below `### Name`."""
    scan = Scan(body)
    inner = [candidate for candidate in scan.headings() if candidate.level == 3]
    first = body[: inner[0].start] if inner else body
    if text := clean_body("\n" + first):
        yield Entry(field.holds[0], field.holds[0], text)
    elif not inner:
        yield Entry(field.holds[0], field.holds[0], "")
    for candidate, end in zip(inner, [*(c.start for c in inner[1:]), len(body)], strict=False):
        canonical = canonical_name(candidate.written)
        yield Entry(canonical, canonical or candidate.written, clean_body(body[candidate.end : end]))
