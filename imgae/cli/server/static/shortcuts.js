/** Keys that work all over the page, and the sheet that lists them. */

import { $, make } from "./dom.js";
import { onLanguage, t } from "./language.js";

/** Groups of the sheet: keys as they are shown, and the key of the text. */
const SHEET = {
  keysGroupPictures: [
    ["Ctrl+O", "addPictures"], ["Ctrl+V", "keyPaste"], ["Ctrl+S", "download"], ["PageUp PageDown", "keyNext"],
    ["D", "denoise"], ["F", "repair"], ["?", "keys"],
  ],
  keysGroupView: [
    ["+ −", "keyZoom"], ["0", "zoomFit"], ["1", "zoomFull"], ["← → ↑ ↓", "keyPan"], ["Space", "keyDrag"],
    ["C", "compare"], ["O", "originalHelp"],
  ],
  keysGroupFill: [
    ["B E R P K H", "keyTools"], ["[ ]", "keyBigger"], ["Enter", "fill"], ["Ctrl+Enter", "keyFillAnywhere"],
    ["N", "variant"], [", .", "keyVariants"], ["Ctrl+Z", "undo"], ["Ctrl+Shift+Z", "redo"],
    ["Shift+I", "invert"], ["Delete", "clear"], ["M", "overlayHelp"], ["Shift", "keyStraight"], ["Alt", "keyErase"],
    ["← → ↑ ↓ Space", "keyCross"], ["Enter", "keyEnd"], ["Backspace", "keyCorner"], ["Esc", "keyDrop"],
  ],
};
/** Keys that work in both tabs. */
const ACTIONS = {
  "+": "zoomIn", "=": "zoomIn", "-": "zoomOut", 0: "fit", 1: "full", c: "compare", d: "denoise", f: "fill",
};
/** Those that work where marks are drawn. */
const FILLING = {
  "[": "smaller", "]": "bigger", n: "variant", ",": "earlier", ".": "later", m: "overlay", Delete: "clear",
};
const TOOLS = { b: "brush", e: "eraser", r: "box", p: "polygon", k: "color", h: "pan" };

const typing = (element) => element.matches("input[type=number], input[type=text], select, textarea");
const pressed = (element) => element.matches("button, summary, a, select");
const slides = (element) => element.matches("input[type=range], [role=slider]");

export class Shortcuts {
  #actions;

  /**
   * @param {Record<string, () => void>} actions of the page: open, download, denoise, fill, fillNow, variant,
   *   earlier, later, undo, redo, invert, clear, overlay, compare, smaller, bigger, next, previous, zoomIn, zoomOut,
   *   fit, full, stop
   * @param {{tab: () => string, tool: (name: string) => void, peek: (on: boolean) => void, ready: () => boolean,
   *   mayFill: () => boolean}} page
   */
  constructor(actions, page) {
    this.#actions = actions;
    this.page = page;
    document.addEventListener("keydown", (event) => this.#early(event), true);
    document.addEventListener("keydown", (event) => this.#down(event));
    document.addEventListener("keyup", (event) => event.key.toLowerCase() === "o" && page.peek(false));
    addEventListener("blur", () => page.peek(false));
    $("keys-open").addEventListener("click", () => $("keys").showModal());
    $("keys-close").addEventListener("click", () => $("keys").close());
    $("keys").addEventListener("click", (event) => event.target === $("keys") && $("keys").close());
    onLanguage(() => this.#list());
  }

  /** Enter fills also where the picture has the focus, unless a stroke or a shape is begun. */
  #early(event) {
    if (event.key !== "Enter" || event.target !== $("viewer") || event.repeat) return;
    const other = event.altKey || event.shiftKey || event.ctrlKey || event.metaKey;
    if (other || !this.page.mayFill()) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this.#actions.fillNow();
  }

  #down(event) {
    if (event.defaultPrevented || $("keys").open || event.isComposing) return;
    const action = this.#found(event);
    if (!action) return;
    event.preventDefault();
    action();
  }

  #found(event) {
    const actions = this.#actions;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.ctrlKey || event.metaKey) return event.altKey ? null : this.#withControl(event, key);
    if (key === "?") return () => $("keys").showModal();
    if (event.altKey || typing(event.target) || !this.page.ready()) return null;
    if (key === "Enter") return !pressed(event.target) && this.page.tab() === "fill" ? actions.fillNow : null;
    if (key === "PageUp" || key === "PageDown") {
      return slides(event.target) ? null : key === "PageUp" ? actions.previous : actions.next;
    }
    if (key === "o") return event.repeat ? () => {} : () => this.page.peek(true);
    if (key === "Escape") return actions.stop;
    return actions[ACTIONS[key]] ?? (this.page.tab() === "fill" ? this.#filling(event, key) : null);
  }

  #withControl(event, key) {
    const actions = this.#actions;
    if (key === "o") return actions.open;
    if (!this.page.ready()) return null;
    if (key === "s") return actions.download;
    if (this.page.tab() !== "fill") return null;
    if (key === "Enter") return actions.fillNow;
    if (typing(event.target)) return null;
    if (key === "z") return event.shiftKey ? actions.redo : actions.undo;
    return key === "y" ? actions.redo : null;
  }

  #filling(event, key) {
    const actions = this.#actions;
    if (event.shiftKey) return key === "i" ? actions.invert : null;
    if (key in TOOLS) return () => this.page.tool(TOOLS[key]);
    return actions[FILLING[key]] ?? null;
  }

  #list() {
    const groups = Object.entries(SHEET).map(([title, rows]) => make("section", {}, [
      make("h3", { textContent: t(title) }),
      make("dl", {}, rows.map(([keys, text]) => make("div", {}, [
        make("dt", { textContent: t(text) }),
        make("dd", {}, keys.split(" ").map((key) => make("kbd", { textContent: key }))),
      ]))),
    ]));
    $("keys-list").replaceChildren(...groups);
  }
}
