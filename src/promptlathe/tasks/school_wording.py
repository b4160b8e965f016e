"""How `school-math` asks, in both languages, and the lines that prompts may borrow from it."""

from collections.abc import Mapping
from typing import Literal

from promptlathe.tasks.case import Language
from promptlathe.tasks.task import Hints

Question = Literal[
    "rectangle", "triangle", "square", "percent-of", "discount", "increase", "equation", "decimals"
]

Phrasings = Mapping[Language, Mapping[Question, tuple[str, ...]]]

OPEN_PHRASINGS: Phrasings = {
    "en": {
        "rectangle": (
            "A rectangle is {a} cm long and {b} cm wide. What is its area in square centimetres?",
            "What is the area, in cm², of a rectangle with sides of {a} cm and {b} cm?",
        ),
        "triangle": (
            "A triangle has a base of {a} cm and a height of {b} cm. What is its area in square centimetres?",
            "What is the area, in cm², of a triangle whose base is {a} cm and whose height is {b} cm?",
        ),
        "square": (
            "A square has sides of {a} cm. What is its area in square centimetres?",
            "What is the area, in cm², of a square with a side of {a} cm?",
        ),
        "percent-of": (
            "What is {a}% of {b}?",
            "Calculate {a} percent of {b}.",
        ),
        "discount": (
            "A jacket costs {b} dollars. In a sale it is {a}% cheaper. What does it cost in the sale, in dollars?",
            "A {b}-dollar lamp is reduced by {a}%. What is the new price in dollars?",
        ),
        "increase": (
            "A ticket costs {b} dollars, and its price goes up by {a}%. What is the new price in dollars?",
            "A town had {b} trees. Now it has {a}% more. How many trees does it have now?",
        ),
        "equation": (
            "Solve for x: {equation}",
            "If {equation}, what is x?",
        ),
        "decimals": (
            "What is {expression}?",
            "Calculate: {expression}",
        ),
    },
    "zh": {
        "rectangle": (
            "一个长方形长{a}厘米，宽{b}厘米，面积是多少平方厘米？",
            "长方形的两条邻边分别是{a}厘米和{b}厘米，求它的面积（平方厘米）。",
        ),
        "triangle": (
            "一个三角形的底是{a}厘米，高是{b}厘米，面积是多少平方厘米？",
            "三角形底边长{a}厘米，这条边上的高为{b}厘米，求面积（平方厘米）。",
        ),
        "square": (
            "一个正方形的边长是{a}厘米，面积是多少平方厘米？",
            "求边长为{a}厘米的正方形的面积（平方厘米）。",
        ),
        "percent-of": (
            "{b}的{a}%是多少？",
            "计算：{b}的百分之{a}等于多少？",
        ),
        "discount": (
            "一件外套原价{b}元，降价{a}%出售，现价是多少元？",
            "一盏{b}元的台灯便宜了{a}%，现在卖多少元？",
        ),
        "increase": (
            "一张门票原价{b}元，涨价{a}%后是多少元？",
            "某镇原有{b}棵树，现在多了{a}%，现在有多少棵树？",
        ),
        "equation": (
            "解方程：{equation}，x等于多少？",
            "已知{equation}，求x。",
        ),
        "decimals": (
            "{expression}等于多少？",
            "计算：{expression}",
        ),
    },
}

SEALED_PHRASINGS: Phrasings = {
    "en": {
        "rectangle": (
            "A garden in the shape of a rectangle measures {a} m by {b} m. How many square metres is that?",
            "A wall is {a} m long and {b} m high. How many square metres must be painted?",
        ),
        "triangle": (
            "A sail is a triangle, {a} m along the bottom and {b} m high. How many square metres of cloth is that?",
            "Find how many square metres a triangle covers whose base is {a} m and whose height is {b} m.",
        ),
        "square": (
            "Each side of a square field is {a} m. How many square metres is the field?",
            "How many square metres of carpet does a square room of {a} m by {a} m need?",
        ),
        "percent-of": (
            "How much is {a}% of {b}?",
            "Of {b} pupils, {a}% walk to school. How many pupils walk?",
        ),
        "discount": (
            "Shoes priced at {b} euros are sold at {a}% off. How many euros do you pay?",
            "With a voucher for {a}% off, how many euros does a {b}-euro bag cost?",
        ),
        "increase": (
            "A rent of {b} euros rises by {a}%. How many euros is it then?",
            "A club of {b} members grows by {a}%. How many members has it after that?",
        ),
        "equation": (
            "Find the number x for which {equation}.",
            "For which x is this true: {equation}?",
        ),
        "decimals": (
            "Work out {expression}.",
            "What does {expression} come to?",
        ),
    },
    "zh": {
        "rectangle": (
            "一块长方形菜地长{a}米、宽{b}米，占地多少平方米？",
            "一面墙长{a}米，高{b}米，要粉刷多少平方米？",
        ),
        "triangle": (
            "一面三角形的帆底边{a}米，高{b}米，需要多少平方米的布？",
            "底为{a}米、高为{b}米的三角形占多少平方米？",
        ),
        "square": (
            "一块正方形场地每边长{a}米，占地多少平方米？",
            "给{a}米见方的正方形房间铺地毯，需要多少平方米？",
        ),
        "percent-of": (
            "请算出{b}的{a}%。",
            "{b}名学生中有{a}%步行上学，步行的有多少名？",
        ),
        "discount": (
            "标价{b}元的鞋减价{a}%，要付多少元？",
            "用一张减{a}%的优惠券买{b}元的书包，要花多少元？",
        ),
        "increase": (
            "房租{b}元，上调{a}%，之后是多少元？",
            "俱乐部有{b}名会员，增加{a}%之后有多少名？",
        ),
        "equation": (
            "求满足{equation}的数x。",
            "x是多少时，{equation}成立？",
        ),
        "decimals": (
            "请算出{expression}的结果。",
            "{expression}的得数是多少？",
        ),
    },
}

DESCRIPTION: Mapping[Language, str] = {
    "en": "School arithmetic with exact answers: areas, percentages, one-step equations, decimals.",
    "zh": "有确切答案的学校数学题：面积、百分数、简单方程、小数运算。",
}

HINTS: Mapping[Language, Hints] = {
    "en": Hints(
        rules=(
            "Say what is asked for before calculating.",
            "The area of a rectangle is length times width; of a triangle, half of base times height.",
            "A percentage of a number is the number times the percentage, divided by 100.",
            "A price that falls by 20% is 80% of what it was; one that rises by 20% is 120%.",
            "To solve an equation, do the same on both sides until x stands alone.",
            "Write decimals with their points below each other before adding or subtracting.",
            "A product has as many decimal places as its factors together.",
        ),
        workflow=(
            "Write down the numbers that are given, and what is asked for.",
            "Choose the formula.",
            "Calculate step by step.",
            "Check the result, then give it as a number.",
        ),
        output_formats=(
            "Answer with only the number.",
            "Answer with only the number, without a unit.",
            'Calculate, then write one line: "Answer: <number>".',
        ),
    ),
    "zh": Hints(
        rules=(
            "计算之前，先说清求的是什么。",
            "长方形的面积是长乘宽；三角形的面积是底乘高的一半。",
            "求一个数的百分之几，用这个数乘百分数，再除以100。",
            "降价20%后是原价的80%；涨价20%后是原价的120%。",
            "解方程时，两边同时做相同的运算，直到只剩下x。",
            "小数加减法要把小数点对齐。",
            "积的小数位数等于各因数小数位数之和。",
        ),
        workflow=(
            "写下已知的数和要求的量。",
            "选择公式。",
            "一步一步计算。",
            "检验结果，再给出这个数。",
        ),
        output_formats=(
            "只回答数字。",
            "只回答数字，不写单位。",
            "先计算，最后只写一行：“答案：<数字>”。",
        ),
    ),
}
