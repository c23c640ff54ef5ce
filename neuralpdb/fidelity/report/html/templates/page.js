"use strict";
// The stepper of a fidelity report. Data comes from two inert script elements and reaches the page as text nodes only.

const $ = (id) => document.getElementById(id);
const head = JSON.parse($("index").textContent);
const payload = $("data").textContent.split("\n"); // a line of JSON a program, read when it is shown
$("data").remove();
const { events: EVENTS, outcomes: OUTCOMES, levels: LEVELS, programs: PROGRAMS } = head;
const RETURN = EVENTS.indexOf("return"),
  CALL = EVENTS.indexOf("call"),
  RAISED = EVENTS.indexOf("exception");
const COMPARED = ["exact", "equivalent", "state", "value", "excluded"];
const SHORT = { call: "call", return: "return", exception: "raise" };
const WIDEST = 400; // cells of the strip over the slider
const SLICE = 1200; // source lines that are in the page at a time
const ROW = 46; // pixels of a program in the list, as in the style sheet

const VIEWS = ["forced", "rollout", "debugger"];
const here = { program: -1, step: 0, view: "forced", unfolded: false };
const who = () => (here.view === "debugger" ? "debugger" : "model");
let now = null; // the program that is shown, read

// -- text ---------------------------------------------------------------------------------------------------------

const UNSAFE = /(?!\u200d)[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]+/gu;
const NAMED = { "\n": "\\n", "\r": "\\r", "\t": "    " };

function spelled(char) {
  const code = char.codePointAt(0);
  if (NAMED[char]) return NAMED[char];
  if (code < 0x100) return "\\x" + code.toString(16).padStart(2, "0");
  return code < 0x10000 ? "\\u" + code.toString(16).padStart(4, "0") : "\\U" + code.toString(16).padStart(8, "0");
}

const plain = (text) => text.replace(UNSAFE, (found) => [...found].map(spelled).join(""));

/** Appends `text` to `node` as text; characters that do not print as marked escapes. */
function put(node, text) {
  let from = 0;
  for (const found of text.matchAll(UNSAFE)) {
    node.append(text.slice(from, found.index));
    const escaped = [...found[0]].map(spelled).join("");
    node.append(escaped.trim() ? make("span", "esc", escaped) : escaped);
    from = found.index + found[0].length;
  }
  node.append(text.slice(from));
  return node;
}

/** A new element. Children: texts that this file spells, or nodes. */
function make(tag, classes, ...children) {
  const node = document.createElement(tag);
  if (classes) node.className = classes;
  node.append(...children);
  return node;
}

function drawn(tag, classes, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  node.setAttribute("class", classes);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

const shown = (tag, classes, text) => put(make(tag, classes), text);
const whole = (text) => (typeof text === "string" ? text : text[0] + " … " + text[1]);

/** A text of the data: a string, or [beginning, end, length] of a long one. */
function putText(node, text, marked) {
  if (typeof text !== "string") {
    put(node, text[0]);
    const left = text[2] - text[0].length - text[1].length;
    const note = ` … ${count(left)} of ${count(text[2])} characters left out; the full value is in the JSON report … `;
    node.append(make("i", "cut", note));
    return put(node, text[1]);
  }
  if (!marked) return put(node, text);
  put(node, text.slice(0, marked[0]));
  if (marked[1] > marked[0]) node.append(shown("mark", "", text.slice(marked[0], marked[1])));
  return put(node, text.slice(marked[1]));
}

/** Where two texts differ: [start, end in a, end in b], not inside a surrogate pair. */
function parting(a, b) {
  const split = (text, at) => /[\ud800-\udbff]/.test(text[at - 1] || "") && /[\udc00-\udfff]/.test(text[at] || "");
  const most = Math.min(a.length, b.length);
  let start = 0,
    end = 0;
  while (start < most && a[start] === b[start]) start++;
  while (end < most - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  if (split(a, start) || split(b, start)) start--;
  if (split(a, a.length - end) || split(b, b.length - end)) end--;
  return [start, a.length - end, b.length - end];
}

const count = (n) => n.toLocaleString("en");
const percent = (share) =>
  share === 1 ? "100 %" : share === 0 ? "0 %" : Math.min(Math.max(100 * share, 0.1), 99.9).toFixed(1) + " %";

function chip(outcome, long) {
  const { name, letter, meaning } = OUTCOMES[outcome];
  const node = make("span", "chip " + name, letter);
  node.title = `${name}: ${meaning}`;
  return long ? make("span", "", node, " ", make("b", "", name)) : node;
}

// -- one program --------------------------------------------------------------------------------------------------

function read(i) {
  const data = JSON.parse(payload[i]);
  if (data.left_out) return { ...data, views: {}, lines: [], own: 0, truth: [] };
  const frame = ([event, fn, line, depth, value, rows, source]) => {
    const locals = new Map();
    for (let k = 0; k < rows.length; k += 2) locals.set(rows[k], rows[k + 1]);
    return { event, fn, line, depth, value, locals, source };
  };
  const truth = data.truth.map(frame);
  const outcome = (found, actual) => (found === 0 ? actual : Array.isArray(found) ? frame(found) : found);
  const verdict = ([fidelity, level, differences]) => ({
    fidelity,
    level,
    differences: new Map(differences.map(([name, excluded, place]) => [name, { excluded, place }])),
  });
  return {
    ...data,
    truth,
    before: befores(truth),
    views: {
      forced: data.steps && forcedOf(data, truth, outcome, verdict),
      rollout: data.rollout && freeOf(data.rollout, truth, outcome, verdict),
      debugger: data.debugger && freeOf(data.debugger, truth, outcome, verdict),
    },
  };
}

/** All views are lists by frame index of {predicted, verdict, confidence}; undefined where nothing was predicted. */
function forcedOf(data, truth, outcome, verdict) {
  const steps = new Array(truth.length);
  for (const [index, found, confidence, predicted] of data.steps)
    steps[index] = { predicted: outcome(predicted, truth[index]), verdict: verdict(found), confidence };
  return steps;
}

function freeOf(rollout, truth, outcome, verdict) {
  const steps = [];
  const last = Math.max(rollout.frames.length - 1, truth.length - 1, rollout.divergence ?? 0);
  for (let i = 1; i <= last; i++) {
    const found = i < rollout.frames.length ? rollout.frames[i] : i === rollout.frames.length ? rollout.end : null;
    const predicted = found === null ? undefined : outcome(found, truth[i]);
    steps[i] = { predicted, verdict: rollout.verdicts[i - 1] && verdict(rollout.verdicts[i - 1]), confidence: null };
    const known = (rollout.known || {})[i] || [];
    steps[i].known = new Map();
    for (let k = 0; k < known.length; k += 2) steps[i].known.set(known[k], known[k + 1]);
    if (!steps[i].verdict && i === rollout.divergence) steps[i].verdict = verdict([nameOf("control"), 0, []]);
  }
  return steps;
}

const nameOf = (name) => OUTCOMES.findIndex((outcome) => outcome.name === name);
const fidelity = (step) => (step && step.verdict ? OUTCOMES[step.verdict.fidelity] : null);
const isFrame = (outcome) => Boolean(outcome && outcome.locals);

/** For each frame: index of the last call or line of its activation, and the line that ran before it. */
function befores(frames) {
  const active = [];
  return frames.map((frame, i) => {
    const own = frame.event === CALL ? undefined : active[frame.depth];
    const origin = frame.event === CALL ? active[frame.depth - 1] : own;
    if (frame.event !== RETURN && frame.event !== RAISED) active[frame.depth] = i;
    return { own, ran: origin === undefined ? null : frames[origin].line };
  });
}

const steps = () => now.views[here.view];
/** The rollout that the view shows: of the model, or of the debugger; null for next states. */
const free = () => (here.view === "forced" ? null : now[here.view] || null);
const there = () => VIEWS.filter((view) => now.views[view]);
const last = () => Math.max((steps() || now.truth).length, now.truth.length, 1) - 1;
const text = (number) => now.texts[number];

/** line -> {visits, right, wrong}: the predictions of what comes right after the line ran. */
function heat() {
  const lines = new Map();
  now.truth.forEach((frame, i) => {
    const { ran } = now.before[i];
    if (ran === null) return;
    const found = lines.get(ran) || { visits: 0, right: 0, wrong: 0 };
    lines.set(ran, found);
    found.visits++;
    const outcome = fidelity((steps() || [])[i]);
    if (outcome && outcome.right) found.right++;
    if (outcome && outcome.wrong) found.wrong++;
  });
  return lines;
}

// -- moving -------------------------------------------------------------------------------------------------------

function choose(program, step, view) {
  if (program !== here.program) {
    now = read(program);
    Object.assign(here, { program, unfolded: false });
    about();
    mark();
  }
  const entry = PROGRAMS[program];
  if (view) here.view = view;
  if (!steps()) here.view = there().find((other) => other !== "forced") || "forced";
  strip();
  source(true);
  go(step ?? entry.first ?? firstWrong() ?? 0);
}

function go(step) {
  here.step = Math.min(Math.max(Math.trunc(step) || 0, 0), last());
  if (!now.left_out && now.truth.length) drawStep();
  remember();
}

function firstWrong() {
  const found = (steps() || []).findIndex((step) => (fidelity(step) || {}).wrong);
  return found < 0 ? null : found;
}

function divergence() {
  const place = free() ? free().divergence : firstWrong();
  if (place === null || place === undefined)
    say(
      "no divergence: " +
        (here.view === "forced" ? "no step is wrong" : "the rollout followed the truth as far as it went"),
    );
  else go(place);
}

function wrong(direction) {
  const all = steps() || [];
  for (let i = here.step + direction; i >= 0 && i <= last(); i += direction)
    if ((fidelity(all[i]) || {}).wrong) return go(i);
  say(direction > 0 ? "no wrong step after this one" : "no wrong step before this one");
}

function turn(view) {
  if (!now.views[view]) return say("this report has no such view");
  choose(here.program, here.step, view);
}

function turnOn() {
  const views = there();
  if (views.length < 2) return say("this report has no such view");
  turn(views[(views.indexOf(here.view) + 1) % views.length]);
}

function say(words) {
  $("verdict").prepend(make("span", "said", words));
}

// -- the address --------------------------------------------------------------------------------------------------

let pending = 0,
  written = "";

function remember() {
  const parts = [plain(PROGRAMS[here.program].id), here.step, here.view];
  written = "#/" + parts.map(encodeURIComponent).join("/");
  clearTimeout(pending);
  pending = setTimeout(() => history.replaceState(null, "", written), 120);
}

function follow() {
  if (location.hash === written && now) return;
  let parts = [];
  try {
    parts = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  } catch {
    /* not an address of this page */
  }
  const found = PROGRAMS.findIndex((entry) => plain(entry.id) === parts[0]);
  const view = VIEWS.includes(parts[2]) ? parts[2] : undefined;
  const step = /^\d+$/.test(parts[1] || "") ? Number(parts[1]) : undefined;
  if (found >= 0) choose(found, step, view);
  else if (!now && order.length) choose(order[0], undefined, view);
}

// -- the list of programs: only the rows in sight are in the page -----------------------------------------------------

let order = [];

const KEPT = {
  all: () => true,
  wrong: (entry) => entry.wrong > 0,
  diverged: (entry) => entry.exact === false && entry.first !== null,
  result: (entry) => entry.equal === false,
  exact: (entry) => !entry.failed && !entry.wrong && entry.first === null,
  failed: (entry) => entry.failed,
};
const known = (value) => (value === null ? Infinity : value);
const SORTED = {
  fidelity: (a, b) => known(a.share) - known(b.share) || b.wrong - a.wrong || known(a.first) - known(b.first),
  first: (a, b) => known(a.first) - known(b.first),
  id: (a, b) => (plain(a.id) < plain(b.id) ? -1 : 1),
  frames: (a, b) => b.frames - a.frames,
  given: () => 0,
};

function arrange() {
  const words = $("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const keep = KEPT[$("only").value],
    compare = SORTED[$("order").value];
  const hit = (entry) =>
    words.every((word) =>
      plain(entry.id + " " + entry.call)
        .toLowerCase()
        .includes(word),
    );
  order = PROGRAMS.map((_, i) => i).filter((i) => keep(PROGRAMS[i]) && hit(PROGRAMS[i]));
  order.sort((a, b) => compare(PROGRAMS[a], PROGRAMS[b]) || a - b);
  $("count").textContent =
    order.length === PROGRAMS.length
      ? `${count(order.length)} programs`
      : `${count(order.length)} of ${count(PROGRAMS.length)} programs`;
  $("list").scrollTop = 0;
  rows();
}

function rows() {
  const list = $("list"),
    first = Math.max(Math.floor(list.scrollTop / ROW) - 3, 0);
  const end = Math.min(order.length, first + Math.ceil((list.clientHeight || 600) / ROW) + 6);
  $("rows").style.height = order.length * ROW + "px";
  $("rows").replaceChildren(...order.slice(first, end).map((program, i) => row(program, first + i)));
  const chosen = order.indexOf(here.program);
  if (chosen >= first && chosen < end) list.setAttribute("aria-activedescendant", "program-" + here.program);
  else list.removeAttribute("aria-activedescendant");
}

function row(program, place) {
  const entry = PROGRAMS[program],
    node = make("div", "row");
  node.title = plain(entry.id);
  node.id = "program-" + program;
  node.style.top = place * ROW + "px";
  node.setAttribute("role", "option");
  node.setAttribute("aria-selected", program === here.program);
  node.setAttribute("aria-posinset", place + 1);
  node.setAttribute("aria-setsize", order.length);
  node.append(
    make("div", "", shown("span", "name", entry.id), make("span", "result " + resultOf(entry)[0], resultOf(entry)[1])),
  );
  node.append(make("div", "", meter(entry), make("span", "far", farOf(entry))));
  node.addEventListener("click", () => choose(program));
  return node;
}

function resultOf(entry) {
  if (entry.failed) return ["bad", "! failed"];
  if (entry.equal === null) return ["", ""];
  return entry.equal ? ["good", "✓ result"] : ["bad", "✗ result"];
}

function farOf(entry) {
  if (entry.failed && !entry.frames) return "";
  if (entry.first !== null) return `◆ frame ${count(entry.first)} of ${count(entry.frames)}`;
  if (entry.exact === false || (entry.exact === null && entry.share === null)) return `${count(entry.frames)} frames`;
  return `= all ${count(entry.frames)} frames`;
}

function meter({ share: value, forced }) {
  const node = make("span", "meter");
  node.title = forced ? "next-state accuracy" : "share of the frames that the rollout followed";
  const svg = drawn("svg", "", { "aria-hidden": "true" });
  svg.append(drawn("rect", "track", { width: "100%", height: "100%" }));
  if (value !== null) svg.append(drawn("rect", "right", { width: 100 * value + "%", height: "100%" }));
  node.append(svg, make("b", "", value === null ? "–" : percent(value)));
  return node;
}

/** Shows which program is chosen, and brings its row into sight. */
function mark() {
  const list = $("list"),
    place = order.indexOf(here.program);
  if (place >= 0 && place * ROW < list.scrollTop) list.scrollTop = place * ROW;
  const below = (place + 1) * ROW - list.clientHeight;
  if (place >= 0 && below > list.scrollTop) list.scrollTop = below;
  rows();
}

function neighbour(direction) {
  const place = order.indexOf(here.program);
  const next = place < 0 ? 0 : Math.min(Math.max(place + direction, 0), order.length - 1);
  if (order.length && order[next] !== here.program) choose(order[next]);
}

// -- the source ---------------------------------------------------------------------------------------------------

const WORDS =
  "False None True and as assert async await break class continue def del elif else except finally for from global " +
  "if import in is lambda match nonlocal not or pass raise return try while with yield";
const PYTHON = new RegExp(
  "(?<c>#[^\\n]*)|(?<s>[rbfuRBFU]{0,2}(?:\"\"\"[^]*?(?:\"\"\"|$)|'''[^]*?(?:'''|$)" +
    "|\"(?:\\\\.|[^\"\\\\\\n])*\"|'(?:\\\\.|[^'\\\\\\n])*'))" +
    `|(?<k>\\b(?:${WORDS.replaceAll(" ", "|")})\\b)|(?<n>\\b\\d[\\w.]*)`,
  "g",
);

/** Source lines as lists of [class, text]. */
function coloured(lines) {
  const found = [[]],
    all = lines.map(whole).join("\n");
  const add = (kind, piece) =>
    piece.split("\n").forEach((part, i) => {
      if (i) found.push([]);
      if (part) found.at(-1).push([kind, part]);
    });
  let from = 0;
  for (const hit of all.matchAll(PYTHON)) {
    add("", all.slice(from, hit.index));
    add(Object.entries(hit.groups).find(([, value]) => value !== undefined)[0], hit[0]);
    from = hit.index + hit[0].length;
  }
  add("", all.slice(from));
  return found;
}

function codeOf(node, pieces) {
  for (const [kind, piece] of pieces) kind ? node.append(shown("span", kind, piece)) : put(node, piece);
  return node;
}

function source(fresh) {
  const lines = now.lines,
    line = lineOf(here.step) || 1;
  const first = lines.length <= SLICE ? 0 : Math.min(Math.max(line - SLICE / 2, 0), lines.length - SLICE);
  if (!fresh && $("source").dataset.first === String(first)) return;
  if (lines.length > SLICE && !fresh && Math.abs(line - Number($("source").dataset.first) - SLICE / 2) < SLICE / 3)
    return;
  now.coloured ??= coloured(lines);
  const hot = heat(),
    table = make("table", "source");
  for (let i = first; i < Math.min(first + SLICE, lines.length); i++) table.append(sourceRow(i + 1, hot.get(i + 1)));
  $("source").replaceChildren(table);
  $("source").dataset.first = first;
}

function sourceRow(number, hot) {
  const row = make("tr", number > now.own ? "added" : "");
  row.id = "line-" + number;
  row.append(
    make("td", "at"),
    make("td", "number", String(number)),
    gutter(hot),
    codeOf(make("td", "text"), now.coloured[number - 1] || []),
  );
  if (number === now.own + 1) row.title = "added to make the call";
  return row;
}

function gutter(hot) {
  const judged = hot ? hot.right + hot.wrong : 0,
    node = make("td", "heat");
  if (!hot) return node;
  const value = judged ? hot.right / judged : null;
  if (value !== null)
    node.classList.add(value === 1 ? "h0" : value >= 0.9 ? "h1" : value >= 0.7 ? "h2" : value >= 0.4 ? "h3" : "h4");
  node.append(
    value === null ? "" : value === 1 ? "✓" : Math.floor(100 * value) + "%",
    make("small", "", "×" + count(hot.visits)),
  );
  node.title = `ran ${count(hot.visits)} times; after it: ${count(hot.right)} right, ${count(hot.wrong)} wrong`;
  return node;
}

const lineOf = (i) => (now.truth[i] ? now.truth[i].line : null);

function markLines(actual, predicted, ran) {
  source(false);
  for (const row of $("source").querySelectorAll("tr.now, tr.ran, tr.guess")) {
    row.classList.remove("now", "ran", "guess");
    row.firstChild.textContent = "";
  }
  const set = (line, name, sign) => {
    const row = line && $("line-" + line);
    if (row) (row.classList.add(name), row.firstChild.append(sign));
    return row;
  };
  set(ran, "ran", "•");
  if (predicted !== actual) set(predicted, "guess", "⇢");
  const row = set(actual, "now", "→") || set(predicted, "now", "");
  if (row) intoSight($("source"), row);
}

function intoSight(box, row) {
  const top = row.offsetTop,
    room = box.clientHeight,
    margin = Math.min(60, room / 4);
  if (top < box.scrollTop + margin) box.scrollTop = top - margin;
  else if (top + row.offsetHeight > box.scrollTop + room - margin)
    box.scrollTop = top + row.offsetHeight - room + margin;
}

// -- a step -------------------------------------------------------------------------------------------------------

function strip() {
  const n = last() + 1,
    cells = Math.min(n, WIDEST),
    all = steps() || [];
  const rank = (step) => {
    const found = fidelity(step);
    return !found ? 0 : found.wrong ? 3 : found.right ? 1 : 2;
  };
  const nodes = [];
  for (let cell = 0; cell < cells; cell++) {
    const from = Math.floor((cell * n) / cells),
      until = Math.floor(((cell + 1) * n) / cells);
    const worst = all.slice(from, until).reduce((a, b) => (rank(b) > rank(a) ? b : a), undefined);
    const tall = rank(worst) === 3 ? 100 : 50,
      name = fidelity(worst) ? fidelity(worst).name : "none";
    nodes.push(
      drawn("rect", name, {
        x: (100 * cell) / cells + "%",
        width: 100 / cells + "%",
        y: 100 - tall + "%",
        height: tall + "%",
      }),
    );
  }
  const place = free() ? free().divergence : null;
  if (place !== null)
    nodes.push(
      drawn("line", "divergence", {
        x1: (100 * (place + 0.5)) / n + "%",
        x2: (100 * (place + 0.5)) / n + "%",
        y1: "0",
        y2: "100%",
      }),
    );
  $("strip").replaceChildren(...nodes);
  const slider = $("slider");
  slider.max = n - 1;
  slider.style.left = slider.style.right = 50 / n + "%";
  slider.style.width = 100 - 100 / n + "%";
  for (const view of VIEWS) {
    $(view).setAttribute("aria-pressed", here.view === view);
    $(view).disabled = !now.views[view];
  }
}

function drawStep() {
  const i = here.step,
    actual = now.truth[i],
    step = (steps() || [])[i];
  const predicted = i === 0 ? actual : step && step.predicted;
  $("slider").value = i;
  $("slider").setAttribute("aria-valuetext", `frame ${i} of ${last()}`);
  $("where").replaceChildren(make("b", "", count(i)), make("span", "", ` / ${count(last())}`));
  $("verdict").replaceChildren(...verdictOf(step, i));
  $("stack").replaceChildren(...stackOf(i));
  $("state").replaceChildren(table(actual, predicted, step && step.verdict, i));
  $("around").replaceChildren(around(i));
  const before = now.before[Math.min(i, now.truth.length - 1)];
  markLines(actual && actual.line, isFrame(predicted) ? predicted.line : null, before && before.ran);
}

function verdictOf(step, i) {
  if (i === 0)
    return [
      make(
        "p",
        "",
        chip(nameOf("unreached")),
        " ",
        make("b", "", "given"),
        " – the first frame is nobody's prediction",
      ),
    ];
  if (!steps()) return [make("p", "", "nothing was predicted for this program")];
  if (!step || !step.verdict)
    return [make("p", "", i >= now.truth.length ? "behind the end of the real run" : "no prediction of this frame")];
  const { fidelity: outcome, level } = step.verdict,
    line = make("p", "", chip(outcome, true), " – " + OUTCOMES[outcome].meaning);
  if (OUTCOMES[outcome].name === "equivalent") line.append(make("span", "tag", "equal as: " + LEVELS[level]));
  if (step.confidence !== null) line.append(make("span", "tag", "confidence " + percent(step.confidence)));
  const found = [line],
    place = free() ? free().divergence : null;
  if (place === i)
    found.push(
      make("p", "divergence", `◆ Here the ${who()} left the truth. From here on it goes on from its own frames.`),
    );
  else if (place !== null && i > place)
    found.push(
      make(
        "p",
        "divergence",
        `◆ Behind the divergence at frame ${count(place)}: the two sides are no longer the same run.`,
      ),
    );
  return found;
}

function stackOf(i) {
  const calls = [];
  now.truth.slice(0, i + 1).forEach((frame) => {
    calls.length = Math.min(calls.length, frame.depth + 1);
    calls[frame.depth] = frame;
  });
  const found = [make("span", "label", `depth ${calls.length - 1}`)];
  calls.forEach((frame, depth) => {
    const where = frame.line > now.own && now.own ? " <call>" : ":" + (frame.line ?? "?");
    found.push(
      make("span", "call" + (depth === calls.length - 1 ? " top" : ""), putText(make("span"), text(frame.fn)), where),
    );
  });
  return found;
}

/** Predicted and actual side by side: where it is, the value, the locals. */
function table(actual, predicted, verdict, i) {
  const node = make("table", "state"),
    body = make("tbody"),
    head = make("tr");
  head.append(make("th", "", ""), make("th", "", ""), make("th", "", "predicted"), make("th", "", "actual"));
  node.append(make("thead", "", head), body);
  body.append(...placeRows(actual, predicted));
  guessed(body.firstChild, i, -1);
  const unreached = verdict && OUTCOMES[verdict.fidelity].name === "unreached";
  const rows = localRows(actual, predicted, verdict, i),
    quiet = rows.filter((row) => row.quiet);
  const fold = quiet.length > 3 && !here.unfolded;
  for (const row of rows) if (!(fold && row.quiet)) body.append(row.node);
  if (quiet.length > 3) body.append(foldRow(quiet.length, fold));
  node.classList.toggle("unreached", Boolean(unreached));
  return node;
}

function foldRow(n, folded) {
  const button = make(
    "button",
    "fold",
    folded ? `show ${n} locals that are equal and did not change` : "fold what did not change",
    make("kbd", "", "u"),
  );
  button.addEventListener("click", unfold);
  const cell = make("td", "", button);
  cell.colSpan = 4;
  return make("tr", "folds", cell);
}

function unfold() {
  here.unfolded = !here.unfolded;
  drawStep();
}

function line(mark, name, left, right, classes) {
  const row = make("tr", classes);
  row.append(make("td", "mark", mark), name, left, right);
  return row;
}

function placeRows(actual, predicted) {
  const same =
    isFrame(predicted) && actual && ["event", "line", "fn", "depth"].every((key) => predicted[key] === actual[key]);
  const unknown = predicted === undefined || !actual;
  const rows = [
    line(
      unknown ? "" : same ? "=" : "≠",
      make("th", "", "next"),
      placeCell(predicted),
      placeCell(actual),
      same || unknown ? "" : "differs",
    ),
  ];
  if (isFrame(predicted) && actual && predicted.depth !== actual.depth)
    rows.push(
      line(
        "≠",
        make("th", "", "depth"),
        make("td", "", String(predicted.depth)),
        make("td", "", String(actual.depth)),
        "differs",
      ),
    );
  return rows;
}

function placeCell(outcome) {
  const cell = make("td", "place");
  if (!outcome) return make("td", "none", "–");
  if (!isFrame(outcome)) {
    put(cell, outcome.kind === "end" ? "end: " : outcome.kind + ": ");
    putText(cell, outcome.message);
    if (outcome.text) cell.append(putText(make("code", "said"), outcome.text));
    return cell;
  }
  const event = EVENTS[outcome.event];
  cell.append(
    make("span", "event " + event, event),
    " ",
    putText(make("span", "fn"), text(outcome.fn)),
    `:${outcome.line ?? "?"}`,
  );
  cell.append(make("br"), sourceOf(outcome));
  return cell;
}

function sourceOf(frame) {
  const code = make("code", "line");
  if (frame.line === null || !now.lines[frame.line - 1]) return putText(code, frame.source ?? "");
  const [first, ...rest] = now.coloured[frame.line - 1];
  return codeOf(code, first ? [[first[0], first[1].trimStart()], ...rest] : []);
}

function localRows(actual, predicted, verdict, i) {
  const valued = actual && actual.value >= 0,
    found = [];
  if (valued || (isFrame(predicted) && predicted.value >= 0))
    found.push({ node: guessed(valueRow(actual, predicted, verdict), i, now.texts.indexOf("")) });
  const ours = isFrame(predicted) ? predicted.locals : new Map(),
    theirs = actual ? actual.locals : new Map();
  const own = now.before[i] && now.before[i].own,
    old = own === undefined ? new Map() : (now.truth[own] || { locals: new Map() }).locals;
  for (const name of new Set([...theirs.keys(), ...ours.keys()])) {
    const pair = [ours.get(name), theirs.get(name)],
      changed = actual && !valued && old.get(name) !== pair[1];
    const sign = isFrame(predicted) && actual ? signOf(name, pair, verdict, valued) : "";
    const quiet = !changed && (sign === "=" || sign === "");
    const label = putText(make("th", changed ? "changed" : ""), text(name));
    if (changed) label.append(make("span", "delta", "Δ"));
    const cells = valueCells(pair, verdict, name, sign, isFrame(predicted), actual);
    found.push({ quiet, node: guessed(line(sign, label, ...cells, classOf(sign)), i, name) });
  }
  return found;
}

/** Marks a row whose prediction is a guess of the debugger. */
function guessed(row, i, name) {
  const known = ((steps() || [])[i] || {}).known,
    how = known && known.get(name);
  if (how) {
    const mark = make("span", "how", how === 1 ? " *" : " (*)");
    mark.title = how === 1 ? "predicted by the model" : "computed from a prediction";
    row.children[2].append(mark);
  }
  return row;
}

function valueRow(actual, predicted, verdict) {
  const value = (frame) => (isFrame(frame) && frame.value >= 0 ? frame.value : undefined),
    pair = [value(predicted), value(actual)];
  const name = now.texts.indexOf(""),
    sign = isFrame(predicted) && actual ? signOf(name, pair, verdict, false) : "";
  const raised = (actual || predicted).event === RAISED;
  return line(
    sign,
    make("th", "value", raised ? "raises" : "returns"),
    ...valueCells(pair, verdict, name, sign, isFrame(predicted), actual),
    classOf(sign),
  );
}

const classOf = (sign) => ({ "≠": "differs", "≈": "close", "~": "excluded" })[sign] || "";

/** silent: the trace format says nothing of this text, so that it was not compared. */
function signOf(name, [ours, theirs], verdict, silent) {
  if (ours === theirs) return "=";
  const difference = verdict && verdict.differences.get(name);
  if (difference) return difference.excluded ? "~" : "≠";
  if (silent) return "";
  return verdict && COMPARED.includes(OUTCOMES[verdict.fidelity].name) ? "≈" : "≠"; // their differences are all listed
}

function valueCells([ours, theirs], verdict, name, sign, predicted, actual) {
  const a = ours === undefined ? null : text(ours),
    b = theirs === undefined ? null : text(theirs);
  const mark = sign === "≠" && typeof a === "string" && typeof b === "string" ? parting(a, b) : null;
  const left = cellOf(a, predicted, mark && [mark[0], mark[1]]),
    right = cellOf(b, actual, mark && [mark[0], mark[2]]);
  const place = verdict && (verdict.differences.get(name) || {}).place;
  if (mark && foreign(a, b, mark))
    for (const [cell, part] of [
      [left, a.slice(mark[0], mark[1])],
      [right, b.slice(mark[0], mark[2])],
    ])
      if (part) cell.append(make("span", "spot", [...part].map(point).join(" ")));
  if (place)
    [left, right].forEach((cell, i) =>
      cell.append(put(make("span", "spot", `from character ${count(place[0])}: … `), place[1 + i])),
    );
  return [left, right];
}

/** A short difference that a reader may not see: letters that look alike, or that no font here has. */
function foreign(a, b, [start, left, right]) {
  const parts = [a.slice(start, left), b.slice(start, right)];
  return parts.every((part) => part.length <= 8) && /[^\x00-\x7f]/.test(parts.join(""));
}

const point = (char) => "U+" + char.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");

function cellOf(value, side, marked) {
  return value === null
    ? make("td", "none", side ? "not there" : "–")
    : make("td", "", putText(make("code"), value, marked));
}

/** The way there: some frames before and after, predicted and actual. */
function around(i) {
  const node = make("table", "around"),
    all = steps() || [],
    first = Math.max(Math.min(i - 2, last() - 5), 0);
  const head = make(
    "tr",
    "",
    make("th", "", "frame"),
    make("th", "", ""),
    make("th", "", "predicted"),
    make("th", "", "actual"),
  );
  node.append(make("thead", "", head));
  for (let k = first; k <= Math.min(first + 5, last()); k++) {
    const predicted = k === 0 ? now.truth[0] : all[k] && all[k].predicted,
      outcome = all[k] && all[k].verdict;
    const link = make("a", "", String(k)),
      row = make("tr", k === i ? "now" : "");
    link.href = "#/" + [plain(PROGRAMS[here.program].id), k, here.view].map(encodeURIComponent).join("/");
    row.append(
      make("td", "number", link),
      make("td", "mark", outcome ? chip(outcome.fidelity) : ""),
      brief(predicted),
      brief(now.truth[k]),
    );
    node.append(row);
  }
  if (first + 5 >= last()) node.append(endRow());
  return node;
}

/** How both sides ended; the next-state view predicts no end. */
function endRow() {
  const own = free() ? free().end : null,
    said = make("td", "none", own ? "" : "–");
  const row = make("tr", "end", make("td", "number", "end"), make("td"), said, putText(make("td", "none"), now.end));
  if (own) putText(said, own.message);
  return row;
}

function brief(outcome) {
  if (!outcome) return make("td", "none", "–");
  if (!isFrame(outcome)) return put(make("td", "none"), outcome.kind);
  const cell = make("td", "", make("span", "number", String(outcome.line ?? "?")), " ");
  const word = SHORT[EVENTS[outcome.event]];
  if (word) cell.append(make("span", "event " + EVENTS[outcome.event], word), " ");
  if (outcome.value >= 0) return (cell.append(putText(make("code"), text(outcome.value))), cell);
  return (cell.append(sourceOf(outcome)), cell);
}

// -- the program --------------------------------------------------------------------------------------------------

function about() {
  const entry = PROGRAMS[here.program],
    box = $("about"),
    heading = shown("h2", "", entry.id);
  box.replaceChildren(heading);
  if (entry.call !== entry.id) box.append(shown("code", "call", entry.call));
  if (now.error) box.append(make("p", "error", make("b", "", "! "), putText(make("span"), now.error)));
  if (now.left_out)
    return empty(
      "The steps of this program are not in this page, which would be too large; they are in the JSON report.",
    );
  if (now.rollout) box.append(...results(now.rollout, " the rollout"));
  if (now.debugger) box.append(...results(now.debugger, " the debugger as it is used"));
  if (now.command) box.append(make("p", "debug", "debug it: ", putText(make("code"), now.command)));
  if (now.output) box.append(make("details", "", make("summary", "", "it printed"), putText(make("pre"), now.output)));
  if (!now.truth.length) empty("There is no real run to compare with.");
}

function results({ expected, predicted, equal, matched, complete, divergence: place }, subject) {
  const sign = equal === null ? "~" : equal ? "=" : "≠",
    box = make("p", "results " + (equal === false ? "differs" : ""));
  box.append(make("span", "mark", sign), " result ", putText(make("code"), expected));
  if (expected !== predicted && JSON.stringify(expected) !== JSON.stringify(predicted))
    box.append(" predicted ", putText(make("code"), predicted));
  const way =
    place !== null
      ? ` left the truth at frame ${count(place)}`
      : complete
        ? " followed the truth to its end"
        : ` followed the truth for ${count(matched)} frames, then a limit ended it`;
  return [box, make("p", "small", place !== null ? "◆" : "=", subject + way)];
}

function empty(words) {
  for (const id of ["stack", "state", "around", "where"]) $(id).replaceChildren();
  $("verdict").replaceChildren(make("p", "", words));
  $("source").replaceChildren();
}

// -- keys and buttons ---------------------------------------------------------------------------------------------

const KEYS = {
  j: () => go(here.step + 1),
  n: () => go(here.step + 1),
  ArrowRight: () => go(here.step + 1),
  k: () => go(here.step - 1),
  p: () => go(here.step - 1),
  ArrowLeft: () => go(here.step - 1),
  "]": () => wrong(1),
  "[": () => wrong(-1),
  1: divergence,
  0: () => go(0),
  $: () => go(last()),
  v: turnOn,
  u: unfold,
  J: () => neighbour(1),
  K: () => neighbour(-1),
  "?": () => $("keys").showModal(),
  "/": () => $("filter").focus(),
  b: () => (scrollY > 200 ? $("viewer") : $("breakdowns")).scrollIntoView(),
};
const LIST = {
  ArrowDown: () => neighbour(1),
  ArrowUp: () => neighbour(-1),
  PageDown: () => neighbour(10),
  PageUp: () => neighbour(-10),
  Home: () => neighbour(-order.length),
  End: () => neighbour(order.length),
};

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || $("keys").open || !now) return;
  const target = event.target,
    typing = target.matches("input[type=search], select");
  if (typing && event.key === "Escape") return target.blur();
  if (typing && event.key === "Enter" && order.length) return (choose(order[0]), target.blur());
  const action = (target === $("list") && LIST[event.key]) || (!typing && KEYS[event.key]);
  if (!action) return undefined;
  event.preventDefault();
  if (now.truth.length || !"jkn1p0$[]uv".includes(event.key)) action();
  return undefined;
}

document.addEventListener("keydown", pressed);
const BUTTONS = { start: "0", "wrong-back": "[", back: "k", next: "j", "wrong-next": "]", diverge: "1", help: "?" };
for (const [id, key] of Object.entries(BUTTONS)) $(id).addEventListener("click", () => now && KEYS[key]());
const when = (action) => () => now && action();
for (const view of VIEWS)
  $(view).addEventListener(
    "click",
    when(() => turn(view)),
  );
$("slider").addEventListener(
  "input",
  when(() => go(Number($("slider").value))),
);
for (const id of ["filter", "only", "order"]) $(id).addEventListener("input", arrange);
$("list").addEventListener("scroll", () => requestAnimationFrame(rows), { passive: true });
addEventListener("resize", rows);
addEventListener("hashchange", follow);
arrange();
follow();
