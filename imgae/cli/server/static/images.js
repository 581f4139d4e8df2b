/** The images of the viewer: before, after, and the crop of a result, each under the camera's transform. */

const PIXELATED_FROM = 2;
const NAMES = ["before", "after", "crop"];

/** An image that is decoded, ready to be shown without a flash. */
async function decoded(url) {
  const image = new Image();
  image.alt = "";
  image.draggable = false;
  image.decoding = "sync";
  image.src = url;
  await image.decode();
  return image;
}

function pane(parent, name) {
  const element = document.createElement("div");
  element.className = `viewer-pane viewer-${name}`;
  parent.append(element);
  return element;
}

export class Images {
  /** @type {Record<string, HTMLImageElement|null>} what is on the screen */
  shown = { before: null, after: null, crop: null };
  /** @type {Record<string, string|null>} the addresses last asked for */
  wanted = { before: null, after: null, crop: null };
  /** @type {{url: string, x: number, y: number, w: number, h: number}|null} */
  place = null;
  #parent;
  #camera;
  #panes;

  constructor(parent, camera) {
    this.#parent = parent;
    this.#camera = camera;
    this.#panes = { before: pane(parent, "before"), after: pane(parent, "after") };
  }

  /**
   * @param {"before"|"after"|"crop"} name
   * @param {string} url
   * @param {object|null} place  of a crop
   * @returns {Promise<boolean>} whether the image was still wanted when it was ready
   */
  async load(name, url, place = null) {
    this.wanted[name] = url;
    const image = await decoded(url);
    if (this.wanted[name] !== url) return false;
    if (name === "crop") this.place = place;
    this.#swap(name, image);
    return true;
  }

  /** Takes one image away, or all. */
  clear(...names) {
    for (const name of names.length ? names : NAMES) {
      this.wanted[name] = null;
      this.#swap(name, null);
      if (name === "crop") this.place = null;
    }
  }

  /** Follows the camera. */
  transform() {
    for (const name of NAMES) this.#transform(name);
    this.#parent.classList.toggle("viewer-pixels", this.#camera.scale >= PIXELATED_FROM);
  }

  /** Shows before up to a share of the viewport's width, and after from there. */
  divide(share, peek) {
    const { before, after } = this.shown;
    this.#panes.after.style.clipPath = `inset(0 0 0 ${peek ? 100 : share * 100}%)`;
    const hidden = before && after && !peek ? 1 - share : 0;
    this.#panes.before.style.clipPath = `inset(0 ${hidden * 100}% 0 0)`;
  }

  /** The colour at (x, y) of before, or of another image, as the file has it without its profile; null outside. */
  async sample(x, y, url) {
    const { width, height } = this.#camera.picture;
    const image = url ? await decoded(url) : this.shown.before;
    if (!image || x < 0 || y < 0 || x >= width || y >= height) return null;
    const options = { colorSpaceConversion: "none" };
    const scale = image.naturalWidth / width; // a preview of a large picture is smaller
    const pixel = await createImageBitmap(image, Math.floor(x * scale), Math.floor(y * scale), 1, 1, options);
    const context = new OffscreenCanvas(1, 1).getContext("2d");
    context.drawImage(pixel, 0, 0);
    pixel.close();
    return [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  }

  #swap(name, image) {
    const old = this.shown[name];
    this.shown[name] = image;
    if (!image) {
      old?.remove();
      return;
    }
    image.className = `viewer-image viewer-${name}-image`;
    const { width, height } = this.#camera.picture;
    image.style.width = `${name === "crop" ? this.place.w : width}px`;
    image.style.height = `${name === "crop" ? this.place.h : height}px`;
    this.#transform(name);
    this.#panes[name === "before" ? "before" : "after"].append(image);
    // The old image stays below the new one until that has been drawn.
    if (old) requestAnimationFrame(() => requestAnimationFrame(() => old.remove()));
  }

  #transform(name) {
    const image = this.shown[name];
    if (!image) return;
    const { x, y, scale } = this.#camera;
    const [left, top] = name === "crop" ? [x + this.place.x * scale, y + this.place.y * scale] : [x, y];
    image.style.transform = `translate(${left}px, ${top}px) scale(${scale})`;
  }
}
