/**
 * The strokes as the server draws them: whole pixels, each marked if its centre is. Shown where pixels are large.
 * They are drawn finer than the picture, by an odd number, so that each pixel has a sample at its centre.
 */

import { MaskLayer } from "./mask_layer.js";

const FINER = 5;

/** The pixels of the picture that a view shows. */
function seen({ scale, x, y, width, height, picture }) {
  const low = (offset, size) => Math.min(Math.max(Math.floor(-offset / scale), 0), size - 1);
  const high = (offset, side, size) => Math.min(Math.max(Math.ceil((side - offset) / scale), 1), size);
  const [left, top] = [low(x, picture.width), low(y, picture.height)];
  return [left, top, high(x, width, picture.width) - left, high(y, height, picture.height) - top];
}

export class PixelMask {
  #fine = new MaskLayer(0, { willReadFrequently: true });
  #canvas = document.createElement("canvas");

  /** The fine drawing, to stretch. */
  get canvas() {
    return this.#fine.canvas;
  }

  get sight() {
    return this.#fine.sight;
  }

  update(ops, view, color) {
    const [x, y, w, h] = seen(view);
    const { picture } = view;
    const sight = { scale: FINER, x: -x * FINER, y: -y * FINER, width: w * FINER, height: h * FINER, picture };
    this.#fine.update(ops, sight, color);
  }

  extend(op, path) {
    this.#fine.extend(op, path);
  }

  /** Draws the whole pixels. */
  draw(ctx, view) {
    const [x, y, w, h] = seen(view);
    this.#sample(w, h);
    const { scale } = view;
    ctx.imageSmoothingEnabled = false;
    ctx.drawImage(this.#canvas, view.x + x * scale, view.y + y * scale, w * scale, h * scale);
  }

  #sample(w, h) {
    const fine = this.#fine.pixels();
    const whole = new ImageData(w, h);
    const target = new Uint32Array(whole.data.buffer);
    const middle = (FINER - 1) / 2;
    for (let row = 0; row < h; row += 1) {
      const start = (row * FINER + middle) * w * FINER + middle;
      for (let column = 0; column < w; column += 1) {
        const value = fine[start + column * FINER];
        // Half opaque or more counts; the bytes lie as red, green, blue, opacity.
        if (value >>> 31) target[row * w + column] = (value | 0xff000000) >>> 0;
      }
    }
    Object.assign(this.#canvas, { width: w, height: h });
    this.#canvas.getContext("2d").putImageData(whole, 0, 0);
  }
}
