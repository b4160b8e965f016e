{
  const PAGE = 200;
  const LONGEST = 300;
  const MARKS = { correct: "✓", wrong: "✗", unparsed: "?", error: "!" };
  const WORDS = {
    correct: ["right", "答对"], wrong: ["wrong", "答错"], unparsed: ["unparsed", "读不出"],
    error: ["error", "出错"], expected: ["Expected", "正确答案"], question: ["Question", "题目"],
    contradicts: ["contradicts itself", "自相矛盾"], cutOff: ["cut off at the token limit", "到词元上限被截断"],
    none: ["no answer yet", "还没有回答"], cached: ["from the cache", "取自缓存"],
    empty: ["empty", "空白"], refused: ["refused", "拒绝回答"], "cut off": ["cut off", "没写完"],
    "named both": ["named both", "两个都提"], "no choice": ["no choice", "没有选择"],
    "not an option": ["not an option", "不在选项中"],
    before: ["Sent before the question", "题目之前发送的消息"],
    system: ["system", "系统"], user: ["user", "用户"], assistant: ["assistant", "助手"],
    tokens: ["tokens", "词元"], cases: ["cases", "题"],
    caption: ["Cases with the answers of each prompt", "题目及各提示词的回答"],
  };
  const make = (tag, className, ...children) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...children);
    return element;
  };
  const words = (key) => {
    const [en, zh] = Object.hasOwn(WORDS, key) ? WORDS[key] : [key, key];
    return make("span", "", make("span", "en", en), make("span", "zh", zh));
  };
  const short = (text) => (text.length > LONGEST ? `${text.slice(0, LONGEST)} …` : text);

  const goToCases = (event) => {
    event.preventDefault();
    byId("cases-title").focus();
  };
  document.querySelector(".skip").addEventListener("click", goToCases);

  const unpack = async () => {
    const bytes = Uint8Array.from(atob(byId("answers").textContent), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).json();
  };

  const start = ({ results, beginnings, cases }) => {
    const [head, body] = [byId("cases").tHead, byId("cases").tBodies[0]];
    const choices = {
      prompt: [...new Set(results.map((result) => result.prompt))],
      model: [...new Set(results.map((result) => result.model))],
      stratum: [...new Set(cases.map((item) => item.stratum))],
    };
    let matching = [];

    /** What a result is compared with: the first on its model; where it is that itself, the very first. */
    const baselines = results.map((result, index) => {
      const first = results.findIndex((other) => other.model === result.model);
      const before = first === index ? 0 : first;
      return before === index ? null : before;
    });
    const chosenName = (kind) => (choices[kind].includes(state[kind]) ? state[kind] : "");
    const isChosen = (result) => ["prompt", "model"].every((kind) => !chosenName(kind) || result[kind] === chosenName(kind));
    let chosen = [];
    let shown = [];
    const choose = () => {
      chosen = results.flatMap((result, index) => (isChosen(result) ? [index] : []));
      const model = chosenName("model");
      const others = chosen.map((index) => baselines[index]).filter((index) => index !== null && (!model || results[index].model === model));
      shown = [...new Set([...chosen, ...others])].sort((one, other) => one - other);
    };

    const first = (item, index) => item.answers[index][0];
    const some = (outcome) => (item) => chosen.some((index) => item.answers[index].some((answer) => answer.outcome === outcome));
    const filters = {
      all: () => true,
      right: some("correct"),
      wrong: some("wrong"),
      flips: (item) => chosen.some((index) => {
        if (!shown.includes(baselines[index])) return false;
        const pair = [first(item, index), first(item, baselines[index])];
        const isAnswered = pair.every((answer) => answer && answer.outcome !== "error");
        return isAnswered && (pair[0].outcome === "correct") !== (pair[1].outcome === "correct");
      }),
      different: (item) => {
        const answered = shown.map((index) => first(item, index)).filter((answer) => answer && answer.outcome !== "error");
        return new Set(answered.map((answer) => answer.answer)).size > 1;
      },
      unparsed: some("unparsed"),
      errors: some("error"),
    };
    const filter = () => (Object.hasOwn(filters, state.filter ?? "") ? state.filter : "all");
    const haystack = (item) => {
      item.haystack ??= [item.id, item.question, item.expected, item.stratum,
        ...item.answers.flat().map((answer) => answer.text)].join("\n").toLowerCase();
      return item.haystack;
    };
    const isSought = (item) => {
      const sought = (state.search ?? "").trim().toLowerCase();
      return (!chosenName("stratum") || item.stratum === chosenName("stratum")) && (!sought || haystack(item).includes(sought));
    };

    const remarks = (answer) => {
      const keys = [answer.reason, answer.contradicts && "contradicts", answer.cutOff && "cutOff", answer.cached && "cached"];
      return keys.filter(Boolean).flatMap((key) => [" · ", words(key)]);
    };
    const cell = (answers, index) => {
      const name = make("span", "name", `${results[index].name} `);
      const [answer] = answers;
      if (!answer) return make("td", "", name, "-");
      const mark = make("span", "mark", MARKS[answer.outcome]);
      mark.ariaHidden = "true";
      const said = answer.answer ? short(answer.answer) : words(answer.outcome === "error" ? "error" : answer.reason ?? "unparsed");
      const td = make("td", answer.outcome, name, mark, make("span", "unseen", words(answer.outcome), ": "), said);
      if (answers.length > 1) {
        const right = answers.filter((other) => other.outcome === "correct").length;
        td.append(make("span", "aside", ` ${right}/${answers.length} ✓`));
      }
      return td;
    };
    const turn = ({ role, content }) => [make("p", "aside", words(role)), make("pre", "", content)];
    const exchange = (item, index) => {
      const before = beginnings[item.beginnings[index]];
      const parts = [];
      if (before.length) parts.push(make("details", "", make("summary", "", words("before")), ...before.flatMap(turn)));
      parts.push(...turn({ role: "user", content: item.question }));
      item.answers[index].forEach((answer, repeat, { length }) => {
        const about = make("p", `aside ${answer.outcome}`);
        about.append(words("assistant"), length > 1 ? ` ${repeat + 1}/${length}` : "", " · ");
        about.append(make("span", "mark", MARKS[answer.outcome]), words(answer.outcome), ...remarks(answer));
        if (answer.tokens) about.append(` · ${answer.tokens.join(" + ")} `, words("tokens"), ` · ${answer.seconds ?? 0} s`);
        parts.push(about, make("pre", "", answer.text));
      });
      if (!item.answers[index].length) parts.push(make("p", "aside", words("none")));
      return [make("h3", "", results[index].name), ...parts];
    };
    const fullAnswers = (item, id) => {
      const td = make("td", "", make("p", "aside", item.id), ...shown.flatMap((index) => exchange(item, index)));
      td.colSpan = 2 + shown.length;
      const row = make("tr", "full", td);
      row.id = id;
      return row;
    };
    const caseRow = (item, number) => {
      const question = make("button", "question", short(item.question));
      question.type = "button";
      question.setAttribute("aria-expanded", "false");
      const row = make(
        "tr", "",
        make("th", "", question, make("span", "stratum", item.stratum)),
        make("td", "", make("span", "name", words("expected"), " "), short(item.expected)),
        ...shown.map((index) => cell(item.answers[index], index)),
      );
      row.firstChild.scope = "row";
      question.addEventListener("click", () => {
        const isOpen = question.getAttribute("aria-expanded") === "true";
        question.setAttribute("aria-expanded", String(!isOpen));
        if (isOpen) {
          question.removeAttribute("aria-controls");
          row.nextSibling.remove();
        } else {
          row.after(fullAnswers(item, `exchange-${number}`));
          question.setAttribute("aria-controls", `exchange-${number}`);
        }
      });
      return row;
    };
    const showMore = () => {
      const start = body.querySelectorAll("tr:not(.full)").length;
      body.append(...matching.slice(start, start + PAGE).map((item, index) => caseRow(item, start + index)));
      byId("more").hidden = start + PAGE >= matching.length;
    };
    const show = () => {
      choose();
      const sought = cases.filter(isSought);
      matching = sought.filter(filters[filter()]);
      const columns = [words("question"), words("expected"), ...shown.map((index) => results[index].name)];
      head.replaceChildren(make("tr", "", ...columns.map((column) => {
        const th = make("th", "", column);
        th.scope = "col";
        return th;
      })));
      body.replaceChildren();
      for (const button of document.querySelectorAll("[data-filter]")) {
        const name = button.dataset.filter;
        button.setAttribute("aria-pressed", String(name === filter()));
        button.querySelector(".count").textContent = sought.filter(filters[name]).length;
      }
      for (const kind of Object.keys(choices)) byId(kind).value = chosenName(kind);
      if (byId("search").value !== (state.search ?? "")) byId("search").value = state.search ?? "";
      byId("found").replaceChildren(`${matching.length} / ${cases.length} `, words("cases"));
      showMore();
    };

    byId("cases").createCaption().append(words("caption"));
    byId("cases").caption.className = "unseen";
    for (const [kind, names] of Object.entries(choices)) {
      byId(kind).append(new Option("all · 全部", ""), ...names.map((name) => new Option(name, name)));
      byId(kind).parentElement.hidden = names.length < 2;
      byId(kind).addEventListener("change", (event) => { change({ [kind]: event.target.value }); show(); });
    }
    byId("search").addEventListener("input", (event) => { change({ search: event.target.value }); show(); });
    byId("more").addEventListener("click", showMore);
    byId("filters").addEventListener("submit", (event) => event.preventDefault());
    byId("filters").addEventListener("click", (event) => {
      const button = event.target.closest("[data-filter]");
      if (button) { change({ filter: button.dataset.filter }); show(); }
    });
    for (const link of document.querySelectorAll("a[data-result]")) {
      link.addEventListener("click", (event) => {
        const index = results.findIndex((result) => result.name === link.dataset.result);
        const isSameModel = results[baselines[index]].model === results[index].model;
        change({ filter: "flips", prompt: results[index].prompt, model: isSameModel ? results[index].model : "", stratum: "", search: "" });
        show();
        goToCases(event);
      });
    }
    addEventListener("hashchange", () => {
      for (const key of Object.keys(state)) delete state[key];
      Object.assign(state, read());
      applyLook();
      show();
    });
    byId("filters").hidden = false;
    show();
  };

  unpack().then(start, () => { byId("problem").hidden = false; });
}
