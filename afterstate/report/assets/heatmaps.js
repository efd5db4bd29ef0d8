// (c) used × true keys and (d) states × operations, as counts of proposals.
const MOST = 40; // rows and columns of a heat map; the rest are summed up in one more
const OTHERS = "all others";

// Sums of [boundary, session, run, row, column, count] for what is chosen: {rows, columns, cells: Map, total}.
function summed(source, boundary, session, run) {
  const cells = new Map();
  const rowSums = new Map(), columnSums = new Map();
  let total = 0;
  for (const [of, inSession, inRun, row, column, number] of source) {
    if (of !== boundary || inSession !== session || (run && inRun !== run)) continue;
    const key = JSON.stringify([row, column]);
    cells.set(key, (cells.get(key) || 0) + number);
    rowSums.set(row, (rowSums.get(row) || 0) + number);
    columnSums.set(column, (columnSums.get(column) || 0) + number);
    total += number;
  }
  return { rows: largest(rowSums), columns: largest(columnSums), cells, total };
}

function largest(sums) {
  const names = [...sums.keys()].sort((one, other) => sums.get(other) - sums.get(one) || (one < other ? -1 : 1));
  const kept = names.slice(0, names.length > MOST ? MOST - 1 : MOST).sort();
  return { kept, others: names.length - kept.length };
}

function grouped({ rows, columns, cells }) {
  const found = new Map();
  const place = (group, name) => {
    const at = group.kept.indexOf(name);
    return at < 0 ? group.kept.length : at;
  };
  for (const [key, number] of cells) {
    const [row, column] = JSON.parse(key);
    const at = `${place(columns, column)},${place(rows, row)}`;
    found.set(at, (found.get(at) || 0) + number);
  }
  return [...found].map(([at, number]) => [...at.split(",").map(Number), number]);
}

function labels(group) {
  return group.others ? [...group.kept, `${OTHERS} (${group.others})`] : group.kept;
}

function drawHeatmap(id, sums, { rowTitle, columnTitle, marksSame }) {
  const rows = labels(sums.rows), columns = labels(sums.columns);
  const cells = grouped(sums);
  const most = Math.max(1, ...cells.map((cell) => cell[2]));
  const left = 16 + Math.max(60, ...rows.map((name) => textWidth(name)));
  const widest = Math.max(40, ...columns.map((name) => textWidth(name)));
  const bottom = 22 + widest * 0.72;
  const available = $(id).parentElement.clientWidth;
  const cell = Math.max(44, Math.min(110, (available - left - 40) / Math.max(columns.length, 1)));
  const right = Math.max(24, widest * 0.1);
  const width = left + columns.length * cell + right;
  const isPrinted = document.documentElement.classList.contains("printing"); // paper does not scroll
  $(id).style.zoom = isPrinted ? Math.min(1, available / width) : "";
  const made = chart(id, 34 + rows.length * 28 + bottom, width);
  const isSame = ([x, y]) => marksSame && rows[y] === columns[x];
  const ramp = [color("heat-low"), color("heat-high")];
  made.setOption({
    ...plainOption(),
    tooltip: { ...tooltipStyle(), formatter: ({ value }) => echarts.format.encodeHTML(`${rows[value[1]]} → ${columns[value[0]]}: ${plural(value[2], "proposal")}`) },
    grid: { left, right, top: 26, height: rows.length * 28 },
    xAxis: { type: "category", data: columns, ...axisStyle(), name: "", axisLabel: { color: color("ink"), fontSize: 12, rotate: 45, interval: 0 }, axisTick: { show: false } },
    yAxis: { type: "category", data: rows, inverse: true, ...axisStyle(), name: `${rowTitle} ↓   ${columnTitle} →`, nameLocation: "start", nameTextStyle: { color: color("soft"), align: "left", padding: [0, 0, 0, -left + 8] }, axisLabel: { color: color("ink"), fontSize: 12, interval: 0 }, axisTick: { show: false } },
    series: [{
      type: "heatmap",
      // The outlined ones last, so that no neighbour covers their border.
      data: [...cells].sort((one, other) => isSame(one) - isSame(other)).map(([x, y, number]) => {
        const share = Math.log1p(number) / Math.log1p(most);
        const same = isSame([x, y]);
        return {
          value: [x, y, number],
          itemStyle: { color: mix(ramp[1], ramp[0], share), borderColor: same ? color("ink") : color("page"), borderWidth: same ? 2 : 1 },
          label: { show: true, formatter: count(number), fontSize: 12, color: inkOn(mix(ramp[1], ramp[0], share)), fontFamily: FONT },
        };
      }),
      emphasis: { disabled: true },
    }],
  }, true);
  return cells.map(([x, y, number]) => [rows[y], columns[x], number]);
}

function textWidth(text) {
  const pen = textWidth.pen || (textWidth.pen = document.createElement("canvas").getContext("2d"));
  pen.font = `12px ${FONT}`;
  return pen.measureText(text).width;
}

// Black or white, whichever is easier to read (relative luminance of WCAG).
function inkOn(background) {
  const [red, green, blue] = background.match(/\d+/g).map((part) => {
    const share = Number(part) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 ? "#000000" : "#ffffff";
}

function showKeys() {
  const boundary = $("boundary-choice").value, session = $("session-choice").value, run = $("run-choice").value;
  const where = `Session ${session}, ${run ? `run ${run}` : "all runs"}, boundary ${boundary}`;
  const pairs = summed(data.keys.pairs, boundary, session, run);
  const agreed = data.keys.pairs.reduce((sum, [of, s, r, used, key, number]) => sum + (of === boundary && s === session && (!run || r === run) && used === key ? number : 0), 0);
  drawHeatmap("pairs-chart", pairs, { rowTitle: "used", columnTitle: "true", marksSame: true });
  $("pairs-text").textContent = `${where}: ${plural(pairs.total, "proposal")}; ${count(agreed)} used the true key (outlined), ${count(pairs.total - agreed)} another.${restText(pairs)}`;
  fillCounts($("pairs-table"), ["used key", "true key", "proposals"], pairs);
  const operations = summed(data.keys.operations, boundary, session, run);
  drawHeatmap("operations-chart", operations, { rowTitle: "state", columnTitle: "operation", marksSame: false });
  $("operations-text").textContent = `${where}: ${plural(operations.total, "proposal")}.${restText(operations)}`;
  fillCounts($("operations-table"), ["state", "operation", "proposals"], operations);
}

function restText({ rows, columns }) {
  const rest = rows.others + columns.others;
  return rest ? ` The ${MOST} most frequent are shown by name, the others as one.` : "";
}

function fillCounts(table, titles, { cells }) {
  const head = element("tr");
  for (const title of titles) head.append(element("th", title, { scope: "col" }));
  const sorted = [...cells].sort((one, other) => other[1] - one[1]);
  const rows = sorted.slice(0, 500).map(([key, number]) => {
    const row = element("tr");
    row.append(...JSON.parse(key).map((name) => element("td", name)), element("td", count(number), { class: "number" }));
    return row;
  });
  const rest = sorted.length > rows.length ? [element("caption", `The ${rows.length} most frequent of ${count(sorted.length)} pairs`)] : [];
  table.replaceChildren(...rest, head, ...rows);
}
