// Looking closer at the timeline: what lies under the pointer, moving by buttons and keys, the list of disagreements.
const LISTED = 200;

function currentView() {
  const zoom = charts["timeline-chart"].getOption().dataZoom[0];
  return [zoom.startValue * TICKS_PER_US, zoom.endValue * TICKS_PER_US];
}

function showView(from, to) {
  const { first, last } = TIMELINE.open;
  const span = Math.min(Math.max(to - from, 5), last - first);
  const start = Math.min(Math.max(from, first), last - span);
  charts["timeline-chart"].dispatchAction({ type: "dataZoom", startValue: start / TICKS_PER_US, endValue: (start + span) / TICKS_PER_US });
}

const MOVES = {
  in: (from, span) => showView(from + span * 0.25, from + span * 0.75),
  out: (from, span) => showView(from - span * 0.5, from + span * 1.5),
  left: (from, span) => showView(from - span * 0.3, from + span * 0.7),
  right: (from, span) => showView(from + span * 0.3, from + span * 1.3),
  all: () => showView(TIMELINE.open.first, TIMELINE.open.last),
  previous: () => stepDisagreement(-1),
  next: () => stepDisagreement(1),
};
const KEYS = { "+": "in", "=": "in", "-": "out", ArrowLeft: "left", ArrowRight: "right", Home: "all", n: "next", p: "previous" };

function moveTimeline(name) {
  const [from, to] = currentView();
  MOVES[name](from, to - from);
}

function listen(made) {
  TIMELINE.listens = true;
  const place = $("timeline-chart");
  made.on("finished", showWhatIsDrawn);
  made.getZr().on("mousemove", (event) => showTip(event.offsetX, event.offsetY, event.event));
  made.getZr().on("globalout", () => { $("tip").hidden = true; });
  made.getZr().on("click", (event) => pick(event.offsetX, event.offsetY));
  place.addEventListener("keydown", (event) => {
    const move = KEYS[event.key];
    if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    moveTimeline(move);
  });
}

// What is at a point of the chart: {lane, tick, segment, proposal}, null outside of the lanes.
function at(x, y) {
  const made = charts["timeline-chart"];
  if (!made.containPixel({ gridIndex: 0 }, [x, y])) return null;
  const [us, number] = made.convertFromPixel({ gridIndex: 0 }, [x, y]);
  const lane = TIMELINE.session.lanes[number];
  if (!lane) return null;
  const tick = Math.round(us * TICKS_PER_US);
  const middle = made.convertToPixel({ gridIndex: 0 }, [us, number])[1];
  const [from, to] = currentView();
  const reach = ((to - from) / made.getWidth()) * 5;
  return { lane, tick, segment: segmentAt(TIMELINE.open, lane, tick), proposal: y > middle ? nearestProposal(lane, tick, reach) : -1 };
}

function nearestProposal(lane, tick, reach) {
  const { proposals } = TIMELINE.open;
  let best = -1, distance = reach;
  const from = upperBound(proposals.tick, tick - reach, lane.propFrom, lane.propTo);
  for (let row = from; row < lane.propTo && proposals.tick[row] <= tick + reach; row++) {
    if (TIMELINE.run >= 0 && proposals.run[row] !== TIMELINE.run) continue;
    const away = Math.abs(proposals.tick[row] - tick);
    if (away < distance) [best, distance] = [row, away];
  }
  return best;
}

function segmentText(row, tick) {
  if (row < 0) return "nothing has begun yet: DEFAULT";
  const { start, end, base, state } = TIMELINE.open.segments;
  const name = `${nameOf(base[row])}.${nameOf(state[row])}`;
  const times = `${microseconds(start[row])} to ${microseconds(end[row])}`;
  return tick >= end[row] ? `${nameOf(base[row])}.END, after ${name} (${times})` : `${name}, ${times}`;
}

function proposalLines(row) {
  const { run, row: rows, op, used, covering, before, tick } = TIMELINE.open.proposals;
  const verdict = (key) => `${nameOf(key)}${key === used[row] ? "" : " (another)"}`;
  return [
    `Proposal ${rows[row]} of run ${TIMELINE.session.runs[run[row]].run}: ${nameOf(op[row])} at ${microseconds(tick[row])}`,
    `used ${nameOf(used[row])}; before ${verdict(before[row])}; covering ${verdict(covering[row])}`,
  ];
}

function showTip(x, y, event) {
  const found = at(x, y);
  const tip = $("tip");
  tip.hidden = !found;
  if (!found) return;
  const lines = [`${laneName(found.lane)}, ${microseconds(found.tick)}`, segmentText(found.segment, found.tick)];
  if (found.proposal >= 0) lines.push(...proposalLines(found.proposal));
  tip.textContent = lines.join("\n");
  const width = tip.offsetWidth, height = tip.offsetHeight;
  tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - width - 4))}px`;
  tip.style.top = `${event.clientY + height + 24 > innerHeight ? event.clientY - height - 10 : event.clientY + 16}px`;
}

function pick(x, y) {
  const found = at(x, y);
  if (!found) return;
  if (found.proposal >= 0) pickProposal(found.lane, found.proposal);
  else showPicked([`${laneName(found.lane)}, ${microseconds(found.tick)}: ${segmentText(found.segment, found.tick)}`], placeCommand(found.lane, found.tick));
}

function placeCommand(lane, tick) {
  const session = shellWord(TIMELINE.session.name);
  return `afterstate explain phase-key --session ${session} --die ${lane.die} --plane ${lane.plane} --at ${tick / TICKS_PER_US}`;
}

function proposalCommand(row) {
  const { run, row: rows } = TIMELINE.open.proposals;
  const name = TIMELINE.session.runs[run[row]].run;
  return `afterstate explain phase-key --session ${shellWord(TIMELINE.session.name)} --run ${shellWord(name)} --row ${rows[row]}`;
}

function pickProposal(lane, row) {
  const { run, row: rows, tick } = TIMELINE.open.proposals;
  const file = TIMELINE.session.runs[run[row]].file;
  const lines = [...proposalLines(row), `${laneName(lane)}: ${segmentText(segmentAt(TIMELINE.open, lane, tick[row]), tick[row])}`];
  if (file) lines.push(`from row ${rows[row]} of ${file}`);
  showPicked(lines, proposalCommand(row));
}

function showPicked(lines, command) {
  const why = element("p", "Why? ");
  why.append(element("code", command));
  $("timeline-picked").replaceChildren(...lines.map((line) => element("p", line)), why);
}

// The proposals of the chosen run whose used key is not the true one under the chosen boundary, in time order.
function disagreements() {
  const { proposals } = TIMELINE.open;
  const keys = proposals[$("boundary-choice").value];
  const found = [];
  for (const lane of TIMELINE.session.lanes) {
    for (let row = lane.propFrom; row < lane.propTo; row++) {
      if (keys[row] === proposals.used[row]) continue;
      if (TIMELINE.run < 0 || proposals.run[row] === TIMELINE.run) found.push([proposals.tick[row], lane, row]);
    }
  }
  return found.sort((one, other) => one[0] - other[0]);
}

function stepDisagreement(direction) {
  const all = TIMELINE.disagreements;
  if (!all.length) {
    showPicked(["Every used key shown here is the true one."], placeCommand(TIMELINE.session.lanes[0], TIMELINE.open.first));
    return;
  }
  const now = TIMELINE.picked ?? (direction > 0 ? -1 : all.length);
  TIMELINE.picked = Math.min(Math.max(now + direction, 0), all.length - 1);
  const [tick, lane, row] = all[TIMELINE.picked];
  const [from, to] = currentView();
  if (tick < from || tick > to) showView(tick - (to - from) / 2, tick + (to - from) / 2);
  pickProposal(lane, row);
  $("timeline-picked").prepend(element("p", `Disagreement ${count(TIMELINE.picked + 1)} of ${count(all.length)}`));
}

function showDisagreements() {
  TIMELINE.picked = undefined;
  TIMELINE.disagreements = disagreements();
  const boundary = $("boundary-choice").value;
  const { proposals } = TIMELINE.open;
  const head = element("tr");
  for (const title of ["time", "plane", "run", "row", "operation", "used", boundary, "why"]) head.append(element("th", title, { scope: "col" }));
  const rows = TIMELINE.disagreements.slice(0, LISTED).map(([tick, lane, row]) => {
    const cells = [microseconds(tick), laneName(lane), TIMELINE.session.runs[proposals.run[row]].run, proposals.row[row], nameOf(proposals.op[row]), nameOf(proposals.used[row]), nameOf(proposals[boundary][row])];
    const made = element("tr");
    made.append(...cells.map((cell) => element("td", cell)));
    const why = element("td");
    why.append(element("code", proposalCommand(row)));
    made.append(why);
    return made;
  });
  $("timeline-list").replaceChildren(head, ...rows);
  const all = TIMELINE.disagreements.length;
  $("timeline-list-shows").textContent = `${plural(all, "disagreement")} under the boundary ${boundary}${all > LISTED ? `; the first ${LISTED} are listed` : ""}.`;
}
