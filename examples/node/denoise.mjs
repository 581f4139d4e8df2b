// Denoise a PNG: node denoise.mjs MODEL.onnx PICTURE.png LEVEL OUTPUT.png [REFERENCE.png]

import { readFileSync, writeFileSync } from "node:fs";
import * as ort from "onnxruntime-node";
import { PNG } from "pngjs";

const [model, picture, level, output, reference] = process.argv.slice(2);
const png = PNG.sync.read(readFileSync(picture)); // RGBA, 8 bits
const { width, height, data } = png;
const area = width * height;

const planes = new Float32Array(3 * area);
const unit = Math.fround(1 / 255);
for (let i = 0; i < area; i++) {
  for (let c = 0; c < 3; c++) planes[c * area + i] = data[4 * i + c] * unit;
}

const session = await ort.InferenceSession.create(model);
const start = performance.now();
const { restored } = await session.run({
  image: new ort.Tensor("float32", planes, [1, 3, height, width]),
  sigma: new ort.Tensor("float32", [level / 255], [1, 1, 1, 1]),
});
console.log(`inference: ${((performance.now() - start) / 1000).toFixed(3)} s`);

for (let i = 0; i < area; i++) {
  for (let c = 0; c < 3; c++) {
    const value = Math.min(Math.max(restored.data[c * area + i], 0), 1);
    data[4 * i + c] = Math.round(value * 255); // alpha stays
  }
}
writeFileSync(output, PNG.sync.write(png));

if (reference) {
  const other = PNG.sync.read(readFileSync(reference)).data;
  let largest = 0;
  data.forEach((value, i) => (largest = Math.max(largest, Math.abs(value - other[i]))));
  console.log(`largest difference: ${largest}`);
}
