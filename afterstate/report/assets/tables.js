// (e) What landed and what the checks say, as tables; each says how much of all it shows.
const LONG = new Set(["file_path", "reason", "value", "message"]);
const EMPTY = {
  loads: "Nothing has landed.", kinds: "Nothing has landed.", rejects: "No row was rejected.", drift: "No snapshot has drifted.",
  disagreements: "No event disagrees.", log_mismatches: "The logs confirm every used key that they mention.", tests: "Every test passed.",
};

function fillTable(place, name, content) {
  if (!content || !content.total) {
    place.replaceChildren(element("p", content ? EMPTY[name] : "Not built yet.", { class: "shows" }));
    return;
  }
  const table = element("table");
  const shown = content.rows.length;
  const head = element("tr");
  for (const column of content.columns) head.append(element("th", column, { scope: "col" }));
  if (shown < content.total) table.append(element("caption", `The first ${count(shown)} of ${count(content.total)}`));
  table.append(head, ...content.rows.map((values) => tableRow(content.columns, values)));
  const scroll = element("div", "", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Table: ${name.replaceAll("_", " ")}` });
  scroll.append(table);
  place.replaceChildren(scroll);
}

function tableRow(columns, values) {
  const row = element("tr");
  values.forEach((value, at) => {
    const isNumber = typeof value === "number" && columns[at].startsWith("rows_");
    const kind = isNumber ? "number" : LONG.has(columns[at]) ? "long" : "";
    const cell = element("td", value === null ? "–" : isNumber ? count(value) : value, kind ? { class: kind } : {});
    if (columns[at] === "file_path" && value !== null) cell.replaceChildren(...breakable(value));
    row.append(cell);
  });
  return row;
}

// A long name may break behind a slash or an underscore, so that it stays readable.
function breakable(text) {
  return text.split(/(?<=[/_])/).flatMap((part) => [part, element("wbr")]);
}

function showTables() {
  const content = { ...data.landed, ...data.checks, tests: data.tests && data.tests.table };
  for (const place of document.querySelectorAll("[data-table]")) fillTable(place, place.dataset.table, content[place.dataset.table]);
  if (!data.tests) {
    $("tests-shows").textContent = "No test results: the last dbt command on this warehouse ran no tests (target/run_results.json).";
    document.querySelector('[data-table="tests"]').replaceChildren();
    return;
  }
  const counts = Object.entries(data.tests.counts).map(([status, number]) => `${count(number)} ${status}`).join(", ");
  $("tests-shows").textContent = `dbt ${data.tests.command}, ${data.tests.at} UTC: ${counts}.`;
}

function drawLoads() {
  const { columns, rows } = data.landed.kinds;
  const column = (name) => rows.map((row) => row[columns.indexOf(name)]);
  const kinds = column("kind"), landed = column("rows_landed"), rejected = column("rows_rejected");
  const made = chart("loads-chart", 64 + Math.max(kinds.length, 1) * 34);
  const left = 16 + Math.max(60, ...kinds.map((kind) => textWidth(kind)));
  const bar = (name, values, fill, word) => ({
    name, type: "bar", data: values.map((value) => (value ? value : null)), itemStyle: { color: fill }, barMaxWidth: 12,
    label: { show: true, position: "right", color: color("ink"), formatter: ({ value }) => (value ? `${count(value)} ${word}` : ""), fontSize: 12, fontFamily: FONT },
  });
  made.setOption({
    ...plainOption(),
    tooltip: { trigger: "axis", ...tooltipStyle() },
    legend: { top: 0, left: 0, textStyle: { color: color("ink") }, itemWidth: 16 },
    grid: { left, right: 70, top: 32, bottom: 28 },
    // Logarithmic: a few rejected rows would not be seen beside a million landed ones.
    xAxis: { type: "log", ...axisStyle(), axisLabel: { color: color("soft"), fontSize: 12, hideOverlap: true, formatter: (value) => (value >= 1 ? count(value) : "") } },
    yAxis: { type: "category", inverse: true, data: kinds, ...axisStyle(), axisLabel: { color: color("ink"), fontSize: 12 }, axisTick: { show: false }, axisLine: { show: false }, splitLine: { show: false } },
    series: [bar("rows landed", landed, color("agree"), ""), bar("rows rejected", rejected, color("bad"), "rejected")],
  }, true);
  const sum = (values) => values.reduce((all, value) => all + value, 0);
  $("loads-text").textContent = `${plural(data.landed.loads.total, "file")} of ${plural(kinds.length, "kind")}: ${plural(sum(landed), "row")} landed, ${count(sum(rejected))} rejected. The scale is logarithmic.`;
}
