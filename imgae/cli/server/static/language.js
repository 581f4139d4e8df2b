/** The page's language: chosen, remembered, and put into the page. */

import { languages } from "./strings.js";
import { recall, remember } from "./dom.js";

const KEY = "imgae-language";
const listeners = new Set();
let current = recall(KEY) in languages ? recall(KEY) : preferred();

/** @returns {"en"|"zh"} the first language of the browser that the page speaks. */
function preferred() {
  for (const tag of navigator.languages ?? []) {
    const language = tag.toLowerCase().split("-")[0];
    if (language in languages) return language;
  }
  return "en";
}

export const language = () => current;

/** Return a text with the words in braces filled in. */
export function t(key, values = {}) {
  const text = languages[current][key];
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

/** Format a number as the language writes it. */
export const number = (value, options) =>
  new Intl.NumberFormat(current === "zh" ? "zh-Hans" : "en", options).format(value);

/** Fill the texts and names of elements from their data-t attributes. */
export function translate(root = document) {
  for (const element of root.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of root.querySelectorAll("[data-t-label]")) {
    const text = t(element.dataset.tLabel, named(element));
    element.setAttribute("aria-label", text);
    if (element.matches("button")) element.title = text + shortcut(element);
  }
  for (const element of root.querySelectorAll("[data-t-title]")) {
    element.title = t(element.dataset.tTitle) + shortcut(element);
  }
}

/** Values for a label that names something else, as in "Reset Strength". */
function named(element) {
  return element.dataset.tName ? { name: t(element.dataset.tName) } : {};
}

/** Return " (B)" for an element, or one that holds one, with a shortcut. */
function shortcut(element) {
  const holder = element.closest("[aria-keyshortcuts]") ?? element.querySelector("[aria-keyshortcuts]");
  return holder ? ` (${holder.getAttribute("aria-keyshortcuts").replace("Control", "Ctrl")})` : "";
}

/** Change the language, and remember it. */
export function setLanguage(name) {
  current = name;
  remember(KEY, name);
  speak();
}

/** Put the language into all of the page. */
export function speak() {
  document.documentElement.lang = current === "zh" ? "zh-Hans" : "en";
  translate();
  for (const listener of listeners) listener();
}

/** Call back now and whenever the language changes. */
export function onLanguage(listener) {
  listeners.add(listener);
  listener();
}
