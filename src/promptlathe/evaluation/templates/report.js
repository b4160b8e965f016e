"use strict";
{
  const PAGE = 200;
  const MARKS = { correct: "✓", wrong: "✗", unparsed: "?", error: "!" };
  const WORDS = {
    correct: ["right", "答对"], wrong: ["wrong", "答错"], unparsed: ["unparsed", "读不出"],
    error: ["error", "出错"], expected: ["Expected", "正确答案"], question: ["Question", "题目"],
    contradicts: ["contradicts itself", "自相矛盾"], cutOff: ["cut off at the token limit", "到词元上限被截断"],
    none: ["no answer yet", "还没有回答"],
    empty: ["empty", "空白"], refused: ["refused", "拒绝回答"], "cut off": ["cut off", "没写完"],
    "named both": ["named both", "两个都提"], "no choice": ["no choice", "没有选择"],
    "not an option": ["not an option", "不在选项中"],
  };
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);
  const state = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));

  const make = (tag, className, ...children) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...children);
    return element;
  };
  const words = (key) => {
    const [en, zh] = WORDS[key] ?? [key, key];
    return make("span", "", make("span", "en", en), make("span", "zh", zh));
  };

  const language = () => state.language ?? (navigator.language.startsWith("zh") ? "zh" : "en");
  const applyLook = () => {
    root.dataset.language = language();
    root.lang = language() === "zh" ? "zh-CN" : "en";
    if (state.theme) root.dataset.theme = state.theme;
    else delete root.dataset.theme;
  };
  const change = (changes) => {
    Object.assign(state, changes);
    history.replaceState(null, "", `#${new URLSearchParams(state)}`);
    applyLook();
  };
  byId("language").addEventListener("click", () => change({ language: language() === "zh" ? "en" : "zh" }));
  byId("theme").addEventListener("click", () => {
    const isDark = state.theme ? state.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    change({ theme: isDark ? "light" : "dark" });
  });
  applyLook();

  const unpack = async () => {
    const bytes = Uint8Array.from(atob(byId("answers").textContent), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).json();
  };

  const start = ({ prompts, cases }) => {
    const [head, body] = [byId("cases").tHead, byId("cases").tBodies[0]];
    let matching = [];

    const chosen = () => (/^\d+$/.test(state.prompt) && state.prompt < prompts.length ? Number(state.prompt) : null);
    const shown = () => (chosen() === null ? prompts.map((_, index) => index) : [...new Set([0, chosen()])]);
    const filters = {
      all: () => true,
      wrong: (answers) => answers.some((answer) => answer?.outcome === "wrong"),
      unparsed: (answers) => answers.some((answer) => answer?.outcome === "unparsed"),
      errors: (answers) => answers.some((answer) => answer?.outcome === "error"),
    };
    const betweenPrompts = {
      flips: (answer) => answer.outcome === "correct",
      different: (answer) => answer.answer,
    };
    const holds = (name, { answers }) => {
      if (Object.hasOwn(filters, name)) return filters[name](chosen() === null ? answers : [answers[chosen()]]);
      const given = shown().map((index) => answers[index]);
      const answered = given.filter((answer) => answer && answer.outcome !== "error");
      if (name === "different") return new Set(answered.map(betweenPrompts.different)).size > 1;
      return given[0] === answered[0] && new Set(answered.map(betweenPrompts.flips)).size > 1;
    };
    const filter = () => (Object.hasOwn({ ...filters, ...betweenPrompts }, state.filter) ? state.filter : "all");

    const remarks = (answer) => {
      const keys = [answer.reason, answer.contradicts && "contradicts", answer.cutOff && "cutOff"];
      return keys.filter(Boolean).flatMap((key) => [" · ", words(key)]);
    };
    const cell = (answer, index) => {
      const name = make("span", "name", `${prompts[index]} `);
      if (!answer) return make("td", "", name, "-");
      const mark = make("span", "mark", MARKS[answer.outcome]);
      mark.title = answer.outcome;
      const said = answer.answer ?? (answer.outcome === "error" ? words("error") : words(answer.reason || "unparsed"));
      return make("td", answer.outcome, name, mark, said);
    };
    const fullAnswers = (item) => {
      const td = make("td", "");
      td.colSpan = 2 + shown().length;
      for (const index of shown()) {
        const answer = item.answers[index];
        td.append(make("h3", "", prompts[index], " · ", words(answer?.outcome ?? "none"), ...(answer ? remarks(answer) : [])));
        if (answer) td.append(make("pre", "", answer.text));
      }
      return make("tr", "full", td);
    };
    const caseRow = (item) => {
      const question = make("button", "question", item.question);
      question.type = "button";
      question.setAttribute("aria-expanded", "false");
      const row = make(
        "tr", "",
        make("th", "", question, make("span", "stratum", item.stratum)),
        make("td", "", make("span", "name", words("expected"), " "), item.expected),
        ...shown().map((index) => cell(item.answers[index], index)),
      );
      row.firstChild.scope = "row";
      question.addEventListener("click", () => {
        const isOpen = question.getAttribute("aria-expanded") === "true";
        question.setAttribute("aria-expanded", String(!isOpen));
        if (isOpen) row.nextSibling.remove();
        else row.after(fullAnswers(item));
      });
      return row;
    };
    const showMore = () => {
      const start = body.querySelectorAll("tr:not(.full)").length;
      body.append(...matching.slice(start, start + PAGE).map(caseRow));
      byId("more").hidden = start + PAGE >= matching.length;
    };
    const show = () => {
      matching = cases.filter((item) => holds(filter(), item));
      const columns = [words("question"), words("expected"), ...shown().map((index) => prompts[index])];
      head.replaceChildren(make("tr", "", ...columns.map((column) => make("th", "", column))));
      body.replaceChildren();
      for (const button of document.querySelectorAll("[data-filter]")) {
        const name = button.dataset.filter;
        button.setAttribute("aria-pressed", String(name === filter()));
        button.querySelector(".count").textContent = cases.filter((item) => holds(name, item)).length;
      }
      byId("prompt").value = chosen() === null ? "" : state.prompt;
      showMore();
    };

    byId("prompt").append(...prompts.map((name, index) => new Option(name, index)));
    byId("prompt").addEventListener("change", (event) => { change({ prompt: event.target.value }); show(); });
    byId("more").addEventListener("click", showMore);
    byId("filters").addEventListener("click", (event) => {
      const button = event.target.closest("[data-filter]");
      if (button) { change({ filter: button.dataset.filter }); show(); }
    });
    for (const link of document.querySelectorAll("a[data-prompt]")) {
      link.addEventListener("click", (event) => {
        event.preventDefault();
        change({ filter: "flips", prompt: String(prompts.indexOf(link.dataset.prompt)) });
        show();
        byId("filters").scrollIntoView();
      });
    }
    addEventListener("hashchange", () => {
      for (const key of Object.keys(state)) delete state[key];
      Object.assign(state, Object.fromEntries(new URLSearchParams(location.hash.slice(1))));
      applyLook();
      show();
    });
    byId("filters").hidden = false;
    show();
  };

  unpack().then(start, () => { byId("problem").hidden = false; });
}
