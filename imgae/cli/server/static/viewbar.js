/** Zoom, and before against after. */

import { $ } from "./dom.js";
import { number, onLanguage, t } from "./language.js";

const ZOOM = 1.25;
/** A press shorter than this is a click. */
const CLICK_MS = 300;

export class Viewbar {
  #peeking = false;

  constructor(viewer) {
    this.viewer = viewer;
    $("zoom-in").addEventListener("click", () => viewer.zoomTo(viewer.scale * ZOOM));
    $("zoom-out").addEventListener("click", () => viewer.zoomTo(viewer.scale / ZOOM));
    $("zoom-fit").addEventListener("click", () => viewer.fit());
    $("zoom-full").addEventListener("click", () => viewer.zoomTo(1));
    $("compare").addEventListener("click", () => this.compare(viewer.compare === null));
    this.#holdOrClick($("original"));
    viewer.addEventListener("viewchange", () => this.#zoom());
    onLanguage(() => {
      viewer.label({ viewport: t("viewer"), handle: t("compare"), before: t("before"), after: t("after") });
      this.#zoom();
    });
  }

  /** Show the original while the button is held; a click shows it until the next. */
  #holdOrClick(button) {
    let since = 0;
    let shown = false;
    button.addEventListener("pointerdown", ({ timeStamp }) => {
      since = timeStamp;
      shown = this.#peeking;
      this.peek(true);
    });
    for (const end of ["pointerleave", "pointercancel"]) {
      button.addEventListener(end, ({ buttons }) => buttons && this.peek(false));
    }
    button.addEventListener("click", ({ timeStamp, detail }) => {
      if (detail === 0) this.peek(!this.#peeking);
      else this.peek(!shown && timeStamp - since < CLICK_MS);
    });
    button.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  /** Show the slider between before and after, or take it away. */
  compare(on) {
    if (on && $("compare").disabled) return;
    this.viewer.compare = on ? 0.5 : null;
    $("compare").setAttribute("aria-pressed", on);
  }

  toggle() {
    this.compare(this.viewer.compare === null);
  }

  /** Show the original as long as it is true. */
  peek(on) {
    if (on && $("original").disabled) return;
    this.#peeking = on;
    this.viewer.peek(on);
    $("original").setAttribute("aria-pressed", on);
  }

  /** Whether there is an after to compare with. */
  set comparable(is) {
    $("compare").disabled = $("original").disabled = !is;
    if (is) return;
    this.compare(false);
    if (this.#peeking) this.peek(false);
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
