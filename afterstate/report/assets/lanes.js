// What a plane's lane shows at a zoom: pieces that are wide enough, and pixels that stand for several narrow ones.
//
// The last-started segment holds, so a piece ends where the next begins; from a segment's end to the next start is its
// virtual <BASE>.END gap. Nothing is left out: what is narrower than a pixel is added up by pixel. Such a pixel is coloured
// as high as its plane was busy, in the colour of what it did most, and hatched for the gaps.

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
  session.open = { segments, proposals, kinds: kindsOf(segments), ...extent(segments, proposals) };
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

// What a lane shows between two ticks on `width` pixels from `left`: for each kind `fills` as [x, width, ...] and `bars`,
// which are a pixel wide, as [x, share of the height, ...]; and counts. A kind is a base and state, as `open.kinds` numbers
// them; the last one is the END gap, which lies behind the bars.
function laneShapes(open, lane, from, to, left, width) {
  const { start, end, kind } = open.segments;
  const gap = open.kinds.length;
  const scale = width / (to - from);
  const fills = Array.from({ length: gap + 1 }, () => []);
  const bars = Array.from({ length: gap + 1 }, () => []);
  const counts = { wide: 0, narrow: 0, pixels: 0, gaps: 0, wideGaps: 0 };
  const shares = new Float64Array(gap + 1);
  const touched = [];
  let pixel = -1;

  // Pixels next to each other are one rectangle: thousands of hatched ones would take their time.
  const addGapPixel = (x) => {
    const known = fills[gap];
    const end = known.length - 2;
    if (end >= 0 && known[end] + known[end + 1] === x) known[end + 1]++;
    else known.push(x, 1);
  };
  const flush = () => {
    if (!touched.length) return;
    let best = -1, all = 0;
    for (const one of touched) {
      all += shares[one];
      if (one !== gap && (best < 0 || shares[one] > shares[best])) best = one;
    }
    const idle = shares[gap] / all;
    if (best >= 0) bars[best].push(left + pixel, 1 - idle);
    if (idle > 0) addGapPixel(left + pixel);
    counts.pixels++;
    for (const one of touched) shares[one] = 0;
    touched.length = 0;
  };
  // Returns whether the piece is wide enough to be drawn by itself.
  const piece = (of, begin, until) => {
    const x = (begin > from ? begin - from : 0) * scale;
    const w = ((until < to ? until : to) - from) * scale - x;
    if (w >= 1) {
      flush();
      fills[of].push(left + x, w);
      return true;
    }
    const here = Math.floor(x);
    if (here !== pixel) {
      flush();
      pixel = here;
    }
    if (shares[of] === 0) touched.push(of);
    shares[of] += w > 0 ? w : 1e-9;
    return false;
  };

  const begin = Math.max(upperBound(start, from, lane.segFrom, lane.segTo) - 1, lane.segFrom);
  for (let row = begin; row < lane.segTo && start[row] <= to; row++) {
    const next = row + 1 < lane.segTo ? start[row + 1] : Infinity;
    const until = Math.min(end[row], next);
    if (until >= from) counts[piece(kind[row], start[row], until) ? "wide" : "narrow"]++;
    if (next > end[row] && next > from && end[row] <= to) {
      counts.gaps++;
      // The gap after the last segment has no end; it is not drawn beyond what the session knows.
      if (piece(gap, end[row], Math.min(next, open.last))) counts.wideGaps++;
    }
  }
  flush();
  return { fills, bars, counts };
}

// Number the pairs of base and state that a session has.
function kindsOf(segments) {
  const numbers = new Map();
  const kinds = [];
  const kind = new Uint16Array(segments.base.length);
  for (let row = 0; row < kind.length; row++) {
    const key = segments.base[row] * 65536 + segments.state[row];
    let number = numbers.get(key);
    if (number === undefined) {
      number = kinds.length;
      numbers.set(key, number);
      kinds.push([segments.base[row], segments.state[row]]);
    }
    kind[row] = number;
  }
  segments.kind = kind;
  return kinds;
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
