/** Small helpers for the page's elements and for what it remembers. */

export const $ = (id) => document.getElementById(id);

/** Make an element with properties, attributes in `attributes`, and children. */
export function make(name, { attributes = {}, ...properties } = {}, children = []) {
  const element = Object.assign(document.createElement(name), properties);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Make one of the page's icons. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

/** Say something to screen readers. */
export function say(text) {
  $("live").textContent = text;
}

/** Return the checked value of a group of radio buttons. */
export const chosen = (name) => document.querySelector(`input[name="${name}"]:checked`)?.value;

export function choose(name, value) {
  const input = document.querySelector(`input[name="${name}"][value="${value}"]`);
  if (input) input.checked = true;
}

/** Call `change` with the new value of a group of radio buttons. */
export function onChoice(name, change) {
  for (const input of document.querySelectorAll(`input[name="${name}"]`)) {
    input.addEventListener("change", () => change(input.value));
  }
}

/** Read what was remembered; null where the browser forbids it. */
export function recall(key, storage = () => localStorage) {
  try {
    return storage().getItem(key);
  } catch {
    return null;
  }
}

export function remember(key, value, storage = () => localStorage) {
  try {
    storage().setItem(key, value);
  } catch {
    // A browser that forbids it forgets at the next visit.
  }
}

/** Call `run` once no call came for `wait` ms; has `cancel`. */
export function later(run, wait) {
  let timer = 0;
  const call = (...values) => {
    clearTimeout(timer);
    timer = setTimeout(run, wait, ...values);
  };
  call.cancel = () => clearTimeout(timer);
  return call;
}

/** Save bytes under a name, as a download. */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = make("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
