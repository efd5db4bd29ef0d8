// What a plane's lane shows at a zoom: pieces that are wide enough, and pixels that stand for several narrow ones.
//
// The last-started segment holds, so a piece ends where the next begins; from a segment's end to the next start is its
// virtual <BASE>.END gap. Nothing is left out: what is narrower than a pixel is added up by pixel, and the pixel shows
// what fills most of it.

// The first index from which `values[index] > limit`.
function upperBound(values, limit, from, to) {
  while (from < to) {
    const middle = (from + to) >> 1;
    if (values[middle] > limit) to = middle;
    else from = middle + 1;
  }
  return from;
}

// Turn distances into ticks, lane by lane; `lanes` get where their rows begin and end.
function place(lanes, columns, origin, size, name) {
  const since = columns.since;
  const ticks = new Float64Array(since.length);
  let row = 0;
  for (const lane of lanes) {
    lane[`${name}From`] = row;
    let tick = lane[origin];
    for (const end = row + lane[size]; row < end; row++) ticks[row] = tick += since[row];
    lane[`${name}To`] = row;
  }
  return ticks;
}

async function openSession(session) {
  if (session.open) return session.open;
  const [segments, proposals] = await Promise.all([unpack(session.segments), unpack(session.proposals)]);
  segments.start = place(session.lanes, segments, "origin", "segments", "seg");
  proposals.tick = place(session.lanes, proposals, "first_proposal", "proposals", "prop");
  const ends = new Float64Array(segments.start.length);
  for (let row = 0; row < ends.length; row++) ends[row] = segments.start[row] + segments.ticks[row];
  segments.end = ends;
  session.open = { segments, proposals, ...extent(segments, proposals) };
  return session.open;
}

function extent(segments, proposals) {
  let first = Infinity, last = -Infinity;
  for (let row = 0; row < segments.start.length; row++) {
    if (segments.start[row] < first) first = segments.start[row];
    if (segments.end[row] > last) last = segments.end[row];
  }
  for (const tick of proposals.tick) {
    if (tick < first) first = tick;
    if (tick > last) last = tick;
  }
  return Number.isFinite(first) ? { first, last: Math.max(last, first + 1) } : { first: 0, last: 1 };
}

// Rectangles of a lane between two ticks on `width` pixels from `left`: {fills: Map(kind -> [x, width, ...]), counts}.
// A kind is a base and state as `colorOf(row)` numbers them, or GAP.
const GAP = -1;

function laneShapes(open, lane, from, to, left, width, colorOf) {
  const { start, end } = open.segments;
  const scale = width / (to - from);
  const fills = new Map();
  const counts = { wide: 0, narrow: 0, pixels: 0, gaps: 0, wideGaps: 0 };
  const shares = new Map();
  let pixel = -1;

  const add = (kind, x, w) => {
    const found = fills.get(kind);
    if (found) found.push(x, w);
    else fills.set(kind, [x, w]);
  };
  const flush = () => {
    if (!shares.size) return;
    let best = GAP, most = -1;
    for (const [kind, share] of shares) if (share > most) [best, most] = [kind, share];
    add(best, left + pixel, 1);
    counts.pixels++;
    shares.clear();
  };
  const piece = (kind, begin, until) => {
    const x = (Math.max(begin, from) - from) * scale;
    const w = (Math.min(until, to) - from) * scale - x;
    if (w >= 1) {
      flush();
      add(kind, left + x, w);
      return true;
    }
    const here = Math.floor(x);
    if (here !== pixel) {
      flush();
      pixel = here;
    }
    shares.set(kind, (shares.get(kind) || 0) + Math.max(w, 1e-9));
    return false;
  };

  const begin = Math.max(upperBound(start, from, lane.segFrom, lane.segTo) - 1, lane.segFrom);
  for (let row = begin; row < lane.segTo && start[row] <= to; row++) {
    const next = row + 1 < lane.segTo ? start[row + 1] : Infinity;
    const until = Math.min(end[row], next);
    if (until >= from) counts[piece(colorOf(row), start[row], until) ? "wide" : "narrow"]++;
    if (next > end[row] && next > from && end[row] <= to) {
      counts.gaps++;
      // The gap after the last segment has no end; it is not drawn beyond what the session knows.
      if (piece(GAP, end[row], Math.min(next, open.last))) counts.wideGaps++;
    }
  }
  flush();
  return { fills, counts };
}

// Ticks of a lane's proposals by pixel: {agree: [x...], differ: [x...]} for each boundary. Where a pixel has both, it
// shows that some differ.
function laneTicks(open, lane, from, to, left, width, run) {
  const { tick, used, covering, before, run: runs } = open.proposals;
  const scale = width / (to - from);
  const marks = { covering: { agree: [], differ: [] }, before: { agree: [], differ: [] } };
  const last = { covering: [-1, false], before: [-1, false] };
  let shown = 0;
  const end = upperBound(tick, to, lane.propFrom, lane.propTo);
  let row = lane.propFrom;
  if (from > -Infinity) row = upperBound(tick, from - 1e-9, lane.propFrom, lane.propTo);
  for (; row < end; row++) {
    if (run >= 0 && runs[row] !== run) continue;
    shown++;
    const pixel = Math.round((tick[row] - from) * scale);
    for (const [boundary, keys] of [["covering", covering], ["before", before]]) {
      const differs = keys[row] !== used[row];
      const [at, isRed] = last[boundary];
      if (at === pixel && (isRed || !differs)) continue;
      if (at === pixel) marks[boundary].agree.pop();
      marks[boundary][differs ? "differ" : "agree"].push(left + pixel);
      last[boundary] = [pixel, differs];
    }
  }
  return { marks, shown };
}

// The last-started segment of a lane at a tick: its row, or -1.
function segmentAt(open, lane, tick) {
  const row = upperBound(open.segments.start, tick, lane.segFrom, lane.segTo) - 1;
  return row >= lane.segFrom ? row : -1;
}
