// Puts the page together: the choosers, what they show, and the theme.
function showMade() {
  const { at, warehouse, server, version } = data.made;
  $("made").textContent = `Warehouse ${warehouse} (${server}), read ${at} UTC by Afterstate ${version}. The numbers are those of the last build.`;
}

function showTiles() {
  const { landed, shutdowns, timelines, keys, checks } = data;
  const at = (name) => landed.kinds.columns.indexOf(name);
  const sum = (name) => landed.kinds.rows.reduce((all, row) => all + row[at(name)], 0);
  const tiles = [[count(sum("rows_landed")), "rows landed"], [count(sum("rows_rejected")), "rows rejected", sum("rows_rejected")]];
  if (shutdowns) {
    tiles.push([count(shutdowns.total), "shutdown snapshots"], [count(shutdowns.incomplete), "incomplete", shutdowns.incomplete]);
    tiles.push([count(checks.drift.total), "frozen values drifted", checks.drift.total]);
  }
  if (timelines && keys) {
    const of = (boundary, same) => keys.pairs.reduce((all, [b, , , used, key, number]) => all + (b === boundary && (!same || used === key) ? number : 0), 0);
    const total = of("before");
    tiles.push([count(total), "proposals"]);
    for (const boundary of ["before", "covering"]) tiles.push([count(of(boundary, true)), `used the true key (${boundary})`]);
  }
  $("tiles").replaceChildren(...tiles.map(([number, text, bad]) => {
    const tile = element("li", "", bad ? { class: "bad" } : {});
    tile.append(element("strong", number), element("span", text));
    return tile;
  }));
}

function absent(id, text) {
  const section = $(id);
  section.replaceChildren(section.querySelector("h2"), element("p", text, { class: "notice" }));
}

function setUpShutdowns() {
  if (!SHUTDOWN.items.length) {
    absent("shutdowns", data.shutdowns ? "There is no shutdown yet: no shutdown event has been built." : "The shutdown marts are not built yet.");
    return;
  }
  fillSelect($("shutdown-choice"), SHUTDOWN.items.map((item, number) => [number, SHUTDOWN.name(item)]), "0");
  const { total } = data.shutdowns;
  $("shutdown-shows").textContent = total > SHUTDOWN.items.length
    ? `The latest ${count(SHUTDOWN.items.length)} of ${count(total)} shutdowns are on this page.`
    : `${plural(total, "shutdown")}, all on this page.`;
  const go = (number) => { showShutdown(number); keepPlace(); };
  $("shutdown-choice").addEventListener("change", (event) => go(Number(event.target.value)));
  $("shutdown-previous").addEventListener("click", () => go(Number($("shutdown-choice").value) - 1));
  $("shutdown-next").addEventListener("click", () => go(Number($("shutdown-choice").value) + 1));
  const wanted = Number(fromPlace("shutdown"));
  showShutdown(SHUTDOWN.items[wanted] ? wanted : 0);
}

async function setUpTimeline() {
  const sessions = data.timelines ? data.timelines.sessions : [];
  if (!sessions.length) {
    for (const id of ["timeline", "keys"]) absent(id, data.timelines ? "No timeline has been built yet." : "The phase-key marts are not built yet.");
    return;
  }
  if (typeof DecompressionStream === "undefined") {
    absent("timeline", "This browser is too old to unpack the timeline; one of 2023 or later can.");
    absent("keys", "See the timeline above.");
    return;
  }
  const names = sessions.map((session) => session.name);
  const wanted = fromPlace("session");
  fillSelect($("session-choice"), names.map((name) => [name, name]), names.includes(wanted) ? wanted : names[0]);
  $("session-choice").addEventListener("change", async (event) => { await showSession(event.target.value); showKeys(); keepPlace(); });
  $("run-choice").addEventListener("change", (event) => { showRun(event.target.value); showKeys(); keepPlace(); });
  $("boundary-choice").addEventListener("change", () => { showDisagreements(); showKeys(); });
  for (const button of document.querySelectorAll("[data-move]")) button.addEventListener("click", () => moveTimeline(button.dataset.move));
  await showSession($("session-choice").value);
  const run = fromPlace("run");
  if (TIMELINE.session.runs.some((one) => one.run === run)) {
    $("run-choice").value = run;
    showRun(run);
  }
  showKeys();
}

// The address keeps what is chosen, so that a link leads to a picture.
function fromPlace(name) {
  return new URLSearchParams(location.search).get(name);
}

function keepPlace() {
  const chosen = { shutdown: $("shutdown-choice"), session: $("session-choice"), run: $("run-choice") };
  const query = new URLSearchParams();
  for (const [name, select] of Object.entries(chosen)) if (select && select.value) query.set(name, select.value);
  try {
    history.replaceState(null, "", `?${query}${location.hash}`);
  } catch {
    // a page from a file may not be allowed to; the link then leads to the first picture
  }
}

function redraw() {
  if (SHUTDOWN.items.length) drawShutdown(SHUTDOWN.items[Number($("shutdown-choice").value)]);
  if (TIMELINE.open) {
    TIMELINE.view = currentView();
    drawTimeline();
    showKeys();
  }
  drawLoads();
}

function showTheme(choice) {
  const dark = choice === "dark" || (choice === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
}

function setUpTheme() {
  const select = $("theme");
  showTheme(select.value);
  select.addEventListener("change", () => { showTheme(select.value); redraw(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { showTheme(select.value); redraw(); });
  // Paper is white and as wide as it is.
  addEventListener("beforeprint", () => { showTheme("light"); document.documentElement.classList.add("printing"); redraw(); });
  addEventListener("afterprint", () => { showTheme(select.value); document.documentElement.classList.remove("printing"); redraw(); });
}

async function main() {
  setUpTheme();
  showMade();
  showTiles();
  setUpShutdowns();
  showTables();
  await setUpTimeline();
  drawLoads();
  let waiting;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(redraw, 150); });
  document.documentElement.dataset.complete = "yes";
}

main();
