"use strict";
/* The flame graph and the timeline of a FlowTrace page.
 *
 * Data are lists of numbers: `nodes` has data.width of them for each frame of the graph, in the order of a walk, depth
 * first; `tracks` has pairs of a name and a list of six numbers for each slice. Names -1 and -2 are of what was left
 * out or waits. Text goes to the page by textContent and fillText alone, never as HTML.
 */
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const get = (id) => document.getElementById(id);
  const canvas = get("canvas");
  const ruler = get("ruler");
  const scroll = get("scroll");
  const ROW = 19;
  const GAP = 10; // between tracks
  const LABEL = 20; // a track's name
  const FONT = '12px system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif';
  const SMALLER = -1; // names in `nodes`
  const WAIT = -1; // names in slices
  const FOLDED = -2;
  const SUSPENDED = -3;
  const RAISED = 1; // marks of slices
  const OPEN = 2;
  const GOES_ON = 4;
  const TEXT = 8;

  const state = {
    view: "graph",
    weight: data.weight,
    change: "amount", // what colours compare of two traces: amounts, or shares of the whole
    zoomed: 0, // a node; 0: all
    from: 0, // what the timeline shows, in ns
    to: 1,
    selected: -1, // a node or a slice of the view
    hovered: -1,
    query: "",
    cursor: -1, // of what was found, the one that Enter came to last
  };

  /* --- numbers as people read them ---------------------------------------- */

  function count(n) {
    return String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ",");
  }

  function counted(n, one, many) {
    return `${count(n)} ${n === 1 ? one : many}`;
  }

  function duration(ns) {
    if (ns < 1000) return `${Math.round(ns)} ns`;
    const units = [[1e3, "\u00b5s"], [1e6, "ms"], [1e9, "s"]];
    let best = units[0];
    for (const unit of units) if (ns >= 0.9995 * unit[0]) best = unit;
    const value = ns / best[0];
    return `${value >= 1000 ? count(value) : value.toPrecision(3)} ${best[1]}`;
  }

  function share(part, whole) {
    const percent = whole ? (100 * part) / whole : 0;
    return percent && percent < 0.1 ? "< 0.1 %" : `${percent.toFixed(1)} %`;
  }

  function amount(value) {
    return state.weight === "calls" ? counted(value, "call", "calls") : duration(value);
  }

  /* --- the graph's frames: node 0 is all of them ---------------------------- */

  const WEIGHTS = { running: 0, waiting: 1, calls: 2 };
  const nodeCount = data.nodes.length / data.width + 1;
  const parentOf = new Int32Array(nodeCount);
  const depthOf = new Int32Array(nodeCount);
  const nameOf = new Int32Array(nodeCount);
  const own = [0, 1, 2].map(() => new Float64Array(nodeCount)); // by weight
  const total = [0, 1, 2].map(() => new Float64Array(nodeCount));
  const was = [0, 1, 2].map(() => new Float64Array(nodeCount)); // of the earlier trace, with all below
  const raised = new Float64Array(nodeCount);
  const open = new Float64Array(nodeCount);
  const childrenOf = Array.from({ length: nodeCount }, () => []);
  const left = new Float64Array(nodeCount); // of all, for the weight that is shown

  function readNodes() {
    const path = [0];
    parentOf[0] = -1;
    for (let node = 1; node < nodeCount; node++) {
      const at = (node - 1) * data.width;
      const depth = data.nodes[at] + 1;
      path[depth] = node;
      parentOf[node] = path[depth - 1];
      depthOf[node] = depth;
      nameOf[node] = data.nodes[at + 1];
      for (let w = 0; w < 3; w++) {
        own[w][node] = total[w][node] = data.nodes[at + 2 + w];
        if (data.before) was[w][node] = data.nodes[at + 7 + w];
      }
      raised[node] = data.nodes[at + 5];
      open[node] = data.nodes[at + 6];
      childrenOf[parentOf[node]].push(node);
    }
    for (let node = nodeCount - 1; node > 0; node--)
      for (let w = 0; w < 3; w++) {
        total[w][parentOf[node]] += total[w][node];
        was[w][parentOf[node]] += was[w][node];
      }
  }

  /* The largest stands first, what is left out last. */
  function layOut() {
    const all = total[WEIGHTS[state.weight]];
    for (let node = 0; node < nodeCount; node++) {
      let x = left[node];
      const children = childrenOf[node];
      children.sort((a, b) => (nameOf[a] === SMALLER) - (nameOf[b] === SMALLER) || all[b] - all[a] || a - b);
      for (const child of children) {
        left[child] = x;
        x += all[child];
      }
    }
  }

  function isFunction(name) {
    return name >= 0 && name < data.places.length;
  }

  function moduleOf(name) {
    return isFunction(name) ? data.modules[data.module_of[name]] : "";
  }

  function nodeLabel(node) {
    if (node === 0) return "all";
    return nameOf[node] === SMALLER ? "(smaller)" : data.names[nameOf[node]];
  }

  /* --- the timeline's slices, of all tracks side by side --------------------- */

  const slices = { track: [], depth: [], name: [], from: [], length: [], marks: [], number: [] };
  const tracks = []; // {name, first, end, depth, top}
  let begin = Infinity;
  let end = 0;

  function readSlices() {
    for (const [name, numbers] of data.tracks) {
      const track = { name, first: slices.name.length, depth: 0, end: 0, top: 0 };
      const order = [];
      for (let at = 0; at < numbers.length; at += 6) order.push(at);
      order.sort((a, b) => numbers[a + 2] - numbers[b + 2] || numbers[a] - numbers[b]);
      for (const at of order) {
        slices.track.push(tracks.length);
        slices.depth.push(numbers[at]);
        slices.name.push(numbers[at + 1]);
        slices.from.push(numbers[at + 2]);
        slices.length.push(numbers[at + 3]);
        slices.marks.push(numbers[at + 4]);
        slices.number.push(numbers[at + 5]);
        track.depth = Math.max(track.depth, numbers[at] + 1);
        begin = Math.min(begin, numbers[at + 2]);
        end = Math.max(end, numbers[at + 2] + numbers[at + 3]);
      }
      track.end = slices.name.length;
      tracks.push(track);
    }
    if (end <= begin || begin === Infinity) [begin, end] = [0, Math.max(end, 1)];
    let top = 0;
    for (const track of tracks) {
      track.top = top;
      top += LABEL + track.depth * ROW + GAP;
    }
    [state.from, state.to] = [begin, end];
  }

  function sliceLabel(slice) {
    const name = slices.name[slice];
    if (name >= 0) return data.names[name];
    if (name === FOLDED) return `${count(slices.number[slice])} short`;
    const what = data.pauses[Math.floor(slices.marks[slice] / TEXT) - 1];
    if (name === WAIT) return what ? `waiting: ${what}` : "waiting";
    return what ? `suspended: yielded ${what}` : "suspended";
  }

  /* --- colours ---------------------------------------------------------------- */

  let dark = false;
  const colours = new Map();

  function hash(text) {
    let h = 0x811c9dc5;
    for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
    h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
    return (h ^ (h >>> 13)) >>> 0;
  }

  /* A module's name gives it one of HUES; where two of a trace have the same, the later in the alphabet takes the next. */
  const HUES = 18;
  const hues = new Map();

  function readModules() {
    const taken = new Set();
    for (const module of [...new Set(data.modules)].sort()) {
      let hue = hash(module) % HUES;
      while (taken.size < HUES && taken.has(hue)) hue = (hue + 7) % HUES;
      taken.add(hue);
      hues.set(module, (hue * 360) / HUES);
    }
  }

  /* The lightness is the function's, within narrow bounds, so that text stays legible. */
  function colour(module, name) {
    const key = `${dark} ${module} ${name}`;
    if (!colours.has(key)) {
      const hue = hues.get(module) || 0;
      const step = name ? hash(name) % 5 : 2;
      colours.set(key, dark ? `oklch(${0.38 + 0.025 * step} 0.07 ${hue})` : `oklch(${0.9 - 0.025 * step} 0.085 ${hue})`);
    }
    return colours.get(key);
  }

  function functionColour(name) {
    return isFunction(name) ? colour(moduleOf(name), data.names[name]) : plain();
  }

  /* Grown is red, shrunk is blue; grey is what is as it was, or too small to count. */
  function changeColour(node) {
    const w = WEIGHTS[state.weight];
    const scale = state.change === "share" && was[w][0] ? total[w][0] / was[w][0] : 1;
    const [now, then] = [total[w][node], was[w][node] * scale];
    const change = Math.max(-1, Math.min(1, Math.log2((now + 1) / (then + 1)) / 2));
    const weighs = Math.min(1, Math.abs(now - then) / (0.01 * Math.max(total[w][0], was[w][0] * scale, 1)));
    const strength = Math.abs(change) * weighs;
    const hue = change > 0 ? 27 : 250;
    return dark ? `oklch(${0.36 + 0.14 * strength} ${0.15 * strength} ${hue})` : `oklch(${0.9 - 0.22 * strength} ${0.15 * strength} ${hue})`;
  }

  function plain() {
    return dark ? "#343b46" : "#e3e6eb";
  }

  function ink() {
    return dark ? "#eef1f5" : "#15181c";
  }

  function style(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  let theme = {};

  function readTheme(printing) {
    dark = !printing && matchMedia("(prefers-color-scheme: dark)").matches;
    const names = ["paper", "panel", "quiet", "line", "accent", "raised", "found"];
    theme = Object.fromEntries(names.map((name) => [name, style(`--${name}`)]));
    if (printing)
      theme = { paper: "#ffffff", panel: "#f6f7f9", quiet: "#5b6470", line: "#d9dde3", accent: "#1f5fbf", raised: "#c62828", found: "#b5179e" };
  }

  function hatching(context, colour) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const c = tile.getContext("2d");
    c.strokeStyle = colour;
    c.lineWidth = 1.6;
    c.beginPath();
    for (const x of [-8, 0, 8]) {
      c.moveTo(x, 8);
      c.lineTo(x + 8, 0);
    }
    c.stroke();
    return context.createPattern(tile, "repeat");
  }

  /* --- drawing ------------------------------------------------------------------ */

  /* Boxes that can be pointed at: {x, y, w, item}. */
  let boxes = [];
  let pencil = null; // {context, width, top, bottom}: what is drawn on

  function fit(context, text, width) {
    if (width < 18) return "";
    const full = context.measureText(text).width;
    if (full <= width) return text;
    const letters = Array.from(text.slice(0, 400));
    let n = Math.floor((letters.length * width) / full);
    while (n > 0 && context.measureText(`${letters.slice(0, n).join("")}\u2026`).width > width) n--;
    return n > 1 ? `${letters.slice(0, n).join("")}\u2026` : "";
  }

  /* look: {fill, hatch: [from, to] of the width, raised: share, open, dim, found, faint} */
  function box(x, y, w, label, look, item) {
    const c = pencil.context;
    const right = Math.min(x + w, pencil.width);
    const x0 = Math.max(x, 0);
    const width = Math.max(right - x0, 0.6);
    boxes.push({ x: x0, y, w: width, item });
    if (y + ROW < pencil.top || y > pencil.bottom) return;
    const inset = width > 3 ? 1 : 0;
    c.globalAlpha = look.dim ? 0.28 : 1;
    c.fillStyle = look.fill;
    c.fillRect(x0, y, width - inset, ROW - 1);
    if (look.hatch) {
      const [from, to] = look.hatch.map((part) => Math.max(x0, Math.min(right - inset, x + part * w)));
      c.fillStyle = pencil.hatch;
      c.fillRect(from, y, to - from, ROW - 1);
    }
    if (look.raised) {
      c.fillStyle = theme.raised;
      c.fillRect(x0, y + ROW - 3, Math.max(1, (width - inset) * look.raised), 2);
    }
    if (look.open) {
      c.fillStyle = ink();
      for (let dot = y + 1; dot < y + ROW - 2; dot += 4) c.fillRect(right - inset - 2, dot, 2, 2);
    }
    const text = fit(c, label, width - 8 - inset);
    if (text) {
      c.fillStyle = ink();
      c.fillText(text, x0 + 4, y + ROW / 2 - 0.5);
    }
    c.globalAlpha = 1;
    if (look.found) frameBox(x0, y, width - inset, theme.found, 2);
    if (look.selected) frameBox(x0, y, width - inset, ink(), 2);
  }

  function frameBox(x, y, width, colour, thick) {
    const c = pencil.context;
    c.strokeStyle = colour;
    c.lineWidth = thick;
    c.strokeRect(x + thick / 2, y + thick / 2, Math.max(width - thick, 0.5), ROW - 1 - thick);
  }

  function nodeLook(node) {
    const w = WEIGHTS[state.weight];
    const all = total[w][node];
    const fill = node === 0 ? plain() : functionColour(nameOf[node]);
    const waits = state.weight === "waiting" && own[1][node];
    return {
      fill: data.before && nameOf[node] !== SMALLER ? changeColour(node) : fill,
      hatch: waits ? [1 - own[1][node] / all, 1] : null,
      raised: raised[node] && own[2][node] ? raised[node] / own[2][node] : 0,
      open: open[node] > 0,
      dim: Boolean(state.query) && !found.has(node),
      found: Boolean(state.query) && found.has(node),
      selected: node === state.selected,
    };
  }

  function drawGraph() {
    const all = total[WEIGHTS[state.weight]];
    const top = state.zoomed;
    const scale = pencil.width / (all[top] || 1);
    const above = [];
    for (let node = parentOf[top]; node >= 0; node = parentOf[node]) above.unshift(node);
    for (const node of above) box(0, depthOf[node] * ROW, pencil.width, nodeLabel(node), { ...nodeLook(node), hatch: null, dim: true }, node);
    const stack = [top];
    while (stack.length) {
      const node = stack.pop();
      const width = all[node] * scale;
      if (width < 0.4) continue;
      box((left[node] - left[top]) * scale, depthOf[node] * ROW, width, nodeLabel(node), nodeLook(node), node);
      stack.push(...childrenOf[node]);
    }
  }

  function deepest(top) {
    const all = total[WEIGHTS[state.weight]];
    let depth = depthOf[top];
    const stack = [top];
    while (stack.length) {
      const node = stack.pop();
      depth = Math.max(depth, depthOf[node]);
      for (const child of childrenOf[node]) if (all[child] >= all[top] / 4000) stack.push(child);
    }
    return depth + 1;
  }

  function sliceLook(slice) {
    const name = slices.name[slice];
    const marks = slices.marks[slice];
    return {
      fill: functionColour(name),
      hatch: name === WAIT || name === SUSPENDED ? [0, 1] : null,
      raised: marks & RAISED ? 1 : 0,
      open: (marks & OPEN) > 0,
      dim: Boolean(state.query) && !found.has(slice),
      found: Boolean(state.query) && found.has(slice),
      selected: slice === state.selected,
    };
  }

  /* Of slices that fall on one pixel the first is drawn. */
  function drawTrack(track, scale) {
    const c = pencil.context;
    if (track.top > pencil.bottom || track.top + LABEL + track.depth * ROW < pencil.top) return;
    c.fillStyle = theme.quiet;
    c.fillText(fit(c, track.name, pencil.width - 12), 6, track.top + LABEL / 2 + 1);
    const reach = new Float64Array(track.depth);
    for (let slice = track.first; slice < track.end; slice++) {
      const from = slices.from[slice];
      const to = from + slices.length[slice];
      if (to < state.from) continue;
      if (from > state.to) break;
      const x = (from - state.from) * scale;
      const right = (to - state.from) * scale;
      const depth = slices.depth[slice];
      if (right < reach[depth] && !(state.query && found.has(slice))) continue;
      reach[depth] = Math.max(x, 0) + 0.7;
      box(x, track.top + LABEL + depth * ROW, right - x, sliceLabel(slice), sliceLook(slice), slice);
    }
    c.fillStyle = theme.line;
    c.fillRect(0, track.top + LABEL + track.depth * ROW + GAP / 2, pencil.width, 1);
  }

  function drawTimeline() {
    const scale = pencil.width / (state.to - state.from);
    for (const track of tracks) drawTrack(track, scale);
  }

  function height() {
    if (state.view === "graph") return deepest(state.zoomed) * ROW + 1;
    const last = tracks[tracks.length - 1];
    return last ? last.top + LABEL + last.depth * ROW + GAP : ROW;
  }

  function prepare(target, width, tall, density) {
    target.width = Math.round(width * density);
    target.height = Math.round(tall * density);
    target.style.height = `${tall}px`;
    const context = target.getContext("2d");
    context.setTransform(density, 0, 0, density, 0, 0);
    context.fillStyle = theme.paper;
    context.fillRect(0, 0, width, tall);
    context.font = FONT;
    context.textBaseline = "middle";
    return context;
  }

  function drawRuler(width, density) {
    const timeline = state.view === "timeline";
    ruler.hidden = !timeline;
    ruler.style.display = timeline ? "block" : "none";
    if (!timeline) return;
    const c = prepare(ruler, width, 24, density);
    const span = state.to - state.from;
    let step = 10 ** Math.floor(Math.log10(span / 6));
    for (const factor of [2, 5, 10]) if (span / step > 12) step = factor * 10 ** Math.floor(Math.log10(span / 6));
    c.fillStyle = theme.quiet;
    for (let t = Math.ceil((state.from - begin) / step) * step; t <= state.to - begin; t += step) {
      const x = ((t + begin - state.from) * width) / span;
      c.fillRect(x, 15, 1, 9);
      const text = data.timed ? (t === 0 ? "0" : `${Number((t / unit(step)[0]).toFixed(6))} ${unit(step)[1]}`) : "";
      c.fillText(text, Math.min(x + 4, width - c.measureText(text).width - 2), 9);
    }
  }

  function unit(step) {
    if (step >= 1e8) return [1e9, "s"];
    if (step >= 1e5) return [1e6, "ms"];
    return step >= 100 ? [1e3, "\u00b5s"] : [1, "ns"];
  }

  /* `shown` pixels from `top` on. */
  function drawOn(target, width, top, shown, density) {
    const context = prepare(target, width, shown, density);
    pencil = { context, width, top, bottom: top + shown, hatch: hatching(context, dark ? "rgb(255 255 255 / 30%)" : "rgb(0 0 0 / 26%)") };
    context.translate(0, -top);
    boxes = [];
    if (state.view === "graph") drawGraph();
    else drawTimeline();
    drawRuler(width, density);
  }

  function draw() {
    const tall = height();
    const shown = Math.min(tall, Math.max(scroll.clientHeight, Math.min(tall, innerHeight - 290)));
    get("extent").style.height = `${Math.max(tall - shown, 0)}px`;
    const top = Math.min(scroll.scrollTop, Math.max(tall - shown, 0));
    drawOn(canvas, scroll.clientWidth, top, shown, Math.max(1, devicePixelRatio || 1));
  }

  const PRINT_WIDTH = 1040;
  const FIRST_SHEET = 520; // below the heading
  const SHEET = 640;
  const SHEETS = 20;

  /* Where paper may end: between rows of the graph, between tracks, within a track that is taller than a sheet. */
  function sheetEnds(tall) {
    const ends = [];
    let top = 0;
    while (top < tall && ends.length < SHEETS) {
      const most = top + (ends.length ? SHEET : FIRST_SHEET);
      let end = state.view === "graph" ? most - (most % ROW) : most;
      const whole = tracks.map((track) => track.top).filter((at) => at > top && at <= most);
      if (state.view === "timeline" && whole.length) end = whole[whole.length - 1];
      top = Math.min(most >= tall ? tall : end, tall);
      ends.push(top);
    }
    return ends;
  }

  function drawSheets() {
    const paper = get("paper");
    let top = 0;
    for (const end of sheetEnds(height())) {
      const sheet = element("canvas", undefined, "sheet");
      drawOn(sheet, PRINT_WIDTH, top, end - top, 2);
      paper.append(sheet);
      top = end;
    }
    if (top < height()) paper.append(element("p", "There is more than fits on paper: zoom in first."));
  }

  let wanted = false;

  function redraw() {
    if (wanted) return;
    wanted = true;
    requestAnimationFrame(() => {
      wanted = false;
      draw();
    });
  }

  /* --- what is said of a frame or slice ------------------------------------------- */

  function element(tag, text, className) {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  }

  function changeText(now, then, show) {
    if (!then) return now ? `${show(now)}, new` : "none";
    const ratio = now / then;
    const factor = ratio >= 10 ? `${count(ratio)} times` : `${ratio >= 1 ? "+" : "\u2212"}${Math.abs(100 * (ratio - 1)).toFixed(0)} %`;
    return `${show(now)}, was ${show(then)} (${ratio > 0.995 && ratio < 1.005 ? "as before" : factor})`;
  }

  function nodeFacts(node) {
    const facts = [];
    const all = total[WEIGHTS[state.weight]];
    const then = was[WEIGHTS[state.weight]];
    facts.push(["of all", share(all[node], all[0]) + (data.before && then[node] ? `, was ${share(then[node], then[0])}` : "")]);
    const several = (w, show) => (data.before ? changeText(total[w][node], was[w][node], show) : show(total[w][node]));
    if (data.timed) {
      facts.push(["running", several(0, duration)]);
      if (own[0][node]) facts.push(["self", duration(own[0][node])]);
      if (total[1][node]) facts.push(["waiting", several(1, duration)]);
      if (own[1][node] && own[1][node] !== total[1][node]) facts.push(["itself", duration(own[1][node])]);
    }
    const calls = own[2][node];
    if (calls) facts.push(["calls", data.before ? several(2, count) + " with all below" : count(calls)]);
    if (raised[node]) facts.push(["left by an exception", counted(raised[node], "call", "calls"), "raised"]);
    if (open[node]) facts.push(["not ended", counted(open[node], "call", "calls")]);
    return facts;
  }

  function sliceFacts(slice) {
    const [name, marks] = [slices.name[slice], slices.marks[slice]];
    const facts = [];
    if (data.timed) facts.push(["took", duration(slices.length[slice])], ["at", duration(slices.from[slice] - begin)]);
    if (name === FOLDED) {
      facts.push([`shorter than ${duration(data.shortest_ns)}`, counted(slices.number[slice], "slice", "slices")]);
      return facts;
    }
    facts.push(["call", `#${count(slices.number[slice])}`], ["on", tracks[slices.track[slice]].name]);
    if (marks & GOES_ON) facts.push(["suspended", "goes on later"]);
    if (marks & OPEN) facts.push(["not ended", "the recording did first"]);
    if (marks & RAISED) facts.push(["left by", data.exceptions[Math.floor(marks / TEXT) - 1] || "an exception", "raised"]);
    return facts;
  }

  function about(item) {
    const graph = state.view === "graph";
    const name = graph ? (item ? nameOf[item] : SMALLER) : slices.name[item];
    return {
      label: graph ? nodeLabel(item) : sliceLabel(item),
      place: isFunction(name) ? data.places[name] : "",
      module: moduleOf(name),
      facts: graph ? nodeFacts(item) : sliceFacts(item),
    };
  }

  function showDetails() {
    const details = get("details");
    details.replaceChildren();
    const item = state.selected >= 0 ? state.selected : state.view === "graph" ? state.zoomed : -1;
    if (item < 0) {
      details.append(element("span", "Click on a call to see more of it.", "hint"));
      return;
    }
    const it = about(item);
    details.append(element("span", it.label, "name"), element("span", it.place, "place"));
    const list = element("dl");
    for (const [key, value, className] of it.facts) {
      const pair = element("div");
      pair.append(element("dt", key), element("dd", value, className));
      list.append(pair);
    }
    details.append(list);
  }

  function showTip(event, item) {
    const tip = get("tip");
    tip.hidden = item < 0;
    if (item < 0) return;
    const it = about(item);
    tip.replaceChildren(element("b", it.label.slice(0, 300)));
    const lines = it.facts.map(([key, value]) => `${key}: ${value.slice(0, 300)}`);
    tip.append(element("span", `\n${[it.module, ...lines].filter(Boolean).join("\n")}`));
    const [w, h] = [tip.offsetWidth, tip.offsetHeight];
    tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - w - 8))}px`;
    tip.style.top = `${event.clientY + 18 + h > innerHeight ? Math.max(4, event.clientY - h - 10) : event.clientY + 18}px`;
  }

  /* --- search ------------------------------------------------------------------------ */

  let found = new Set();
  let foundList = [];

  function matches(name) {
    if (name < 0) return false;
    return data.names[name].toLowerCase().includes(state.query) || moduleOf(name).toLowerCase().includes(state.query);
  }

  /* The frames found, counted once where they stand within one another. */
  function foundShare() {
    const all = total[WEIGHTS[state.weight]];
    let sum = 0;
    const inside = new Uint8Array(nodeCount);
    for (let node = 1; node < nodeCount; node++) {
      inside[node] = inside[parentOf[node]] || found.has(node) ? 1 : 0;
      if (found.has(node) && !inside[parentOf[node]]) sum += all[node];
    }
    return share(sum, all[0]);
  }

  function search() {
    state.query = get("search").value.trim().toLowerCase();
    state.cursor = -1;
    const graph = state.view === "graph";
    const names = graph ? nameOf : slices.name;
    foundList = [];
    const hit = data.names.map((_, name) => Boolean(state.query) && matches(name));
    for (let i = graph ? 1 : 0; i < names.length; i++) if (names[i] >= 0 && hit[names[i]]) foundList.push(i);
    found = new Set(foundList);
    let text = "";
    if (state.query)
      text = !foundList.length ? "nothing found" : graph ? `${counted(foundList.length, "frame", "frames")}, ${foundShare()}` : counted(foundList.length, "call", "calls");
    get("found").textContent = text;
    redraw();
  }

  function nextFound(step) {
    if (!foundList.length) return;
    state.cursor = (state.cursor + step + foundList.length) % foundList.length;
    const item = foundList[state.cursor];
    select(item);
    if (state.view === "graph") {
      if (!isBelow(item, state.zoomed)) zoomTo(0);
    } else if (slices.from[item] > state.to || slices.from[item] + slices.length[item] < state.from) {
      const half = (state.to - state.from) / 2;
      look(slices.from[item] - half, slices.from[item] + half);
    }
    bring(item);
  }

  /* --- moving about --------------------------------------------------------------------- */

  function isBelow(node, top) {
    for (; node >= 0; node = parentOf[node]) if (node === top) return true;
    return false;
  }

  function zoomTo(node) {
    state.zoomed = node;
    get("reset").disabled = node === 0;
    showDetails();
    redraw();
  }

  function look(from, to) {
    const least = data.timed ? 10 : 2000;
    let span = Math.min(Math.max(to - from, least), end - begin);
    from = Math.min(Math.max(from, begin), end - span);
    [state.from, state.to] = [from, from + span];
    get("reset").disabled = span >= end - begin;
    redraw();
  }

  function zoomTime(factor, at) {
    const span = (state.to - state.from) * factor;
    const middle = at === undefined ? (state.from + state.to) / 2 : at;
    const part = (middle - state.from) / (state.to - state.from);
    look(middle - span * part, middle + span * (1 - part));
  }

  function zoomIn(item) {
    if (state.view === "graph") zoomTo(item);
    else {
      const margin = slices.length[item] * 0.04;
      look(slices.from[item] - margin, slices.from[item] + slices.length[item] + margin);
    }
  }

  function zoomOut() {
    if (state.view === "graph") zoomTo(0);
    else look(begin, end);
  }

  function select(item) {
    state.selected = item;
    showDetails();
    redraw();
  }

  /* Scrolls a row into sight. */
  function bring(item) {
    const y = state.view === "graph" ? depthOf[item] * ROW : tracks[slices.track[item]].top + LABEL + slices.depth[item] * ROW;
    if (y < scroll.scrollTop) scroll.scrollTop = y - ROW;
    else if (y + 2 * ROW > scroll.scrollTop + scroll.clientHeight) scroll.scrollTop = y + 2 * ROW - scroll.clientHeight;
  }

  function nodeBeside(node, key) {
    if (key === "ArrowUp") return parentOf[node];
    const all = total[WEIGHTS[state.weight]];
    if (key === "ArrowDown") return childrenOf[node].length && all[childrenOf[node][0]] ? childrenOf[node][0] : -1;
    const beside = node ? childrenOf[parentOf[node]] : [node];
    const next = beside[beside.indexOf(node) + (key === "ArrowLeft" ? -1 : 1)];
    return next === undefined || !all[next] ? -1 : next;
  }

  function sliceBeside(slice, key) {
    const track = tracks[slices.track[slice]];
    const depth = slices.depth[slice] + { ArrowUp: -1, ArrowDown: 1, ArrowLeft: 0, ArrowRight: 0 }[key];
    const back = key === "ArrowLeft" || key === "ArrowUp";
    for (let i = slice + (back ? -1 : 1); i >= track.first && i < track.end; i += back ? -1 : 1) {
      if (key === "ArrowDown" && slices.depth[i] <= slices.depth[slice]) return -1;
      if (slices.depth[i] === depth) return i;
    }
    return -1;
  }

  function step(key) {
    const graph = state.view === "graph";
    let next = state.selected;
    if (next < 0) next = graph ? state.zoomed : slices.name.length ? 0 : -1;
    else next = graph ? nodeBeside(next, key) : sliceBeside(next, key);
    if (next < 0) return;
    select(next);
    if (graph && !isBelow(next, state.zoomed)) zoomTo(next);
    if (!graph && (slices.from[next] > state.to || slices.from[next] + slices.length[next] < state.from)) {
      const half = (state.to - state.from) / 2;
      look(slices.from[next] - half, slices.from[next] + half);
    }
    bring(next);
  }

  function onKey(event) {
    const typing = event.target === get("search");
    if (event.key === "Escape") {
      if (typing && get("search").value) {
        get("search").value = "";
        search();
      } else if (typing) canvas.focus();
      else zoomOut();
    } else if (typing) {
      if (event.key === "Enter") nextFound(event.shiftKey ? -1 : 1);
      return;
    } else if (event.ctrlKey || event.metaKey || event.altKey) return;
    else if (event.key === "/") get("search").focus();
    else if (event.key.startsWith("Arrow") && event.target === canvas) step(event.key);
    else if (event.key === "Enter" && event.target === canvas && state.selected >= 0) zoomIn(state.selected);
    else if (state.view === "timeline" && "+=wW".includes(event.key)) zoomTime(0.7);
    else if (state.view === "timeline" && "-sS".includes(event.key)) zoomTime(1 / 0.7);
    else if (state.view === "timeline" && "aA".includes(event.key)) look(state.from - 0.15 * (state.to - state.from), state.to - 0.15 * (state.to - state.from));
    else if (state.view === "timeline" && "dD".includes(event.key)) look(state.from + 0.15 * (state.to - state.from), state.to + 0.15 * (state.to - state.from));
    else return;
    event.preventDefault();
  }

  function at(event) {
    const area = canvas.getBoundingClientRect();
    const x = event.clientX - area.left;
    const y = event.clientY - area.top + pencil.top;
    for (let i = boxes.length - 1; i >= 0; i--) {
      const it = boxes[i];
      if (x >= it.x && x < it.x + it.w && y >= it.y && y < it.y + ROW) return it.item;
    }
    return -1;
  }

  let drag = null;

  function onMove(event) {
    if (drag && state.view === "timeline") {
      const moved = event.clientX - drag.x;
      drag.moved = drag.moved || Math.abs(moved) > 3;
      const by = (moved * (drag.to - drag.from)) / pencil.width;
      if (drag.moved) look(drag.from - by, drag.to - by);
      get("tip").hidden = true;
      return;
    }
    const item = at(event);
    canvas.style.cursor = item >= 0 ? "pointer" : "default";
    showTip(event, item);
  }

  function onUp(event) {
    const moved = drag && drag.moved;
    drag = null;
    if (moved) return;
    const item = at(event);
    if (item < 0) return;
    select(item);
    if (state.view === "graph") zoomTo(item);
  }

  function onWheel(event) {
    if (state.view !== "timeline") return;
    const area = canvas.getBoundingClientRect();
    if (event.ctrlKey || event.metaKey) {
      const here = state.from + ((event.clientX - area.left) / pencil.width) * (state.to - state.from);
      zoomTime(Math.exp(event.deltaY * 0.004), here);
    } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      const by = ((event.deltaX || event.deltaY) / pencil.width) * (state.to - state.from);
      look(state.from + by, state.to + by);
    } else return;
    event.preventDefault();
  }

  /* --- around it --------------------------------------------------------------------------- */

  function swatch(label, paint) {
    const line = element("span");
    const sample = element("canvas");
    sample.width = 44;
    sample.height = 26;
    const c = sample.getContext("2d");
    c.scale(2, 2);
    paint(c);
    line.append(sample, document.createTextNode(label));
    return line;
  }

  function filled(colour) {
    return (c) => {
      c.fillStyle = colour;
      c.fillRect(0, 0, 22, 13);
    };
  }

  /* The modules that weigh most, by what they do themselves. */
  function heaviestModules() {
    const weights = new Map();
    for (let node = 1; node < nodeCount; node++)
      if (isFunction(nameOf[node])) {
        const module = moduleOf(nameOf[node]);
        weights.set(module, (weights.get(module) || 0) + own[WEIGHTS[state.weight]][node]);
      }
    return [...weights].sort((a, b) => b[1] - a[1]);
  }

  function showLegend() {
    const legend = get("legend");
    legend.replaceChildren();
    if (data.before && state.view === "graph") {
      const tones = dark ? ["oklch(0.5 0.15 27)", "oklch(0.36 0 0)", "oklch(0.5 0.15 250)"] : ["oklch(0.68 0.15 27)", "oklch(0.9 0 0)", "oklch(0.68 0.15 250)"];
      const of = state.change === "share" ? " of the whole" : "";
      [`more${of} than before, or new`, `as much${of} as before`, `less${of} than before`].forEach((text, i) => legend.append(swatch(text, filled(tones[i]))));
    } else {
      const modules = heaviestModules();
      for (const [module] of modules.slice(0, 12)) legend.append(swatch(module || "(no module)", filled(colour(module, ""))));
      if (modules.length > 12) legend.append(element("span", counted(modules.length - 12, "more module", "more modules")));
    }
    const edge = (c) => {
      filled(plain())(c);
      c.fillStyle = theme.raised;
      c.fillRect(0, 9.5, 22, 3.5);
    };
    const hatched = (c) => {
      filled(plain())(c);
      c.fillStyle = hatching(c, dark ? "rgb(255 255 255 / 34%)" : "rgb(0 0 0 / 30%)");
      c.fillRect(0, 0, 22, 13);
    };
    const dotted = (c) => {
      filled(plain())(c);
      c.fillStyle = ink();
      for (let y = 1; y < 12; y += 4) c.fillRect(19, y, 2, 2);
    };
    legend.append(swatch("left by an exception", edge), swatch("not ended", dotted));
    if (state.view === "timeline" || state.weight === "waiting") legend.append(swatch("waits", hatched));
  }

  function showNotes() {
    const notes = get("notes");
    notes.replaceChildren();
    const say = (text) => notes.append(element("li", text));
    if (data.unread) say(`${counted(data.unread, "call", "calls")} of the trace, the oldest, were not read: export with --newest to have more.`);
    if (data.filtered_of) say(`Filters have left ${count(data.calls)} of ${counted(data.filtered_of, "call", "calls")}.`);
    if (!data.timed) say("This trace was recorded without times: the timeline shows the order alone.");
    if (state.view === "graph") {
      say(state.weight === "running" ? "Widths are time that functions ran, without waits. Equal stacks are one frame." : state.weight === "waiting" ? "Widths are time that coroutines waited." : "Widths are numbers of calls.");
      if (data.nodes_left_out) say(`${counted(data.nodes_left_out, "frame is", "frames are")} too small to stand alone: "(smaller)" is what they are together.`);
    } else {
      say("A call is one slice; a generator that works in turn with others is one each time that it goes on.");
      if (data.slices_folded) say(`${counted(data.slices_folded, "slice", "slices")}, each shorter than ${duration(data.shortest_ns)}, are put together where they lie side by side, or not drawn. Filters such as --under NAME leave room for them.`);
      if (data.tracks_left_out) say(`${counted(data.tracks_left_out, "track is", "tracks are")} left out, those with the fewest calls.`);
    }
  }

  function showVanished() {
    const section = get("vanished");
    section.hidden = !data.before || state.view !== "graph";
    if (section.hidden) return;
    const w = WEIGHTS[state.weight];
    const rows = data.vanished.filter((row) => row[1 + w] > 0).sort((a, b) => b[1 + w] - a[1 + w]);
    const more = data.vanished_left_out + Math.max(0, rows.length - 40);
    section.replaceChildren(element("h2", rows.length ? "Vanished: only in the earlier trace" : "Nothing has vanished since the earlier trace"));
    const table = element("table");
    for (const row of rows.slice(0, 40)) {
      const line = element("tr");
      line.append(element("td", data.timed ? duration(row[1 + (w === 1 ? 1 : 0)]) : ""), element("td", counted(row[3], "call", "calls")), element("td", row[0]));
      table.append(line);
    }
    section.append(table);
    if (more) section.append(element("p", `and ${counted(more, "smaller one", "smaller ones")}`));
  }

  function press(group, attribute, value) {
    for (const button of get(group).children) button.setAttribute("aria-pressed", String(button.dataset[attribute] === value));
  }

  function refresh() {
    press("views", "view", state.view);
    press("weights", "weight", state.weight);
    press("changes", "change", state.change);
    get("changes").hidden = !data.before || state.view !== "graph";
    for (const button of get("weights").children) button.disabled = state.view !== "graph" || (!data.timed && button.dataset.weight !== "calls");
    get("reset").disabled = state.view === "graph" ? state.zoomed === 0 : state.to - state.from >= end - begin;
    canvas.setAttribute("aria-label", state.view === "graph" ? "Flame graph" : "Timeline of calls");
    layOut();
    showLegend();
    showNotes();
    showVanished();
    showDetails();
    search();
  }

  function show(view) {
    if (view !== "graph" && view !== "timeline") return;
    if (state.view !== view) state.selected = -1;
    state.view = view;
    scroll.scrollTop = 0;
    refresh();
  }

  function weigh(weight) {
    if (!(weight in WEIGHTS)) return;
    state.weight = weight;
    refresh();
  }

  function compare(change) {
    if (change !== "amount" && change !== "share") return;
    state.change = change;
    refresh();
  }

  /* #view=timeline&weight=calls&search=price: what a link may ask for. */
  function readAddress() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    get("search").value = wanted.get("search") || "";
    weigh(data.timed ? wanted.get("weight") || state.weight : "calls");
    compare(wanted.get("change"));
    show(wanted.get("view") || state.view);
    const zoom = wanted.get("zoom");
    if (zoom && state.view === "graph") for (let node = 1; node < nodeCount; node++) if (nodeLabel(node) === zoom) return zoomTo(node);
    if (zoom && state.view === "timeline") for (let i = 0; i < slices.name.length; i++) if (sliceLabel(i) === zoom) return zoomIn(i);
  }

  function setPrinting(on) {
    get("paper").replaceChildren();
    readTheme(on);
    showLegend();
    if (on) drawSheets();
    else draw();
  }

  function start() {
    readTheme(false);
    readModules();
    readNodes();
    readSlices();
    get("title").textContent = data.title;
    const facts = [counted(data.calls, "call", "calls"), counted(tracks.length + data.tracks_left_out, "track", "tracks")];
    if (data.timed) facts.push(duration(data.duration_ns));
    get("summary").textContent = facts.join(" \u00b7 ") + (data.before ? " \u00b7 compared with an earlier trace" : "");
    get("views").addEventListener("click", (event) => show(event.target.dataset.view));
    get("weights").addEventListener("click", (event) => weigh(event.target.dataset.weight));
    get("changes").addEventListener("click", (event) => compare(event.target.dataset.change));
    get("reset").addEventListener("click", zoomOut);
    get("search").addEventListener("input", search);
    addEventListener("keydown", onKey);
    canvas.addEventListener("pointerdown", (event) => {
      drag = { x: event.clientX, from: state.from, to: state.to, moved: false };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", onMove);
    canvas.addEventListener("pointerup", onUp);
    canvas.addEventListener("pointercancel", () => (drag = null));
    canvas.addEventListener("pointerleave", (event) => showTip(event, -1));
    canvas.addEventListener("dblclick", (event) => at(event) >= 0 && zoomIn(at(event)));
    canvas.addEventListener("wheel", onWheel, { passive: false });
    scroll.addEventListener("scroll", redraw);
    addEventListener("resize", redraw);
    addEventListener("hashchange", readAddress);
    addEventListener("beforeprint", () => setPrinting(true));
    addEventListener("afterprint", () => setPrinting(false));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      readTheme(false);
      refresh();
    });
    readAddress();
    draw();
  }

  start();
})();
