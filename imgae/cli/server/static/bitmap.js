/** Makes the mask that the server sends into a bitmap to be drawn over the picture. */

const MOST_PIXELS = 4e6;

/**
 * @param {Blob} blob  a PNG, white where marked
 * @param {number} width   of the picture
 * @param {number} height
 * @returns {Promise<ImageBitmap>} white, as opaque as the mask is white; at most 4 MP
 */
export async function maskBitmap(blob, width, height) {
  const scale = Math.min(1, Math.sqrt(MOST_PIXELS / (width * height)));
  const size = { resizeWidth: Math.max(1, Math.floor(width * scale)), resizeHeight: Math.max(1, Math.floor(height * scale)) };
  const mask = await createImageBitmap(blob, scale < 1 ? { ...size, resizeQuality: "medium" } : {});
  const canvas = new OffscreenCanvas(mask.width, mask.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(mask, 0, 0);
  mask.close();
  const image = context.getImageData(0, 0, canvas.width, canvas.height);
  whiten(image.data, scale < 1 ? 2 : 1);
  context.putImageData(image, 0, 0);
  return canvas.transferToImageBitmap();
}

/** White everywhere, with the brightness as opacity; `gain` keeps lines seen that have become thin. */
function whiten(data, gain) {
  const pixels = new Uint32Array(data.buffer);
  for (let i = 0; i < pixels.length; i += 1) {
    const alpha = Math.min((pixels[i] & 255) * gain, 255);
    pixels[i] = ((alpha << 24) | 0xffffff) >>> 0;
  }
}
