"use strict";
// What all parts of the page share: the data, colours of the theme, elements, numbers as people read them.
const data = JSON.parse(document.getElementById("report-data").textContent);
const TICKS_PER_US = 100;
const $ = (id) => document.getElementById(id);
const charts = {};
const drawn = new Set();

function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function element(tag, text = "", attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function count(number) {
  return Number(number).toLocaleString("en-US");
}

function plural(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

function microseconds(ticks) {
  return `${(ticks / TICKS_PER_US).toLocaleString("en-US", { maximumFractionDigits: 2 })} µs`;
}

function fillSelect(select, options, chosen) {
  select.replaceChildren(...options.map(([value, text]) => {
    const option = element("option", text);
    option.value = value;
    return option;
  }));
  if (chosen !== undefined) select.value = chosen;
  select.disabled = options.length === 0;
}

function shellWord(text) {
  const value = String(text);
  return /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}

// A chart on its element; `ready` says in the page's attribute that it has drawn at least once.
function chart(id, height, width) {
  const place = $(id);
  place.style.height = `${height}px`;
  place.style.width = width ? `${width}px` : "";
  if (!charts[id]) {
    charts[id] = echarts.init(place, null, { renderer: "canvas" });
    charts[id].on("finished", () => ready(id));
  } else {
    charts[id].resize();
  }
  return charts[id];
}

function ready(id) {
  if (drawn.has(id)) return;
  if (!drawn.size) performance.mark("first-picture");
  drawn.add(id);
  document.documentElement.dataset.drawn = [...drawn].join(" ");
}

const FONT = 'system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif';

function plainOption() {
  return {
    animation: false,
    backgroundColor: "transparent",
    textStyle: { fontFamily: FONT, color: color("ink") },
  };
}

function axisStyle() {
  return {
    axisLine: { lineStyle: { color: color("soft") } },
    axisTick: { lineStyle: { color: color("soft") } },
    axisLabel: { color: color("soft"), fontSize: 12 },
    splitLine: { lineStyle: { color: color("rule") } },
    nameTextStyle: { color: color("soft") },
  };
}

function tooltipStyle() {
  return {
    backgroundColor: color("panel"),
    borderColor: color("soft"),
    textStyle: { color: color("ink"), fontSize: 13, fontFamily: FONT },
    confine: true,
  };
}

function legendItem(name, paint) {
  const item = element("li");
  const swatch = element("i");
  paint(swatch);
  item.append(swatch, name);
  return item;
}
