/** Pointers and the wheel: what they do to the camera and which of them reach the tool. */

const WHEEL = 0.0016;
const PINCH = 0.01;
const LINE = 16;
const ERASER_BUTTON = 5;

function middle(points) {
  const x = points.reduce((sum, point) => sum + point.x, 0) / points.length;
  const y = points.reduce((sum, point) => sum + point.y, 0) / points.length;
  return { x, y };
}

export class Gestures {
  #viewer;
  #element;
  /** @type {Map<number, {x: number, y: number, type: string}>} */
  #pointers = new Map();
  /** @type {null|"draw"|"pan"|"pinch"} */
  #mode = null;
  #drawing = null;
  #eraser = false;

  constructor(viewer, element) {
    this.#viewer = viewer;
    this.#element = element;
    const on = (name, handler, options) => element.addEventListener(name, handler, options);
    on("pointerdown", (event) => this.#down(event));
    on("pointermove", (event) => this.#move(event));
    on("pointerup", (event) => this.#up(event, false));
    on("pointercancel", (event) => this.#up(event, true));
    on("pointerleave", () => viewer.point(null));
    on("wheel", (event) => this.#wheel(event), { passive: false });
    // A press of the middle button would start the browser's own scrolling.
    on("mousedown", (event) => event.button === 1 && event.preventDefault());
    on("dragstart", (event) => event.preventDefault());
  }

  /** Ends a stroke that is being drawn without keeping it. */
  cancel() {
    if (this.#mode !== "draw") return;
    this.#viewer.tool?.cancel();
    this.#mode = null;
    this.#drawing = null;
  }

  #place(event) {
    const box = this.#element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top, type: event.pointerType };
  }

  #inPicture(event) {
    const place = this.#place(event);
    const [x, y] = this.#viewer.camera.toPicture(place.x, place.y);
    const { pressure, shiftKey, altKey } = event;
    return { x, y, pressure, shift: shiftKey, alt: altKey || this.#eraser };
  }

  #down(event) {
    const viewer = this.#viewer;
    const penDraws = this.#mode === "draw" && this.#pointers.get(this.#drawing)?.type === "pen";
    if (viewer.empty || penDraws || event.button === 2) return;
    this.#pointers.set(event.pointerId, this.#place(event));
    this.#element.setPointerCapture(event.pointerId);
    viewer.keys.leave();
    if (this.#pointers.size > 1) {
      this.cancel();
      this.#mode = "pinch";
    } else if (!viewer.tool || event.button === 1 || viewer.keys.space) {
      this.#mode = "pan";
      viewer.keys.usedSpace();
    } else {
      this.#mode = "draw";
      this.#drawing = event.pointerId;
      this.#eraser = event.button === ERASER_BUTTON;
      viewer.tool.down(this.#inPicture(event));
    }
    viewer.point(this.#place(event));
    viewer.grabbing(this.#mode === "pan");
  }

  #move(event) {
    const viewer = this.#viewer;
    const last = this.#pointers.get(event.pointerId);
    const place = this.#place(event);
    if (this.#mode === "draw" && event.pointerId === this.#drawing) {
      const events = event.getCoalescedEvents?.() ?? [];
      viewer.tool.move((events.length ? events : [event]).map((each) => this.#inPicture(each)));
    } else if (this.#mode === "pan" && last) {
      viewer.panBy(place.x - last.x, place.y - last.y);
    } else if (this.#mode === "pinch" && last) {
      this.#pinch(event.pointerId, place);
    } else if (!this.#mode) {
      viewer.tool?.hover?.(this.#inPicture(event));
    }
    if (last) this.#pointers.set(event.pointerId, place);
    if (!last || this.#mode === "draw") viewer.point(place);
  }

  #pinch(id, place) {
    const before = [...this.#pointers.values()];
    const after = [...this.#pointers].map(([each, old]) => (each === id ? place : old));
    const spread = ([a, b]) => Math.max(Math.hypot(a.x - b.x, a.y - b.y), 1);
    const [from, to] = [middle(before), middle(after)];
    this.#viewer.panBy(to.x - from.x, to.y - from.y);
    this.#viewer.zoomBy(spread(after) / spread(before), to.x, to.y);
  }

  #up(event, cancelled) {
    if (!this.#pointers.delete(event.pointerId)) return;
    const viewer = this.#viewer;
    if (this.#mode === "draw" && event.pointerId === this.#drawing) {
      if (cancelled) this.cancel();
      else viewer.tool.up(this.#inPicture(event));
    }
    this.#mode = this.#pointers.size ? "pan" : null;
    this.#drawing = null;
    this.#eraser = false;
    viewer.grabbing(this.#mode === "pan");
    if (event.pointerType === "touch") viewer.point(null);
  }

  #wheel(event) {
    event.preventDefault();
    if (this.#viewer.empty) return;
    const place = this.#place(event);
    const delta = event.deltaY * (event.deltaMode === 1 ? LINE : 1);
    // A pinch on a trackpad comes as a wheel with ctrl and small steps.
    const rate = event.ctrlKey && Math.abs(delta) < 50 ? PINCH : WHEEL;
    this.#viewer.zoomBy(Math.exp(-delta * rate), place.x, place.y);
  }
}
