"""The dot-and-interval plot of a run as SVG that the page's own style sheet colours."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from xml.etree import ElementTree as ET

from promptlathe.evaluation.summary import RunSummary

_INK, _MUTED, _GRID, _ACCENT, _CHANCE, _SHORTCUT = (
    "#000001",
    "#000002",
    "#000003",
    "#000004",
    "#000005",
    "#000006",
)
_VARIABLES = {
    _INK: "var(--ink)",
    _MUTED: "var(--muted)",
    _GRID: "var(--line)",
    _ACCENT: "var(--accent)",
    _CHANCE: "var(--chance)",
    _SHORTCUT: "var(--shortcut)",
}
"""matplotlib knows colours only as numbers: these stand for the variables until the SVG is written."""

_FONT_FAMILY = re.compile(r"font-family:[^;]*;?\s*|(?<=px) '[^;]*")
_ROW_PX, _AXIS_PX, _TOP_PX = 44, 30, 8


@dataclass(frozen=True, slots=True)
class Plot:
    """`svg` has classes instead of style attributes, which a strict content security policy forbids; `css`
    says what they mean. Neither has an address in it."""

    svg: str
    css: str


def accuracy_plot(summary: RunSummary, *, width_px: int, class_prefix: str) -> Plot:
    """Accuracy of every prompt with its interval, chance as a dashed line, the shortcuts as dotted ones.

    Prompts without answers have a row but no dot. `class_prefix` keeps two plots on one page apart.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    count = len(summary.prompts)
    height_px = _TOP_PX + _ROW_PX * count + _AXIS_PX
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": class_prefix, "font.size": 9}):
        figure = Figure(figsize=(width_px / 96, height_px / 96), dpi=96)
        figure.patch.set_visible(False)
        side = 20 / width_px
        axes = figure.add_axes(
            (side, _AXIS_PX / height_px, 1 - 2 * side, 1 - (_AXIS_PX + _TOP_PX) / height_px), frame_on=False
        )
        axes.set(xlim=(0, 1), ylim=(max(count, 1), 0), yticks=[])
        ticks = [0, 0.25, 0.5, 0.75, 1]
        axes.set_xticks(ticks, [f"{tick:.0%}" for tick in ticks])
        axes.tick_params(color=_GRID, labelcolor=_MUTED)
        axes.grid(axis="x", color=_GRID, linewidth=0.75)
        axes.set_axisbelow(True)
        for score in sorted(set(summary.shortcuts.values())):
            if score == score:
                axes.axvline(score, color=_SHORTCUT, linewidth=1, linestyle=(0, (1, 2)), clip_on=False)
        if summary.chance:
            axes.axvline(summary.chance, color=_CHANCE, linewidth=1.5, linestyle=(0, (5, 3)), clip_on=False)
        for row, prompt in enumerate(summary.prompts):
            axes.text(0, row + 0.32, "name", color=_INK, gid=f"name-{row}")
            if prompt.total.cases:
                interval = prompt.total.interval
                ends = [interval.low, interval.high]
                axes.plot(ends, [row + 0.66] * 2, color=_ACCENT, linewidth=2.5, clip_on=False)
                axes.plot(prompt.total.accuracy, row + 0.66, "o", color=_ACCENT, markersize=7, clip_on=False)
        written = StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None})
    return _for_page(written.getvalue(), [prompt.name for prompt in summary.prompts], class_prefix)


def _for_page(svg: str, names: Sequence[str], class_prefix: str) -> Plot:
    """Bare SVG for use inside HTML, with the true names, which matplotlib need not have glyphs for."""
    root = ET.fromstring(svg)  # noqa: S314 - matplotlib wrote it, and no name was in it yet
    classes: dict[str, str] = {}
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        for name, value in list(element.items()):
            del element.attrib[name]
            element.set(name.rpartition("}")[2], value)
        if style := element.attrib.pop("style", ""):
            element.set("class", classes.setdefault(_coloured(style), f"{class_prefix}{len(classes)}"))
        row = element.get("id", "").removeprefix("name-")
        if element.tag == "g":
            element.attrib.pop("id", None)
        if row.isdigit():
            element.find(".//{*}text").text = names[int(row)]  # type: ignore[union-attr]
    for unwanted in ("metadata", "defs/style"):
        parent = root.find(unwanted.rpartition("/")[0] or ".")
        child = root.find(unwanted)
        if parent is not None and child is not None:
            parent.remove(child)
    del root.attrib["width"], root.attrib["height"]
    root.set("aria-hidden", "true")
    css = "".join(f".{name}{{{style}}}" for style, name in classes.items())
    return Plot(ET.tostring(root, encoding="unicode"), css)


def _coloured(style: str) -> str:
    for colour, variable in _VARIABLES.items():
        style = style.replace(colour, variable)
    return _FONT_FAMILY.sub("", style).replace("font: ", "font-size: ")
