"""Other prompt frameworks: their fields, and what of LangGPT each field holds.

A framework's text is headings with its fields' names. Sections that share a field, or have none of their own,
stand in it below headings with their own names, so that the way back finds them again.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

from promptlathe.errors import PromptError
from promptlathe.prompts.document import LayoutKind, PromptDocument, clean_body
from promptlathe.prompts.outline import Entry, Loss, Outline, differences, outline_of
from promptlathe.prompts.scanning import Candidate, Scan
from promptlathe.prompts.sections import (
    EVERYDAY_NAMES,
    CanonicalName,
    Language,
    has_chinese,
    section_name,
)
from promptlathe.prompts.writing import Written, with_variables_in

FrameworkId = Literal["crispe", "co-star", "rtf", "ape", "broke", "risen", "icio"]
FRAMEWORK_IDS: tuple[FrameworkId, ...] = get_args(FrameworkId)


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `holds` are the sections that belong in it, the first being what plain text in it becomes.

    With `part`, the field is a labelled part of its section, by these labels in English and Chinese: RISEN's End
    goal is the item `Outcome` of Goals.
    """

    name: str
    chinese: str
    holds: tuple[CanonicalName, ...]
    aliases: tuple[str, ...] = ()
    part: tuple[str, str] | None = None

    def label(self, language: Language) -> str:
        return self.chinese if language == "zh" else self.name


FRAMEWORKS: dict[FrameworkId, tuple[Field, ...]] = {
    "crispe": (
        Field(
            "Capacity and Role",
            "能力与角色",
            ("Role", "Profile", "Skills"),
            ("Capacity & Role", "Capacity", "能力和角色", "角色"),
        ),
        Field("Insight", "洞察", ("Background", "Definition"), ("洞察力", "背景")),
        Field("Statement", "指令", ("Goals", "Workflow", "Constraints", "Rules"), ("陈述", "任务")),
        Field("Personality", "个性", ("Style", "Tone"), ("风格",)),
        Field("Experiment", "尝试", ("Suggestions",), ("实验",)),
    ),
    "co-star": (
        Field("Context", "上下文", ("Background",), ("背景",)),
        Field("Objective", "目标", ("Goals", "Workflow", "Role"), ("任务",)),
        Field("Style", "风格", ("Style",)),
        Field("Tone", "语气", ("Tone",), ("语调",)),
        Field("Audience", "受众", ("Background",), part=("Audience", "受众")),
        Field("Response", "响应", ("OutputFormat",), ("Response Format", "回复", "输出")),
    ),
    "rtf": (
        Field("Role", "角色", ("Role", "Profile", "Skills")),
        Field("Task", "任务", ("Goals", "Workflow")),
        Field("Format", "格式", ("OutputFormat",)),
    ),
    "ape": (
        Field("Action", "行动", ("Workflow", "Goals"), ("动作",)),
        Field("Purpose", "目的", ("Background",)),
        Field("Expectation", "期望", ("OutputFormat",), ("预期",)),
    ),
    "broke": (
        Field("Background", "背景", ("Background",)),
        Field("Role", "角色", ("Role", "Profile", "Skills")),
        Field("Objectives", "目标", ("Goals", "Workflow"), ("Objective",)),
        Field("Key results", "关键结果", ("Goals",), ("Key result",), ("Done Criteria", "完成标准")),
        Field("Evolve", "演进", ("Suggestions",), ("改进", "试验并改进")),
    ),
    "risen": (
        Field("Role", "角色", ("Role", "Profile", "Skills")),
        Field("Instructions", "指令", ("Goals",), ("Instruction",)),
        Field("Steps", "步骤", ("Workflow",)),
        Field("End goal", "最终目标", ("Goals",), ("Expectation",), ("Outcome", "成果")),
        Field("Narrowing", "限定", ("Constraints", "Rules"), ("约束",)),
    ),
    "icio": (
        Field("Instruction", "指令", ("Goals", "Workflow"), ("Instructions",)),
        Field("Context", "上下文", ("Background",), ("背景", "背景信息")),
        Field("Input data", "输入数据", ("InputFormat",), ("Input", "输入")),
        Field("Output indicator", "输出指示", ("OutputFormat",), ("Output", "输出引导", "输出")),
    ),
}


@dataclass(frozen=True, slots=True)
class FrameworkDetection:
    """`confidence` is 0 to 1: how many fields are there, times how much of the text's labels they are."""

    framework: FrameworkId
    confidence: float
    reason: str


def detect_framework(text: str) -> FrameworkDetection | None:
    """The framework that most of the text's labels are fields of; None if fewer than three, or two missing."""
    labels = _labels(text)
    best: FrameworkDetection | None = None
    for framework, fields in FRAMEWORKS.items():
        places = _places(labels, fields)
        found = dict.fromkeys(field.name for field, _ in places if field)
        if len(found) < max(3, len(fields) - 1):
            continue
        among = sum(field is not None for field, _ in places) / len(places)
        confidence = round(len(found) / len(fields) * among, 2)
        if best is None or confidence > best.confidence:
            reason = f"{len(found)} of the {len(fields)} fields of {framework.upper()}: {', '.join(found)}"
            best = FrameworkDetection(framework, confidence, reason)
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
        body, parts = _parts_out(entry.canonical, entry.body, fields)
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
    return Written(text, (*losses, *differences(outline, read_framework(text, framework))))


def read_framework(text: str, framework: FrameworkId) -> Outline:
    """A framework's text as sections; LangGPT sections beside its fields stay sections of their own.

    Raises PromptError if none of its fields is there.
    """
    places = _places(_labels(text), FRAMEWORKS[framework])
    if not places:
        names = ", ".join(field.name for field in FRAMEWORKS[framework])
        raise PromptError(f"no field of {framework.upper()} is in this text", hint=f"its fields: {names}")
    first = places[0][1].start
    language: Language = "zh" if has_chinese("".join(place.written for _, place in places)) else "en"
    entries: list[Entry] = []
    ends = [candidate.start for _, candidate in places[1:]] + [len(text)]
    for (field, candidate), end in zip(places, ends, strict=True):
        body = clean_body(text[candidate.end : end])
        if field is None:
            entries.append(Entry(candidate.canonical, candidate.canonical or candidate.written, body))
        elif field.part:
            _join(entries, field.holds[0], field.part[language == "zh"], body, language)
        else:
            entries += _entries(field, body)
    return Outline(text[:first].removeprefix("\ufeff").strip(), tuple(entries))


_Place = tuple[Field | None, Candidate]


def _labels(text: str) -> dict[LayoutKind, list[Candidate]]:
    scan = Scan(text)
    kinds: tuple[LayoutKind, ...] = ("bullet", "flat", "plain")
    return {"heading": scan.headings(), **{kind: scan.labels(kind) for kind in kinds}}


def _places(labels: Mapping[LayoutKind, Sequence[Candidate]], fields: Sequence[Field]) -> list[_Place]:
    """The fields in the text, in the layout that shows the most of them, and the sections beside them."""
    by_key = {_key(name): field for field in fields for name in (field.name, field.chinese, *field.aliases)}
    best: list[_Place] = []
    most = 0
    for kind, candidates in labels.items():
        named = [(_field_named(candidate.written, by_key), candidate) for candidate in candidates]
        found = {field.name for field, _ in named if field}
        if len(found) > most:
            levels = Counter(candidate.level for field, candidate in named if field)
            level = max(levels, key=lambda level: (levels[level], -level))
            first = next(candidate.start for field, candidate in named if field and candidate.level <= level)
            most = len(found)
            best = [
                (field, candidate)
                for field, candidate in named
                if candidate.level <= level and (field or _is_section(candidate, kind, first))
            ]
    return best


def _is_section(candidate: Candidate, kind: LayoutKind, first: int) -> bool:
    """Whether a label that is no field is a section of LangGPT; a heading is, but for a title."""
    if kind == "heading":
        return candidate.canonical is not None or candidate.start > first
    return candidate.canonical is not None and candidate.canonical not in EVERYDAY_NAMES


def _field_named(written: str, by_key: Mapping[str, Field]) -> Field | None:
    """`2. 指令 Instruction` means the same in both languages."""
    key = _key(written).strip("0123456789")
    latin = "".join(character for character in key if character.isascii())
    other = "".join(character for character in key if not character.isascii())
    return by_key.get(key) or by_key.get(latin) or by_key.get(other)


@lru_cache(maxsize=4096)
def _key(name: str) -> str:
    """`**C**ontext (上下文)` and `CONTEXT` are one name."""
    name = re.sub(r"[(（][^)）]{0,40}[)）]", "", name)
    return "".join(character for character in name.casefold() if character.isalnum())


def _rest(fields: Sequence[Field]) -> Field:
    """Where what has no field goes: to what the model is told to do."""
    return next(field for field in fields if "Goals" in field.holds)


def _parts_out(
    canonical: CanonicalName | None, body: str, fields: Sequence[Field]
) -> tuple[str, list[tuple[Field, str]]]:
    """The body without the labelled parts that are fields of their own, and these."""
    found = []
    for field in fields:
        if not field.part or canonical not in field.holds:
            continue
        label = "|".join(map(re.escape, field.part))
        match = re.search(
            rf"^[-*+] \**(?:{label})\**[ \t]*[:：]\**[ \t]*(?P<text>[^\n]*(?:\n(?:[ \t][^\n]*)?(?=\n|\Z))*)",
            body,
            re.MULTILINE | re.IGNORECASE,
        )
        if match:
            found.append((field, clean_body(match["text"])))
            rest = body[: match.start()].rstrip("\n"), body[match.end() :].lstrip("\n")
            body = "\n".join(filter(None, rest))
    return body, found


def _join(entries: list[Entry], canonical: CanonicalName, label: str, body: str, language: Language) -> None:
    """Adds a part to its section, or makes one for it."""
    first, *rest = body.split("\n")
    colon = "：" if language == "zh" else ": "
    lines = [f"- {label}{colon}{first}".rstrip(), *(f"  {line}" if line else "" for line in rest)]
    text = "\n".join(lines)
    for index, entry in enumerate(entries):
        if entry.canonical == canonical:
            joined = f"{entry.body}\n{text}" if entry.body else text
            entries[index] = Entry(entry.canonical, entry.name, joined, entry.parent)
            return
    entries.append(Entry(canonical, canonical, text))


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
        canonical = candidate.canonical
        name = candidate.written if candidate.is_numbered else canonical or candidate.written
        yield Entry(canonical, name, clean_body(body[candidate.end : end]))
