/** Thin lines over the picture: a tool's open shape, the crosshair of the keyboard, the pixel grid, the brush's circle. */

const SVG = "http://www.w3.org/2000/svg";
const GRID_FROM = 16;
const SMALLEST_CIRCLE = 4;

function line(parent, name) {
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("class", name);
  parent.append(path);
  return path;
}

/** Every line is drawn twice, dark and light, so that it is seen on any ground. */
function pair(parent, name) {
  return [line(parent, `${name} viewer-dark`), line(parent, `${name} viewer-light`)];
}

function draw(paths, data) {
  for (const path of paths) if (path.getAttribute("d") !== data) path.setAttribute("d", data);
}

function shapeData(camera, shape) {
  if (!shape?.points.length) return "";
  const corners = shape.points.map(([x, y]) => camera.toScreen(x, y).join(" "));
  return `M${corners.join("L")}${shape.closed ? "Z" : ""}`;
}

function crossData(camera, cross) {
  if (!cross) return "";
  const [x, y] = camera.toScreen(cross.x, cross.y);
  return `M${x - 20} ${y}h14m12 0h14M${x} ${y - 20}v14m0 12v14`;
}

function gridData(camera) {
  if (camera.scale < GRID_FROM) return "";
  const { x, y, w, h } = camera.visible();
  const [left, top] = camera.toScreen(x, y);
  const [right, bottom] = camera.toScreen(x + w, y + h);
  const lines = [];
  const snap = (value) => Math.round(value * camera.dpr) / camera.dpr + 0.5 / camera.dpr;
  for (let i = 0; i <= w; i += 1) lines.push(`M${snap(left + i * camera.scale)} ${top}V${bottom}`);
  for (let i = 0; i <= h; i += 1) lines.push(`M${left} ${snap(top + i * camera.scale)}H${right}`);
  return lines.join("");
}

export class Hints {
  constructor(parent) {
    this.svg = document.createElementNS(SVG, "svg");
    this.svg.setAttribute("class", "viewer-hints");
    this.svg.setAttribute("aria-hidden", "true");
    this.grid = [line(this.svg, "viewer-grid")];
    this.shape = pair(this.svg, "viewer-shape");
    this.cross = pair(this.svg, "viewer-cross");
    this.circle = document.createElement("div");
    this.circle.className = "viewer-circle";
    this.circle.hidden = true;
    parent.append(this.svg, this.circle);
  }

  /** @param {{points: number[][], closed: boolean}|null} shape  in pixels of the picture */
  show(camera, shape, cross) {
    draw(this.grid, gridData(camera));
    draw(this.shape, shapeData(camera, shape));
    draw(this.cross, crossData(camera, cross));
  }

  /** Whether a circle of this diameter (CSS pixels) is large enough to stand for the pointer. */
  static fits(diameter) {
    return diameter >= SMALLEST_CIRCLE;
  }

  /**
   * @param {{x: number, y: number}|null} centre  in the viewport
   * @param {boolean} down  whether the keys draw with it
   */
  ring(centre, diameter, down) {
    this.circle.classList.toggle("is-down", down);
    this.circle.hidden = !centre || !Hints.fits(diameter);
    if (this.circle.hidden) return;
    const size = `${diameter}px`;
    if (this.circle.style.width !== size) this.circle.style.width = this.circle.style.height = size;
    this.circle.style.transform = `translate(${centre.x - diameter / 2}px, ${centre.y - diameter / 2}px)`;
  }
}
