// (a) A design's trace over its steps: the shutdown, what was frozen, what followed, fallback and reservation bands.
const MEASURES = ["SoMS_cumsum_window", "action_toggle_rate", "blocked_rate_window", "veto_streak"];
const BANDS = [["fallback_stage", "Fallback stage"], ["reservation_status", "Reservation"]];
const INPUT_OF = {
  shutdown_trigger_final: "event",
  SoMS_cumsum_window: "trace", action_toggle_rate: "trace", blocked_rate_window: "trace", veto_streak: "trace",
  fallback_stage: "fallback", fallback_reason_code: "fallback", fallback_score: "fallback",
  reservation_status: "reservation", reservation_reason_code: "reservation", risk_score_total: "reservation",
};
// By rank, so that a higher stage is darker; names beyond these take what is left. Text on each has a contrast of 4.5.
const STAGE_COLORS = {
  NONE: ["#dfe5ea", "#16202a"], SOFT_LIMIT: ["#f7df9c", "#16202a"], PARTIAL_SEAL: ["#f0a04b", "#16202a"], FULL_SEAL: ["#a3261c", "#ffffff"],
  HOLD: ["#f7df9c", "#16202a"], RESERVED: ["#f0a04b", "#16202a"],
};
const OTHER_STAGE_COLORS = [["#c9b8e8", "#16202a"], ["#a8d8c8", "#16202a"], ["#9cc4ea", "#16202a"], ["#e8b8c8", "#16202a"]];

function stageColors(name) {
  if (STAGE_COLORS[name]) return STAGE_COLORS[name];
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)) % 9973;
  return OTHER_STAGE_COLORS[sum % OTHER_STAGE_COLORS.length];
}

const SHUTDOWN = {
  items: data.shutdowns ? data.shutdowns.items : [],
  name: (item) => `${item.key[0]} / ${item.key[1]} / ${item.key[2]}, step ${item.key[3]}`,
};

// What fits beside an axis: a number of any size in six characters.
function shortNumber(value) {
  const size = Math.abs(value);
  return value !== 0 && (size >= 1e5 || size < 1e-3) ? value.toExponential(size < 1e-3 ? 0 : 1).replace(".0", "").replace("+", "") : String(value);
}

// Steps next to each other with the same value, as [first step, last step, value].
function stretches(steps, values) {
  const found = [];
  steps.forEach((step, index) => {
    const last = found[found.length - 1];
    if (values[index] === null) return;
    if (last && last[2] === values[index] && last[1] === steps[index - 1]) last[1] = step;
    else found.push([step, step, values[index]]);
  });
  return found;
}

function drawShutdown(item) {
  const design = data.shutdowns.designs[item.design];
  const steps = design.step;
  const first = steps.length ? Math.min(steps[0], item.key[3]) : item.key[3];
  const last = steps.length ? Math.max(steps[steps.length - 1], item.key[3]) : item.key[3];
  const narrow = $("shutdown-chart").clientWidth < 600;
  const place = { left: narrow ? 46 : 60, right: narrow ? 14 : 24 };
  // A narrow screen has the frozen value below the measure's name, not beside it.
  const lines = narrow ? 2 : 1;
  const top = 54 + 16 * lines, each = 88, gap = 26 + 16 * lines;
  const bandTop = top + MEASURES.length * (each + gap);
  const option = {
    ...plainOption(),
    tooltip: { trigger: "axis", ...tooltipStyle(), axisPointer: { type: "line", lineStyle: { color: color("soft") } }, formatter: (hovered) => stepText(item, design, hovered) },
    axisPointer: { link: [{ xAxisIndex: "all" }] },
    title: [], grid: [], xAxis: [], yAxis: [], series: [],
  };
  MEASURES.forEach((measure, index) => {
    const y = top + index * (each + gap);
    option.title.push(gridTitle(`{name|${measure}}${narrow ? "\n" : "  "}{frozen|${frozenText(item, measure)}}`, place.left, y - 11 - 16 * lines, item, measure));
    option.grid.push({ ...place, top: y, height: each, outerBoundsMode: "none" });
    option.xAxis.push({ type: "value", gridIndex: index, min: first - 0.5, max: last + 0.5, minInterval: 1, ...axisStyle(), axisLabel: { show: false }, splitLine: { show: false } });
    option.yAxis.push({ type: "value", gridIndex: index, splitNumber: 3, minInterval: measure === "veto_streak" ? 1 : 0, ...axisStyle(), axisLine: { show: true, onZero: false, lineStyle: { color: color("soft") } }, axisLabel: { color: color("soft"), fontSize: 12, hideOverlap: true, formatter: shortNumber } });
    option.series.push(measureSeries(item, design, measure, index, first, last, 14 + 16 * lines));
    option.series.push(frozenSeries(item, measure, index));
  });
  BANDS.forEach(([column, title], index) => {
    const grid = MEASURES.length + index;
    const y = bandTop + index * 58;
    const isLast = index === BANDS.length - 1;
    option.title.push(gridTitle(`{name|${title}}`, place.left, y - 25));
    option.grid.push({ ...place, top: y, height: 24, outerBoundsMode: "none" });
    option.xAxis.push({
      type: "value", gridIndex: grid, min: first - 0.5, max: last + 0.5, minInterval: 1, ...axisStyle(), splitLine: { show: false },
      name: isLast ? "step" : "", nameLocation: "middle", nameGap: 26,
      axisLabel: { show: isLast, color: color("soft"), fontSize: 12, showMinLabel: false, showMaxLabel: false, formatter: (value) => (Number.isInteger(value) ? value : "") },
    });
    option.yAxis.push({ type: "value", gridIndex: grid, min: 0, max: 1, show: false });
    option.series.push(bandSeries(stretches(steps, design[column]), grid));
  });
  const made = chart("shutdown-chart", bandTop + BANDS.length * 58 + 26);
  made.setOption(option, true);
  $("shutdown-text").textContent = shutdownText(item, design);
  showShutdownLegend(item, design);
}

function gridTitle(text, left, top, item, measure) {
  const mark = measure && measure in item.drift ? "bad" : "frozen";
  const style = { fontSize: 13, lineHeight: 17, fontFamily: FONT };
  return { text, left: left - 4, top, textStyle: { rich: { name: { ...style, fontWeight: 600, color: color("ink") }, frozen: { ...style, color: color(mark) } } } };
}

function frozenText(item, measure) {
  const value = item.frozen[measure] ?? "nothing";
  return measure in item.drift ? `frozen ${value}, now ${item.drift[measure] ?? "nothing"}` : `frozen ${value}`;
}

function showShutdownLegend(item, design) {
  const entries = [["frozen value", color("frozen")], ["after the shutdown", color("after")]];
  if (Object.keys(item.drift).length) entries.push(["frozen value that has drifted", color("bad")]);
  const stages = new Set([...design.fallback_stage, ...design.reservation_status].filter((stage) => stage !== null));
  for (const stage of stages) entries.push([stage, stageColors(stage)[0]]);
  $("shutdown-legend").replaceChildren(...entries.map(([name, fill]) => legendItem(name, (swatch) => { swatch.style.background = fill; })));
}

function measureSeries(item, design, measure, index, first, last, above) {
  const shutdown = item.key[3];
  const share = (shutdown - first + 0.5) / (last - first + 1);
  return {
    id: measure, name: measure, type: "line", xAxisIndex: index, yAxisIndex: index, showSymbol: design.step.length < 60, symbolSize: 4,
    lineStyle: { color: color("ink"), width: 1.6 }, itemStyle: { color: color("ink") },
    data: design.step.map((step, at) => [step, design[measure][at]]),
    markArea: last > shutdown ? { silent: true, itemStyle: { color: color("after") }, data: [[{ xAxis: shutdown + 0.5 }, { xAxis: last + 0.5 }]] } : undefined,
    markLine: {
      silent: true, symbol: "none", lineStyle: { color: color("bad"), type: "solid", width: 2 },
      label: { show: index === 0, formatter: `shutdown, step ${shutdown}`, color: color("bad"), position: "end", distance: above, align: share < 0.2 ? "left" : share > 0.8 ? "right" : "center", fontSize: 12, fontWeight: 600, fontFamily: FONT },
      data: [{ xAxis: shutdown }],
    },
  };
}

function frozenSeries(item, measure, index) {
  const value = item.frozen[measure];
  const drifted = measure in item.drift;
  const mark = color(drifted ? "bad" : "frozen");
  return {
    id: `frozen ${measure}`, name: `frozen ${measure}`, type: "scatter", xAxisIndex: index, yAxisIndex: index, symbol: "diamond", symbolSize: 13, z: 5,
    data: value === null ? [] : [[item.key[3], value]],
    itemStyle: { color: mark, borderColor: color("page"), borderWidth: 1.5 },
    markLine: value === null ? undefined : {
      silent: true, symbol: "none", label: { show: false }, lineStyle: { color: mark, type: "dashed", width: 1, opacity: 0.8 }, data: [{ yAxis: value }],
    },
  };
}

function bandSeries(parts, grid) {
  return {
    type: "custom", xAxisIndex: grid, yAxisIndex: grid, clip: true, data: parts.map(([from, to, value]) => [from, to, value]), encode: { x: [0, 1] },
    renderItem: (params, api) => {
      const [from, to, value] = parts[params.dataIndex];
      const [left, upper] = api.coord([from - 0.5, 1]);
      const [right, lower] = api.coord([to + 0.5, 0]);
      const [fill, ink] = stageColors(value);
      const width = right - left;
      const fits = width > value.length * 6.6 + 8;
      return {
        type: "rect", shape: { x: left, y: upper, width: Math.max(width - 1, 1), height: lower - upper }, style: { fill },
        textContent: fits ? { style: { text: value, fill: ink, fontSize: 11, fontFamily: FONT } } : undefined, textConfig: { position: "inside" },
      };
    },
  };
}

function stepText(item, design, hovered) {
  const axis = hovered.find((one) => one.seriesType === "line") || hovered[0];
  const step = axis.value[0];
  const at = design.step.indexOf(step);
  if (at < 0) return "";
  const lines = [...MEASURES, "fallback_stage", "reservation_status"].map((column) => `${column}: ${design[column][at] ?? "–"}`);
  const safe = lines.map((line) => echarts.format.encodeHTML(line));
  return [`<strong>step ${step}${step === item.key[3] ? " (shutdown)" : ""}</strong>`, ...safe].join("<br>");
}

function shutdownText(item, design) {
  const values = MEASURES.map((measure) => `${measure} ${item.frozen[measure] ?? "missing"}`).join(", ");
  const after = design.step.filter((step) => step > item.key[3]).length;
  const drift = Object.keys(item.drift);
  const drifted = drift.length ? `Drifted since, in red: ${drift.join(", ")}.` : "No value has drifted.";
  return `The four measures over ${plural(design.step.length, "step")}. Shut down at step ${item.key[3]} (${item.frozen.shutdown_trigger_final}), ` +
    `frozen there (diamonds): ${values}. ${plural(after, "step")} followed (shaded). ${drifted} ` +
    "The bands show fallback stages and reservations.";
}

function showShutdownValues(item) {
  const rows = Object.entries(item.frozen).map(([column, value]) => {
    const origin = item.origins[INPUT_OF[column]];
    const drifted = column in item.drift;
    const row = element("tr");
    const shown = element("td");
    shown.append(...breakable(value === null ? "–" : String(value)));
    row.append(element("th", column, { scope: "row" }), shown);
    row.append(element("td", drifted ? `drifted: the files say ${item.drift[column] ?? "nothing"}` : "the files say the same", { class: drifted ? "bad" : "good" }));
    row.append(originCell(origin));
    return row;
  });
  const head = element("tr");
  for (const title of ["column", "frozen", "now", "taken from"]) head.append(element("th", title, { scope: "col" }));
  $("shutdown-values").replaceChildren(element("caption", `Rule ${item.rule}, taken ${item.created_at} UTC`), head, ...rows);
  const [run, design, antibody, step] = item.key;
  $("shutdown-command").textContent = `afterstate explain snapshot --run ${shellWord(run)} --case ${shellWord(design)} --antibody ${shellWord(antibody)} --step ${step}`;
}

// A narrow screen has no room for the folder; the file's name and the line are what one looks for.
function originCell(origin) {
  const text = originText(origin);
  const end = origin && origin.file ? origin.file.lastIndexOf("/") + 1 : 0;
  const cell = element("td", "", { class: "long" });
  cell.append(element("span", text.slice(0, end), { class: "folder" }), text.slice(end));
  return cell;
}

function originText(origin) {
  if (!origin) return "its file was not there when the snapshot was taken";
  const restated = origin.statements > 1 ? `; stated ${origin.statements} times` : "";
  return origin.file ? `${origin.file}, line ${origin.line} (load ${origin.load})${restated}` : `no landed row states this any more${restated}`;
}

function showShutdownSteps(item) {
  const design = data.shutdowns.designs[item.design];
  const columns = ["step", ...MEASURES, "fallback_stage", "reservation_status"];
  const head = element("tr");
  for (const column of columns) head.append(element("th", column, { scope: "col" }));
  const rows = design.step.map((step, at) => {
    const row = element("tr");
    for (const column of columns) row.append(element("td", design[column][at] ?? "–"));
    if (step === item.key[3]) row.firstChild.append(" (shutdown)");
    return row;
  });
  $("shutdown-steps").replaceChildren(head, ...rows);
}

function showShutdown(number) {
  const item = SHUTDOWN.items[number];
  $("shutdown-choice").value = String(number);
  $("shutdown-previous").disabled = number === 0;
  $("shutdown-next").disabled = number === SHUTDOWN.items.length - 1;
  drawShutdown(item);
  showShutdownValues(item);
  showShutdownSteps(item);
}
