/** Appearance and language: chosen in the menu, and remembered. */

import { $, choose, onChoice, recall, remember } from "./dom.js";
import { language, onLanguage, setLanguage, t } from "./language.js";
import { makeMenu } from "./controls.js";

const KEY = "imgae-theme";
const LOCAL = /^(localhost|127(\.\d+){3}|\[::1\])$/;

function setTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

export function startLook() {
  const theme = recall(KEY) ?? "system";
  setTheme(theme);
  choose("theme", theme);
  onChoice("theme", (chosen) => {
    remember(KEY, chosen);
    setTheme(chosen);
  });
  choose("language", language());
  onChoice("language", setLanguage);
  makeMenu($("more"));
  onLanguage(() => {
    $("private").textContent = t(LOCAL.test(location.hostname) ? "local" : "localServer");
  });
}
