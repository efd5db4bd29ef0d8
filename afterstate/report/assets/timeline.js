// (b) The timeline: one lane for each plane, drawn by ECharts' custom series with one path for each colour.
const TIMELINE = { session: null, open: null, run: -1, view: [0, 1], fills: [], drawn: null };
const BASE_COLORS = ["#2f6fb3", "#2a9d74", "#c98a00", "#8a56b8", "#00869c", "#7d7a1f", "#5560c8", "#4f8a10", "#a8672e", "#33808f", "#9a5fa0", "#6b6b6b"];
const STATE_STRENGTHS = [1, 0.62, 0.82, 0.45, 0.72, 0.52];

const Boxes = echarts.graphic.extendShape({
  shape: { boxes: [], bars: [], y: 0, height: 0 },
  buildPath(path, shape) {
    const { boxes, bars, y, height } = shape;
    for (let at = 0; at < boxes.length; at += 2) path.rect(boxes[at], y, boxes[at + 1], height);
    for (let at = 0; at < bars.length; at += 2) path.rect(bars[at], y, 1, bars[at + 1] * height);
  },
});
const Ticks = echarts.graphic.extendShape({
  shape: { at: [], y: 0, height: 0, width: 1 },
  buildPath(path, shape) {
    for (const x of shape.at) path.rect(x - shape.width / 2, shape.y, shape.width, shape.height);
  },
});
echarts.graphic.registerShape("boxes", Boxes);
echarts.graphic.registerShape("ticks", Ticks);

function nameOf(number) {
  return data.timelines.names[number];
}

// A base keeps its colour on the whole page; a state makes it stronger or weaker.
function pieceColor(base, state) {
  const bases = TIMELINE.bases, states = TIMELINE.states;
  const hex = BASE_COLORS[bases.indexOf(base) % BASE_COLORS.length];
  const strength = STATE_STRENGTHS[states.indexOf(state) % STATE_STRENGTHS.length];
  return mix(hex, color("page"), strength);
}

function mix(one, other, share) {
  const parts = [1, 3, 5].map((at) => Math.round(parseInt(one.slice(at, at + 2), 16) * share + parseInt(other.slice(at, at + 2), 16) * (1 - share)));
  return `rgb(${parts.join(",")})`;
}

function hatching() {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 6;
  const pen = tile.getContext("2d");
  pen.strokeStyle = color("gap");
  pen.lineWidth = 1.1;
  for (const shift of [-6, 0, 6]) {
    pen.beginPath();
    pen.moveTo(shift, 6);
    pen.lineTo(shift + 6, 0);
    pen.stroke();
  }
  return { image: tile, repeat: "repeat" };
}

function laneName(lane) {
  return `die ${lane.die} plane ${lane.plane}`;
}

async function showSession(name) {
  const session = data.timelines.sessions.find((one) => one.name === name);
  TIMELINE.session = session;
  TIMELINE.open = await openSession(session);
  TIMELINE.run = -1;
  const { base, state } = TIMELINE.open.segments;
  TIMELINE.bases = [...new Set(base)].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  TIMELINE.states = [...new Set(state)].sort((a, b) => (nameOf(a) === "ISSUE" ? -1 : nameOf(b) === "ISSUE" ? 1 : nameOf(a) < nameOf(b) ? -1 : 1));
  fillSelect($("run-choice"), [["", "all runs"], ...session.runs.map((run) => [run.run, run.run])], "");
  TIMELINE.view = [TIMELINE.open.first, TIMELINE.open.last];
  $("timeline-picked").replaceChildren();
  drawTimeline();
  showDisagreements();
}

function showRun(name) {
  const { session, open } = TIMELINE;
  TIMELINE.run = session.runs.findIndex((run) => run.run === name);
  const run = session.runs[TIMELINE.run];
  if (run) {
    const margin = Math.max((run.last - run.first) * 0.02, 100);
    TIMELINE.view = [Math.max(run.first - margin, open.first), Math.min(run.last + margin, open.last)];
  } else {
    TIMELINE.view = [open.first, open.last];
  }
  drawTimeline();
  showDisagreements();
}

function drawTimeline() {
  const { session, open } = TIMELINE;
  TIMELINE.fills = [...open.kinds.map(([base, state]) => pieceColor(base, state)), hatching()];
  const laneHeight = session.lanes.length > 24 ? 26 : 38;
  const narrow = $("timeline-chart").clientWidth < 600;
  const made = chart("timeline-chart", session.lanes.length * laneHeight + 92);
  const unit = TICKS_PER_US;
  made.setOption({
    ...plainOption(),
    grid: { left: narrow ? 46 : 100, right: narrow ? 10 : 20, top: 8, height: session.lanes.length * laneHeight },
    xAxis: {
      type: "value", min: open.first / unit, max: open.last / unit, name: "µs", nameLocation: "middle", nameGap: 26, ...axisStyle(), splitNumber: narrow ? 3 : 8,
      axisLabel: { color: color("soft"), fontSize: 12, showMinLabel: false, showMaxLabel: false, hideOverlap: true },
    },
    yAxis: {
      type: "category", inverse: true, data: session.lanes.map((lane) => (narrow ? `${lane.die}/${lane.plane}` : laneName(lane))), ...axisStyle(),
      axisTick: { show: false }, splitLine: { show: true, lineStyle: { color: color("rule") } },
    },
    dataZoom: [
      { type: "inside", filterMode: "none", zoomOnMouseWheel: "ctrl", moveOnMouseWheel: false, moveOnMouseMove: true, preventDefaultMouseMove: false, throttle: 16, minValueSpan: 0.05, startValue: TIMELINE.view[0] / unit, endValue: TIMELINE.view[1] / unit },
      {
        type: "slider", filterMode: "none", bottom: 8, height: 24, showDataShadow: false, brushSelect: false, throttle: 16, borderColor: color("line"), backgroundColor: color("panel"), fillerColor: color("slider"),
        handleStyle: { color: color("panel"), borderColor: color("soft") }, moveHandleStyle: { color: color("soft") }, dataBackground: { lineStyle: { opacity: 0 }, areaStyle: { opacity: 0 } },
        textStyle: { color: color("soft") }, showDetail: false, left: narrow ? 46 : 100, right: narrow ? 18 : 26,
      },
    ],
    series: [{ type: "custom", clip: true, data: session.lanes.map((_, lane) => [open.first / unit, lane]), encode: { x: 0, y: 1 }, renderItem: renderLane, silent: true }],
  }, true);
  if (!TIMELINE.listens) listen(made);
  showLegend();
  describeTimeline();
  showWhatIsDrawn(); // ECharts may have finished before anybody listened
}

function renderLane(params, api) {
  const { session, open, run } = TIMELINE;
  const lane = session.lanes[params.dataIndex];
  const { x, width } = params.coordSys;
  const middle = api.coord([0, params.dataIndex])[1];
  const band = api.size([0, 1])[1];
  const [from, to] = visible(api, x, width);
  if (params.dataIndex === 0) TIMELINE.drawn = { wide: 0, narrow: 0, pixels: 0, gaps: 0, wideGaps: 0, proposals: 0, from, to };
  const shapes = laneShapes(open, lane, from, to, x, width);
  const children = [];
  const top = middle - band * 0.42, height = band * 0.48;
  for (let kind = open.kinds.length; kind >= 0; kind--) {
    const boxes = shapes.fills[kind], bars = shapes.bars[kind];
    if (boxes.length || bars.length) children.push({ type: "boxes", shape: { boxes, bars, y: top, height }, style: { fill: TIMELINE.fills[kind] } });
  }
  const ticks = laneTicks(open, lane, from, to, x, width, run);
  ["before", "covering"].forEach((boundary, place) => {
    const y = middle + band * (0.1 + 0.18 * place), tall = band * 0.15;
    const { agree, differ } = ticks.marks[boundary];
    children.push({ type: "ticks", shape: { at: agree, y: y + tall * 0.4, height: tall * 0.6, width: 1.4 }, style: { fill: color("agree") } });
    children.push({ type: "ticks", shape: { at: differ, y, height: tall, width: 2.2 }, style: { fill: color("differ") } });
  });
  for (const [name, number] of Object.entries(shapes.counts)) TIMELINE.drawn[name] += number;
  TIMELINE.drawn.proposals += ticks.shown;
  return { type: "group", children };
}

// The ticks at both edges of the grid: a coordinate is linear, so two of them tell the scale.
function visible(api, left, width) {
  const zero = api.coord([0, 0])[0];
  const perUs = (api.coord([1e6, 0])[0] - zero) / 1e6;
  const tickAt = (x) => Math.round(((x - zero) / perUs) * TICKS_PER_US * 1000) / 1000; // without the noise of pixels
  return [tickAt(left), tickAt(left + width)];
}

function showLegend() {
  const entries = TIMELINE.bases.map((base) => [nameOf(base), BASE_COLORS[TIMELINE.bases.indexOf(base) % BASE_COLORS.length]]);
  const items = entries.map(([name, fill]) => legendItem(name, (swatch) => { swatch.style.background = fill; }));
  const gap = color("gap");
  items.push(legendItem("<BASE>.END gap", (swatch) => { swatch.style.background = `repeating-linear-gradient(135deg, ${gap} 0 1.5px, transparent 1.5px 5px)`; }));
  items.push(legendItem("proposal, used key is the true one", (swatch) => Object.assign(swatch.style, { background: color("agree"), width: "3px", height: ".6em" })));
  items.push(legendItem("proposal, used key is another (upper ticks: before, lower ticks: covering)", (swatch) => Object.assign(swatch.style, { background: color("differ"), width: "4px", height: ".9em" })));
  if ($("timeline-chart").clientWidth < 600) items.push(element("li", "rows: die/plane"));
  const states = TIMELINE.states.map(nameOf).join(", ");
  items.push(element("li", states ? `shades, strong to weak: states (${states})` : ""));
  $("timeline-legend").replaceChildren(...items);
}

function describeTimeline() {
  const { session } = TIMELINE;
  const { segments, proposals } = session.shown;
  const gaps = session.lanes.reduce((sum, lane) => sum + lane.gaps, 0);
  const part = session.from_tick === null
    ? `all ${plural(session.total.segments, "segment")} with ${plural(gaps, "END gap")} and all ${plural(session.total.proposals, "proposal")}`
    : `from ${microseconds(session.from_tick)} on, the last ${count(segments)} of ${plural(session.total.segments, "segment")} and ${count(proposals)} of ${plural(session.total.proposals, "proposal")}`;
  const left = data.timelines.left_out.length ? ` Not on this page: ${data.timelines.left_out.slice(0, 10).join(", ")}${data.timelines.left_out.length > 10 ? ` and ${data.timelines.left_out.length - 10} more` : ""}; \`afterstate report --session NAME\` shows them.` : "";
  $("timeline-text").textContent = `Session ${session.name}: ${plural(session.lanes.length, "plane")}, ${part}.${left}`;
}

function showWhatIsDrawn() {
  const shown = TIMELINE.drawn;
  if (!shown) return;
  const narrow = shown.narrow + shown.gaps - shown.wideGaps;
  const merged = narrow ? `; ${plural(narrow, "piece")} narrower than a pixel ${narrow === 1 ? "is" : "are"} drawn as ${plural(shown.pixels, "pixel")}, each filled to the busy share of its plane, in the colour of the longest state` : "";
  $("timeline-shows").textContent = `In view, ${microseconds(shown.from)} to ${microseconds(shown.to)}: ${plural(shown.wide + shown.narrow, "segment")}, ` +
    `${plural(shown.gaps, "gap")}, ${plural(shown.proposals, "proposal")}${merged}.`;
}
