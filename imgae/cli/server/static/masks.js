/** What strokes mark of a picture, as the server draws it. */

import { call, form } from "./api.js";
import { maskBitmap } from "./bitmap.js";
import { fillFields } from "./fields.js";

/** Return the answer with the mask, a PNG, that strokes give. */
export function maskOf(picture, strokes, options = {}) {
  const send = (id) =>
    call("/v1/mask", { method: "POST", body: form({ picture: id, strokes: JSON.stringify(strokes) }), ...options });
  return picture.withSource(send, fillFields(picture).denoised);
}

/** Return the mask that an answer holds, as what to draw over the picture. */
export async function bitmapOf({ shown: { width, height } }, answer) {
  return maskBitmap(await answer.blob(), width, height);
}
