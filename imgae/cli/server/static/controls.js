/** Sliders with a number beside them, tabs, and menus. */

import { $, icon, make } from "./dom.js";

/**
 * A slider with a number; a double click or the button beside it resets it.
 * @typedef {object} Range
 * @property {string} id also the key of its text; ID + "Help" explains it
 * @property {number} min
 * @property {number} max
 * @property {number} step
 * @property {number} value the usual one
 */
export class Slider {
  /**
   * @param {Range} range
   * @param {(value: number) => void} changed by the user
   */
  constructor({ id, min, max, step, value }, changed) {
    /** What it is reset to. */
    this.usual = value;
    this.changed = changed;
    this.root = document.querySelector(`[data-slider="${id}"]`);
    const limits = { min, max, step };
    this.range = make("input", { type: "range", id, ...limits, attributes: { "aria-describedby": `${id}-help` } });
    this.number = make("input", {
      type: "number", id: `${id}-number`, ...limits, inputMode: "decimal", attributes: { "data-t-label": id },
    });
    this.reset = make("button", {
      type: "button", className: "button quiet reset", id: `${id}-reset`,
      attributes: { "data-t-label": "reset", "data-t-name": id },
    }, [icon("reset")]);
    this.root.classList.add("slider");
    this.root.append(
      make("label", { htmlFor: id, attributes: { "data-t": id } }),
      this.reset, this.number, this.range,
      make("p", { id: `${id}-help`, className: "help", attributes: { "data-t": `${id}Help` } }),
    );
    this.#listen();
    this.value = value;
  }

  get value() {
    return Number(this.range.value);
  }

  set value(value) {
    this.range.value = value;
    this.number.value = this.range.value;
    this.#mark();
  }

  set limit(max) {
    for (const input of [this.range, this.number]) input.max = max;
    this.value = this.range.value;
  }

  set hidden(hidden) {
    this.root.hidden = hidden;
  }

  /** Move by steps, and tell. */
  step(by) {
    this.#take(this.value + by);
  }

  #take(value) {
    this.value = value;
    this.changed(this.value);
  }

  #listen() {
    this.range.addEventListener("input", () => this.#take(this.range.value));
    this.range.addEventListener("dblclick", () => this.#take(this.usual));
    this.reset.addEventListener("click", () => {
      this.#take(this.usual);
      this.range.focus();
    });
    this.number.addEventListener("input", () => {
      if (this.number.value === "" || !this.number.validity.valid) return;
      this.range.value = this.number.value;
      this.#mark();
      this.changed(this.value);
    });
    this.number.addEventListener("change", () => this.#take(this.number.value === "" ? this.usual : this.number.value));
  }

  #mark() {
    const { min, max } = this.range;
    this.range.style.setProperty("--share", `${((this.value - min) / (max - min)) * 100}%`);
    this.reset.classList.toggle("is-usual", this.value === this.usual);
    this.reset.tabIndex = this.value === this.usual ? -1 : 0;
  }
}

/** Make tabs work; `selected` is called with the id of the tab's panel. */
export function makeTabs(list, selected) {
  const tabs = [...list.querySelectorAll('[role="tab"]')];
  const select = (tab) => {
    for (const other of tabs) {
      const chosen = other === tab;
      other.setAttribute("aria-selected", chosen);
      other.tabIndex = chosen ? 0 : -1;
      $(other.getAttribute("aria-controls")).hidden = !chosen;
    }
    selected(tab.id.replace("tab-", ""));
  };
  const moves = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
  list.addEventListener("click", (event) => {
    const tab = event.target.closest('[role="tab"]');
    if (tab) select(tab);
  });
  list.addEventListener("keydown", (event) => {
    if (!(event.key in moves)) return;
    event.preventDefault();
    const at = tabs.indexOf(document.activeElement) + moves[event.key];
    const tab = tabs[Math.max(0, Math.min(tabs.length - 1, at))];
    tab.focus();
    select(tab);
  });
  return (name) => select($(`tab-${name}`));
}

/** Make a button open and close the menu that it controls. */
export function makeMenu(button, opened = () => {}) {
  const menu = $(button.getAttribute("aria-controls"));
  const set = (open) => {
    menu.hidden = !open;
    button.setAttribute("aria-expanded", open);
    if (open) opened();
  };
  button.addEventListener("click", () => set(menu.hidden));
  menu.addEventListener("click", (event) => {
    // The words of a choice, not the keys that walk through the choices.
    if (event.target.closest("button, .closing span")) set(false);
  });
  menu.parentElement.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || menu.hidden) return;
    event.stopPropagation();
    set(false);
    button.focus();
  });
  const outside = (event) => {
    if (menu.hidden || menu.parentElement.contains(event.target)) return;
    set(false);
    // A press that closes the menu does not draw as well.
    if (event.target.closest(".viewer")) event.stopPropagation();
  };
  document.addEventListener("pointerdown", outside, true);
  menu.parentElement.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !menu.parentElement.contains(event.relatedTarget)) set(false);
  });
}
