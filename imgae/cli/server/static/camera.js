/** Where the picture lies in the viewport: one scale and one offset, both in CSS pixels. */

const MAX_SCALE = 64;
/** How much a press of a key or button zooms. */
export const ZOOM = 1.25;

/**
 * @typedef {object} View  What a painter is told.
 * @property {number} scale   CSS pixels a picture pixel
 * @property {number} x       where the picture's left edge lies, CSS pixels
 * @property {number} y       where its upper edge lies
 * @property {number} width   of the viewport, CSS pixels
 * @property {number} height
 * @property {number} dpr     device pixels a CSS pixel
 * @property {{width: number, height: number}} picture
 * @property {boolean} moving whether the scale is still changing
 */

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** Keeps one axis: a small picture is centred, a large one may leave by half a viewport. */
function held(offset, shown, size) {
  if (shown <= size) return (size - shown) / 2;
  const slack = Math.min(size / 2, shown - size);
  return clamp(offset, size - shown - slack, slack);
}

export class Camera {
  width = 1;
  height = 1;
  dpr = 1;
  picture = { width: 1, height: 1 };
  scale = 1;
  fitted = true;
  // The offsets are kept exact, so that many small zooms at one point do not drift.
  #x = 0;
  #y = 0;

  /** The offset as it is shown: on whole device pixels. */
  get x() {
    return Math.round(this.#x * this.dpr) / this.dpr;
  }

  get y() {
    return Math.round(this.#y * this.dpr) / this.dpr;
  }

  /** The scale at which the whole picture is seen. A tiny picture is enlarged by a whole number. */
  get fitting() {
    const { width, height } = this.picture;
    const scale = Math.min(this.width / width, this.height / height);
    return scale > 2 ? Math.min(Math.floor(scale), 16) : Math.min(scale, 1);
  }

  fit() {
    this.scale = this.fitting;
    this.fitted = true;
    this.#hold();
  }

  /** Zooms so that the picture's point under (sx, sy) of the viewport stays there. */
  zoomAt(scale, sx = this.width / 2, sy = this.height / 2) {
    const next = clamp(scale, this.fitting, MAX_SCALE);
    const ratio = next / this.scale;
    this.#x = sx - (sx - this.#x) * ratio;
    this.#y = sy - (sy - this.#y) * ratio;
    this.scale = next;
    this.fitted = next === this.fitting;
    this.#hold();
  }

  panBy(dx, dy) {
    this.#x += dx;
    this.#y += dy;
    this.#hold();
  }

  /** Puts the picture's point (px, py) into the middle. */
  centre(px, py) {
    this.#x = this.width / 2 - px * this.scale;
    this.#y = this.height / 2 - py * this.scale;
    this.#hold();
  }

  /** Takes a new size of the viewport; the point in the middle stays in the middle. */
  resize(width, height, dpr) {
    const [px, py] = this.toPicture(this.width / 2, this.height / 2);
    Object.assign(this, { width, height, dpr });
    if (this.fitted) this.fit();
    else this.centre(px, py);
  }

  toPicture(sx, sy) {
    return [(sx - this.x) / this.scale, (sy - this.y) / this.scale];
  }

  toScreen(px, py) {
    return [px * this.scale + this.x, py * this.scale + this.y];
  }

  /** The part that is seen, in whole pixels of the picture. */
  visible() {
    const { width, height } = this.picture;
    const [left, top] = this.toPicture(0, 0);
    const [right, bottom] = this.toPicture(this.width, this.height);
    const x = clamp(Math.floor(left), 0, width - 1);
    const y = clamp(Math.floor(top), 0, height - 1);
    const w = clamp(Math.ceil(right), x + 1, width) - x;
    const h = clamp(Math.ceil(bottom), y + 1, height) - y;
    return { x, y, w, h };
  }

  /** @returns {View} */
  view(moving) {
    const { scale, x, y, width, height, dpr, picture } = this;
    return { scale, x, y, width, height, dpr, picture, moving };
  }

  #hold() {
    this.#x = held(this.#x, this.picture.width * this.scale, this.width);
    this.#y = held(this.#y, this.picture.height * this.scale, this.height);
  }
}
