"""The style of the page: light and dark, on a wide screen, a narrow one and paper."""

from typing import Final

LIGHT: Final = (
    "#1d62c9", "#c2410c", "#0f7b4f", "#8a3fb5", "#8c6a00", "#b3266e", "#0b7285", "#5a5a5a"
)  # fmt: skip
DARK: Final = (
    "#7db3ff", "#ff9d5c", "#5fd3a0", "#d3a2f5", "#e6c34d", "#ff94c4", "#5cd0e3", "#b8b8b8"
)  # fmt: skip
"""Colours of curves on the two grounds, at a contrast of 4.5 or more."""
COLOURS: Final = "\n".join(
    f".c{number} {{ --ink: light-dark({light}, {dark}); }}"
    for number, (light, dark) in enumerate(zip(LIGHT, DARK, strict=True))
)
STYLE: Final = (
    """
:root {
  color-scheme: light dark;
  --ground: light-dark(#f6f6f6, #1a1a1a);
  --surface: light-dark(#fff, #262626);
  --line: light-dark(#dcdcdc, #3a3a3a);
  --text: light-dark(#1b1b1b, #ededed);
  --quiet: light-dark(#5a5a5a, #adadad);
  --accent: light-dark(#1d62c9, #7db3ff);
  --danger: light-dark(#b3261e, #ff9a92);
}
*, *::before, *::after { box-sizing: border-box; }
body {
  max-width: 1280px;
  margin: 0 auto;
  padding: 24px 20px 64px;
  background: var(--ground);
  color: var(--text);
  font: 14px/22px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
h1, h2, h3, p, figure, dl, dd { margin: 0; }
h1 { font-size: 24px; line-height: 32px; font-weight: 650; overflow-wrap: anywhere; }
h2 { margin: 40px 0 4px; font-size: 19px; line-height: 28px; overflow-wrap: anywhere; }
.part { margin: 24px 0 8px; font-size: 14px; line-height: 22px; font-weight: 600; }
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.quiet { color: var(--quiet); }
.failed { color: var(--danger); }
code, pre { font: 13px/20px ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
pre {
  margin: 12px 0 0;
  padding: 12px 14px;
  border: 1px solid var(--line);
  border-radius: 8px;
  background: var(--surface);
  white-space: pre-wrap;
  overflow-wrap: anywhere;
}
.facts {
  display: grid;
  grid-template-columns: repeat(auto-fill, minmax(150px, 1fr));
  margin: 16px 0 0;
  overflow: hidden;
  border: 1px solid var(--line);
  border-radius: 8px;
  background: var(--surface);
}
.facts div { padding: 10px 14px; box-shadow: 1px 1px 0 0 var(--line); }
.facts dt { color: var(--quiet); font-size: 12px; line-height: 16px; }
.facts dd {
  font-size: 18px; line-height: 26px; font-variant-numeric: tabular-nums; overflow-wrap: anywhere;
}
.facts small { display: block; color: var(--quiet); font-size: 12px; line-height: 16px; }
.charts {
  display: grid;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 370px), 1fr));
  gap: 16px;
  margin-top: 16px;
}
.chart {
  padding: 10px 12px 8px;
  border: 1px solid var(--line);
  border-radius: 8px;
  background: var(--surface);
}
.chart figcaption { font-weight: 600; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--quiet); font-size: 12px; font-variant-numeric: tabular-nums; }
svg .grid { fill: none; stroke: var(--line); stroke-width: 1; }
svg .line, svg .raw, svg .level { fill: none; stroke: var(--ink); stroke-linejoin: round; }
svg .line { stroke-width: 2; }
svg .raw { stroke-width: 1; opacity: 0.35; }
svg .level { stroke-width: 1.5; stroke-dasharray: 6 4; }
svg .line.d1 { stroke-dasharray: 5 3; }
svg .line.d2 { stroke-dasharray: 2 3; }
svg circle { fill: var(--ink); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 12px 0 0; padding: 0; }
.legend li { display: flex; align-items: center; gap: 7px; list-style: none; }
.legend li { overflow-wrap: anywhere; }
.legend svg { flex: none; width: 26px; }
.scroll { overflow-x: auto; margin-top: 12px; border: 1px solid var(--line); border-radius: 8px; }
table { width: 100%; border-collapse: collapse; background: var(--surface); }
th, td { padding: 7px 12px; text-align: left; white-space: nowrap; }
th { color: var(--quiet); font-size: 12px; font-weight: 500; }
tr + tr > * { border-top: 1px solid var(--line); }
tbody tr:first-child > * { border-top: 1px solid var(--line); }
td { font-variant-numeric: tabular-nums; }
.sheets { display: grid; gap: 14px; margin-top: 8px; }
.sheets { grid-template-columns: repeat(auto-fill, minmax(min(100%, 270px), 1fr)); }
.sheets img { display: block; width: 100%; height: auto; border-radius: 6px; }
.sheets figcaption { color: var(--quiet); font-size: 12px; }
details { margin-top: 16px; }
summary { cursor: pointer; color: var(--quiet); }
footer { margin-top: 48px; color: var(--quiet); font-size: 12px; }
@media (max-width: 600px) {
  body { padding: 16px 14px 48px; }
  .facts { grid-template-columns: 1fr 1fr; }
}
@media print { .chart, .sheets figure { break-inside: avoid; } }
"""
    + COLOURS
)
