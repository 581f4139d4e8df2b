/** The handle between before and after: a slider for mouse, pen, touch, and keys. */

const STEPS = {
  ArrowLeft: -0.01,
  ArrowDown: -0.01,
  ArrowRight: 0.01,
  ArrowUp: 0.01,
  PageDown: -0.1,
  PageUp: 0.1,
  Home: -1,
  End: 1,
};

/**
 * @param {HTMLElement} viewport  the element that the handle divides
 * @param {() => number} read     the position, 0..1
 * @param {(position: number) => void} write
 * @returns {HTMLElement} the handle
 */
export function makeSplitter(viewport, read, write) {
  const handle = document.createElement("div");
  handle.className = "viewer-split";
  handle.tabIndex = 0;
  handle.hidden = true;
  const roles = { role: "slider", "aria-valuemin": 0, "aria-valuemax": 100, "aria-orientation": "horizontal" };
  for (const [name, value] of Object.entries(roles)) handle.setAttribute(name, value);
  const grip = document.createElement("span");
  grip.className = "viewer-grip";
  const words = ["before", "after"].map((side) => {
    const word = document.createElement("span");
    word.className = `viewer-word viewer-word-${side}`;
    return word;
  });
  handle.append(...words, grip);

  let grabbed = 0;
  const at = (event) => (event.clientX - viewport.getBoundingClientRect().left) / viewport.clientWidth;
  handle.addEventListener("pointerdown", (event) => {
    event.stopPropagation();
    if (event.button !== 0) return;
    grabbed = at(event) - read();
    handle.setPointerCapture(event.pointerId);
  });
  handle.addEventListener("pointermove", (event) => {
    event.stopPropagation();
    if (handle.hasPointerCapture(event.pointerId)) write(at(event) - grabbed);
  });
  handle.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    write(read() + step * (event.shiftKey ? 10 : 1));
  });
  return handle;
}

/** Writes on both sides of the handle what is shown there. */
export function labelSplitter(handle, before, after) {
  handle.querySelector(".viewer-word-before").textContent = before;
  handle.querySelector(".viewer-word-after").textContent = after;
}

/** Shows a position on the handle. */
export function placeSplitter(handle, position, shown) {
  handle.hidden = !shown;
  if (!shown) return;
  handle.style.left = `${position * 100}%`;
  const percent = Math.round(position * 100);
  handle.setAttribute("aria-valuenow", percent);
  handle.setAttribute("aria-valuetext", `${percent}%`);
}
