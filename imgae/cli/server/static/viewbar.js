/** Zoom, and before against after. */

import { $ } from "./dom.js";
import { number, onLanguage, t } from "./language.js";

const ZOOM = 1.25;

export class Viewbar {
  constructor(viewer) {
    this.viewer = viewer;
    $("zoom-in").addEventListener("click", () => viewer.zoomTo(viewer.scale * ZOOM));
    $("zoom-out").addEventListener("click", () => viewer.zoomTo(viewer.scale / ZOOM));
    $("zoom-fit").addEventListener("click", () => viewer.fit());
    $("zoom-full").addEventListener("click", () => viewer.zoomTo(1));
    $("compare").addEventListener("click", () => this.compare(viewer.compare === null));
    $("original").addEventListener("pointerdown", () => this.peek(true));
    for (const end of ["pointerup", "pointerleave", "pointercancel", "blur"]) {
      $("original").addEventListener(end, () => this.peek(false));
    }
    $("original").addEventListener("keydown", ({ key }) => (key === " " || key === "Enter") && this.peek(true));
    $("original").addEventListener("keyup", () => this.peek(false));
    $("original").addEventListener("contextmenu", (event) => event.preventDefault());
    viewer.addEventListener("viewchange", () => this.#zoom());
    onLanguage(() => {
      viewer.label(t("viewer"), t("compare"));
      this.#zoom();
    });
  }

  /** Show the slider between before and after, or take it away. */
  compare(on) {
    if ($("compare").disabled) return;
    this.viewer.compare = on ? 0.5 : null;
    $("compare").setAttribute("aria-pressed", on);
  }

  toggle() {
    this.compare(this.viewer.compare === null);
  }

  /** Show the original as long as it is true. */
  peek(on) {
    if (on && $("original").disabled) return;
    this.viewer.peek(on);
    $("original").setAttribute("aria-pressed", on);
  }

  /** Whether there is an after to compare with. */
  set comparable(is) {
    $("compare").disabled = $("original").disabled = !is;
  }

  /** Whether a picture is shown, which can be zoomed. */
  set usable(is) {
    for (const id of ["zoom-in", "zoom-out", "zoom-fit", "zoom-full"]) $(id).disabled = !is;
    if (is) this.#zoom();
    else $("zoom").textContent = "";
  }

  #zoom() {
    if ($("zoom-in").disabled) return;
    $("zoom").textContent = number(this.viewer.scale, { style: "percent", maximumSignificantDigits: 3 });
  }
}
