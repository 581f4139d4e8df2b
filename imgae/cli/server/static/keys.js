/**
 * The keys of the focused viewer.
 *
 * With no tool (pan): the arrows move the picture, with Shift farther.
 * With a tool: the arrows move a crosshair by one pixel, with Shift by ten; the picture follows it.
 *   Where the picture is shown smaller than 100%, one pixel of the screen counts instead.
 *   Brush, eraser, box: Space begins at the crosshair, and again ends there.
 *   Polygon: Space sets a corner; Space again at the same place closes it; Backspace takes the last corner back.
 *   Colour: Space takes the colour under the crosshair.
 *   Enter ends what has been begun; where nothing has, it is left to the page.
 *   Escape drops what has been begun, and then hides the crosshair.
 * Always: + and - zoom (at the crosshair where there is one), 0 shows the whole, 1 shows 100%.
 * Space held while the mouse drags moves the picture with any tool.
 * A key that the viewer has used is marked by preventDefault(); other keys pass on.
 */

import { ZOOM } from "./camera.js";

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const PAN = 48;
const FAR = 10;
const EDGE = 40;

export class Keys {
  /** Whether the space bar is held. */
  space = false;
  /** @type {{x: number, y: number}|null} the crosshair, in pixels of the picture */
  cross = null;
  #viewer;
  #held = false;
  #spaceUsed = false;

  constructor(viewer, element) {
    this.#viewer = viewer;
    element.addEventListener("keydown", (event) => {
      if (event.target === element && this.#down(event)) event.preventDefault();
    });
    element.addEventListener("keyup", (event) => this.#up(event));
    element.addEventListener("blur", () => this.#blur());
  }

  /** The mouse has taken over: what the keys have begun ends without a trace, the crosshair goes. */
  leave() {
    this.drop();
    this.cross = null;
  }

  /** Cancels what the keys have begun. */
  drop() {
    if (this.#held) this.#viewer.tool?.cancel();
    this.#held = false;
  }

  /** Whether the keys hold the tool down. */
  get holds() {
    return this.#held;
  }

  /** The space bar has served to drag the picture. */
  usedSpace() {
    this.#spaceUsed = true;
  }

  #blur() {
    this.space = false;
    this.leave();
    this.#viewer.repaint();
  }

  /** @returns {boolean} whether the key was used */
  #down(event) {
    if (event.ctrlKey || event.metaKey) return false;
    if (event.key === " ") return this.#spaceDown(event);
    if (ARROWS[event.key]) return !event.altKey && this.#arrow(ARROWS[event.key], event.shiftKey);
    if (event.altKey) return false;
    return this.#zoom(event.key) || this.#act(event);
  }

  #spaceDown(event) {
    if (!event.repeat) this.#spaceUsed = false;
    this.space = true;
    this.#viewer.grabbing(false);
    return true;
  }

  #up(event) {
    if (event.key !== " " || !this.space) return;
    this.space = false;
    this.#viewer.grabbing(false);
    if (!this.#spaceUsed && this.#viewer.tool) this.#press();
  }

  #zoom(key) {
    const viewer = this.#viewer;
    const { camera } = viewer;
    const at = this.cross ? camera.toScreen(this.cross.x, this.cross.y) : [];
    if (key === "+" || key === "=") viewer.zoomBy(ZOOM, ...at);
    else if (key === "-" || key === "_") viewer.zoomBy(1 / ZOOM, ...at);
    else if (key === "0") viewer.fit();
    else if (key === "1") viewer.zoomBy(1 / camera.scale, ...at);
    else return false;
    return true;
  }

  #arrow([dx, dy], far) {
    const viewer = this.#viewer;
    if (!viewer.tool) {
      const step = PAN * (far ? 4 : 1);
      viewer.panBy(-dx * step, -dy * step);
      return true;
    }
    this.#begin();
    const { camera } = viewer;
    const step = Math.max(1, Math.round(1 / camera.scale)) * (far ? FAR : 1);
    const inside = (value, size) => Math.min(Math.max(value, 0.5), size - 0.5);
    this.cross.x = inside(this.cross.x + dx * step, camera.picture.width);
    this.cross.y = inside(this.cross.y + dy * step, camera.picture.height);
    if (this.#held) viewer.tool.move([this.#point()]);
    else viewer.tool.hover?.(this.#point());
    this.#follow();
    viewer.repaint();
    return true;
  }

  #begin() {
    if (this.cross) return;
    const { camera } = this.#viewer;
    const { x, y, w, h } = camera.visible();
    this.cross = { x: Math.floor(x + w / 2) + 0.5, y: Math.floor(y + h / 2) + 0.5 };
    this.#viewer.point(null);
  }

  #point() {
    return { ...this.cross, pressure: 0.5, shift: false, alt: false };
  }

  /** Moves the picture where the crosshair comes near the edge of the viewport. */
  #follow() {
    const { camera } = this.#viewer;
    const [x, y] = camera.toScreen(this.cross.x, this.cross.y);
    const past = (value, size) => Math.min(0, size - EDGE - value) + Math.max(0, EDGE - value);
    const [dx, dy] = [past(x, camera.width), past(y, camera.height)];
    if (dx || dy) this.#viewer.panBy(dx, dy);
  }

  #act(event) {
    const { tool } = this.#viewer;
    if (!tool) return false;
    if (event.key === "Enter") return !event.repeat && this.#end(tool);
    if (event.key === "Escape") return this.#escape(tool);
    return event.key === "Backspace" && Boolean(tool.back?.());
  }

  /** Ends a stroke that the keys have begun, or an open polygon. */
  #end(tool) {
    if (this.#held) this.#press();
    else if (!tool.close?.()) return false;
    return true;
  }

  #escape(tool) {
    const begun = this.#held || this.cross;
    if (this.#held) this.drop();
    else if (tool.drop?.()) return true;
    else this.cross = null;
    this.#viewer.repaint();
    return Boolean(begun);
  }

  #press() {
    const viewer = this.#viewer;
    const { tool } = viewer;
    if (!this.cross) this.#begin();
    else if (this.#held) {
      this.#held = false;
      tool.up(this.#point());
    } else {
      tool.down(this.#point());
      this.#held = tool.holds;
      if (!tool.holds) tool.up(this.#point());
    }
    viewer.repaint();
  }
}
