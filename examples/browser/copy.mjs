// Copies the three files of onnxruntime-web that the page needs from node_modules to ort/.
import { copyFileSync, mkdirSync } from "node:fs";

mkdirSync("ort", { recursive: true });
for (const name of ["ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"]) {
  copyFileSync(`node_modules/onnxruntime-web/dist/${name}`, `ort/${name}`);
}
