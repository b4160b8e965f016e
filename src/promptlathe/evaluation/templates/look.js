"use strict";
const root = document.documentElement;
const byId = (id) => document.getElementById(id);
const read = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
const state = read();

const language = () => state.language ?? (navigator.language.startsWith("zh") ? "zh" : "en");
const applyLook = () => {
  root.dataset.language = language();
  root.lang = language() === "zh" ? "zh-CN" : "en";
  if (state.theme) root.dataset.theme = state.theme;
  else delete root.dataset.theme;
};
const change = (changes) => {
  Object.assign(state, changes);
  for (const key of Object.keys(state)) if (!state[key]) delete state[key];
  history.replaceState(null, "", `#${new URLSearchParams(state)}`);
  applyLook();
};
byId("language").addEventListener("click", () => change({ language: language() === "zh" ? "en" : "zh" }));
byId("theme").addEventListener("click", () => {
  const isDark = state.theme ? state.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  change({ theme: isDark ? "light" : "dark" });
});
applyLook();

let closedDetails = [];
addEventListener("beforeprint", () => {
  closedDetails = [...document.querySelectorAll("details:not([open])")];
  for (const details of closedDetails) details.open = true;
});
addEventListener("afterprint", () => { for (const details of closedDetails) details.open = false; });
