"use strict";
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const resolve = (value, style) => {
    if (typeof value === "string") {
      return value.replace(/^var\((--[a-z0-9]+)\)$/, (_, name) => style.getPropertyValue(name).trim());
    }
    if (Array.isArray(value)) return value.map((one) => resolve(one, style));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, resolve(one, style)]));
    }
    return value;
  };
  const draw = () => {
    const style = getComputedStyle(document.documentElement);
    return Promise.all(figures.map(({ id, data, layout }) =>
      Plotly.react(id, resolve(data, style), resolve(layout, style), { displayModeBar: false, responsive: true })));
  };
  if (figures.length) {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const show = () => draw().then(() => { document.documentElement.dataset.drawn = dark.matches ? "dark" : "light"; });
    show();
    dark.addEventListener("change", show);
  }

  const filter = document.getElementById("filter");
  const rows = [...document.querySelectorAll("#log tbody tr")];
  filter?.addEventListener("input", () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
  });
})();
