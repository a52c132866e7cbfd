"use strict";
// Everything foreign is put in by `textContent` alone.
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const HIDDEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\u034f\u115f\u1160\u2800\u3164\uffa0]/gu;
const PLAIN = new Set(["\n", "\t", "\u200c", "\u200d"]);
const ROW = 44;

function say(name, facts = {}) {
  return data.words[name].replace(/\{(\w+)\}/g, (_, fact) => String(facts[fact]));
}

function number(value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, "\u00a0");
}

// A text as it is, but for what hides, turns or commands, which is spelled out.
function shown(text) {
  return String(text).replace(HIDDEN, (char) =>
    PLAIN.has(char) ? char : `\\u{${char.codePointAt(0).toString(16)}}`);
}

function el(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null) made.setAttribute(name, value);
  }
  for (const child of children) {
    if (child === null || child === "") continue;
    made.append(child instanceof Node ? child : document.createTextNode(shown(child)));
  }
  return made;
}

// A text of the run by its place: whole, or with a word on what is not here.
function text(place, tag = "blockquote") {
  if (!place) return "";
  const left = place < 0 ? say("page_left_out") : data.cut[place] ?
    say("page_cut", { count: number(data.cut[place]) }) : "";
  const held = el(tag, { class: "foreign", dir: "auto" }, place < 0 ? "" : data.texts[place]);
  if (left) held.append(el("small", {}, ` ${left}`));
  return held;
}

function folded(title, place) {
  return place ? el("details", {}, el("summary", {}, title), text(place)) : "";
}

function options(select, pairs) {
  select.replaceChildren(...pairs.map(([value, name]) => el("option", { value }, name)));
}

function reveal(id) {
  byId(id).hidden = false;
  document.querySelector(`nav a[href="#${id}"]`).hidden = false;
}

function table(head, rows, title = null) {
  return el("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": title }, el("table", {},
    title === null ? null : el("caption", {}, title),
    el("thead", {}, el("tr", {}, ...head.map((cell) => el("th", { scope: "col" }, cell)))),
    el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map((cell) =>
      cell instanceof HTMLTableCellElement ? cell : el("td", {}, cell)))))));
}

// A list of which only the rows in sight are in the document; arrows, Home, End and pages move.
class List {
  constructor(root, name, row, choose) {
    Object.assign(this, { root, row, choose, items: [], at: -1, drawn: "" });
    this.tall = el("div", { class: "tall" });
    for (const [key, value] of Object.entries({ role: "listbox", tabindex: "0", "aria-label": name })) {
      root.setAttribute(key, value);
    }
    root.append(this.tall);
    root.addEventListener("scroll", () => this.draw());
    root.addEventListener("keydown", (event) => this.key(event));
    root.addEventListener("click", (event) => {
      const row = event.target.closest(".row");
      if (row) this.go(Number(row.dataset.at));
    });
    new ResizeObserver(() => this.draw()).observe(root);
  }

  show(items) {
    const kept = items.indexOf(this.items[this.at]);
    this.items = items;
    this.tall.style.height = `${items.length * ROW}px`;
    this.drawn = "";
    this.at = -1;
    this.root.scrollTop = 0;
    this.go(kept < 0 ? 0 : kept);
  }

  go(at) {
    this.at = Math.max(0, Math.min(at, this.items.length - 1));
    const top = this.at * ROW, height = this.root.clientHeight;
    if (top < this.root.scrollTop) this.root.scrollTop = top;
    if (top + ROW > this.root.scrollTop + height) this.root.scrollTop = top + ROW - height;
    this.drawn = "";
    this.draw();
    this.choose(this.items.length ? this.items[this.at] : null);
  }

  draw() {
    const first = Math.max(0, Math.floor(this.root.scrollTop / ROW) - 4);
    const last = Math.min(this.items.length, first + Math.ceil(this.root.clientHeight / ROW) + 8);
    if (this.drawn === `${first} ${last}`) return;
    this.drawn = `${first} ${last}`;
    const rows = [];
    for (let at = first; at < last; at++) {
      const row = el("div", {
        class: "row", role: "option", id: `${this.root.id}-${at}`, "aria-selected": at === this.at,
        "aria-setsize": this.items.length, "aria-posinset": at + 1, "data-at": at,
      }, ...this.row(this.items[at]));
      row.style.top = `${at * ROW}px`;
      rows.push(row);
    }
    this.root.replaceChildren(this.tall, ...rows);
    if (this.items.length) this.root.setAttribute("aria-activedescendant", `${this.root.id}-${this.at}`);
    else this.root.removeAttribute("aria-activedescendant");
  }

  key(event) {
    const page = Math.max(1, Math.floor(this.root.clientHeight / ROW) - 1);
    const to = { ArrowDown: this.at + 1, ArrowUp: this.at - 1, PageDown: this.at + page,
      PageUp: this.at - page, Home: 0, End: this.items.length - 1 }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.go(to);
  }
}

// Small letters of all texts, made once; a search tells which texts hold what is sought.
let small = null;
function holding(sought) {
  small ??= data.texts.map((one) => one.toLowerCase());
  return small.map((one) => one.includes(sought));
}

const OUTCOMES = {
  any: () => true,
  most: (set, at) => set.wrong[at] * 2 > set.asked[at],
  wrong: (set, at, cells) => cells.some((cell) => cell.right[at] === "0"),
  right: (set, at, cells) => cells.every((cell) => cell.right[at] === "1" || cell.right[at] === "."),
  unscored: (set, at, cells) => cells.some((cell) => cell.right[at] === "u"),
  flipped: (set, at, cells) => cells.some((cell) => cell.lostAt.has(at) || cell.wonAt.has(at)),
  lost: (set, at, cells) => cells.some((cell) => cell.lostAt.has(at)),
  won: (set, at, cells) => cells.some((cell) => cell.wonAt.has(at)),
};

function prepare(set) {
  set.wrong = new Uint16Array(set.ids.length);
  set.asked = new Uint16Array(set.ids.length);
  for (const cell of set.cells) {
    cell.lostAt = new Map(cell.lost ?? []);
    cell.wonAt = new Map(cell.won ?? []);
    for (let at = 0; at < set.ids.length; at++) {
      if (cell.right[at] === "0") set.wrong[at] += 1;
      if (cell.right[at] !== ".") set.asked[at] += 1;
    }
  }
}

function samples() {
  const set = () => data.sets[Number(byId("set").value)];
  const control = (id) => byId(id).value;
  const any = () => ["", say("page_any")];

  const list = new List(byId("list"), say("page_samples"), (at) => {
    const one = set();
    const wrong = one.wrong[at];
    return [
      el("div", {}, el("span", {}, one.ids[at]), el("span", { class: "faint" }, one.labels[one.targets[at]]),
        el("span", { class: `end ${wrong * 2 > one.asked[at] ? "wrong" : wrong ? "open" : "right"}` },
          say("page_wrong_in", { wrong, cells: one.asked[at] }))),
      el("div", { class: "text", dir: "auto" }, (data.texts[one.texts[at]] ?? "").slice(0, 300).replace(/\s+/g, " ")),
    ];
  }, (at) => byId("detail").replaceChildren(...(at === null ? [el("p", {}, say("page_none"))] : detail(set(), at))));

  function fill() {
    const one = set();
    options(byId("cell"), [["", say("page_all_cells")], ...one.cells.map((cell, at) => [at, cell.name])]);
    options(byId("label"), [any(), ...one.labels.map((label, at) => [at, label])]);
    options(byId("slice"), [any(), ...Object.entries(one.slices).flatMap(([column, held]) =>
      held.values.map((value, at) => [JSON.stringify([column, at]), `${column} = ${value || "–"}`]))]);
    const compared = one.cells.some((cell) => cell.lost);
    byId("slice").parentElement.hidden = !Object.keys(one.slices).length;
    options(byId("outcome"), Object.keys(OUTCOMES)
      .filter((name) => compared || !["flipped", "lost", "won"].includes(name))
      .map((name) => [name, say(`page_is_${name}`)]));
  }

  function filter() {
    const one = set();
    const cells = control("cell") === "" ? one.cells : [one.cells[Number(control("cell"))]];
    const outcome = OUTCOMES[control("outcome")];
    const label = control("label") === "" ? -1 : Number(control("label"));
    const [column, value] = control("slice") === "" ? [null, 0] : JSON.parse(control("slice"));
    const shortest = Number(control("shortest") || 0), longest = Number(control("longest") || Infinity);
    const sought = control("search").toLowerCase();
    const held = sought ? holding(sought) : [];
    const found = [];
    for (let at = 0; at < one.ids.length; at++) {
      if (label >= 0 && one.targets[at] !== label) continue;
      if (column !== null && one.slices[column].of[at] !== value) continue;
      if (one.lengths[at] < shortest || one.lengths[at] > longest) continue;
      if (!cells.some((cell) => cell.right[at] !== ".") || !outcome(one, at, cells)) continue;
      if (sought && !held[one.texts[at]] && !one.ids[at].toLowerCase().includes(sought) &&
        !cells.some((cell) => held[cell.said?.[at]] || held[cell.thoughts?.[at]])) continue;
      found.push(at);
    }
    const order = control("order");
    if (order === "wrong") found.sort((a, b) => one.wrong[b] - one.wrong[a] || a - b);
    if (order === "longest") found.sort((a, b) => one.lengths[b] - one.lengths[a] || a - b);
    if (order === "shortest") found.sort((a, b) => one.lengths[a] - one.lengths[b] || a - b);
    byId("count").textContent = say("page_count", { shown: number(found.length), total: number(one.ids.length) });
    list.show(found);
  }

  options(byId("set"), data.sets.map((one, at) => [at, one.name]));
  options(byId("order"), ["data", "wrong", "longest", "shortest"].map((name) => [name, say(`page_by_${name}`)]));
  byId("set").parentElement.hidden = data.sets.length < 2;
  data.sets.forEach(prepare);
  fill();
  filter();
  const form = document.querySelector("#samples form");
  form.addEventListener("input", (event) => {
    if (event.target.id === "set") fill();
    filter();
  });
  form.addEventListener("reset", () => setTimeout(() => { fill(); filter(); }));
  form.addEventListener("submit", (event) => event.preventDefault());
  reveal("samples");
}

function detail(set, at) {
  const facts = [set.labels[set.targets[at]], say("page_characters", { count: number(set.lengths[at]) }),
    ...Object.entries(set.slices).map(([column, held]) => `${column} = ${held.values[held.of[at]] || "–"}`)];
  const has = (column) => set.cells.some((cell) => cell[column]);
  const columns = ["answers", "calibrated", "odds", "said"].filter(has);
  const rows = set.cells.filter((cell) => cell.right[at] !== ".").map((cell) => {
    const mark = { 1: ["right", "✓"], 0: ["wrong", "✗"], u: ["open", "–"] }[cell.right[at]];
    const before = cell.lostAt.has(at) ? cell.lostAt.get(at) : cell.wonAt.get(at);
    const flip = before === undefined ? null : el("small", {}, " ", say("page_before",
      { answer: shown(before === null ? "–" : set.labels[before]) }));
    const held = {
      answers: () => label(set, cell.answers?.[at]),
      calibrated: () => label(set, cell.calibrated?.[at]),
      odds: () => cell.odds?.[at] ?? "",
      said: () => el("td", { class: "foreign" }, text(cell.said?.[at], "span"),
        folded(say("page_thought"), cell.thoughts?.[at]), text(cell.reasons?.[at], "small")),
    };
    if (!columns.includes("said") && (cell.reasons?.[at] || cell.thoughts?.[at])) {
      held.answers = () => el("td", {}, label(set, cell.answers?.[at]), " ", text(cell.reasons?.[at], "small"),
        folded(say("page_thought"), cell.thoughts?.[at]));
    }
    return [el("th", { scope: "row" }, cell.name),
      el("td", { class: mark[0] }, el("span", { "aria-hidden": "true" }, mark[1]), " ", say(`page_mark_${mark[0]}`), flip),
      ...columns.map((column) => held[column]())];
  });
  return [
    el("h3", {}, set.ids[at]),
    el("p", { class: "faint" }, facts.join(" · ")),
    text(set.texts[at]),
    table([say("page_cell"), "", ...columns.map((column) => say(`page_${column}`))], rows, say("page_all_answers")),
  ];
}

function label(set, place) {
  return place === null || place === undefined ? "–" : set.labels[place];
}

function prompts() {
  const several = data.sets.length > 1;
  options(byId("prompted"), data.prompts.map((one, at) => [at, several ? `${one.set} · ${one.cell}` : one.cell]));
  const draw = () => byId("prompt").replaceChildren(...prompted(data.prompts[Number(byId("prompted").value)]));
  byId("prompted").addEventListener("input", draw);
  document.querySelector("#prompts form").addEventListener("submit", (event) => event.preventDefault());
  draw();
  reveal("prompts");
}

// A prompt token by token, its own marks apart from what hides in it.
function prompted(one) {
  const facts = el("p", { class: "faint" }, `${one.sample} · ${say("page_tokens", { count: number(one.tokens) })}`);
  if (!one.pieces) return [facts, el("p", {}, say("page_left_out"))];
  const pieces = one.pieces.map((piece, at) => el("span",
    { class: `token${at % 2 ? " odd" : ""}${piece.includes("\n") ? " break" : ""}`, title: one.ids[at] }, piece));
  if (one.left_out) {
    pieces.splice(one.place, 0, el("em", {}, ` … ${say("page_tokens_left_out", { count: number(one.left_out) })} … `));
  }
  return [facts, el("div", { class: "foreign", dir: "auto" }, ...pieces)];
}

const RULED = {
  any: () => true,
  unscored: (answer) => answer.score === null && answer.share === null,
  missed: (answer) => answer.points.some(([, points]) => points.some((one) => one.value === 0)),
  lost: (answer) => answer.pairs.some(([, , points]) => points === 0),
};

function judged() {
  const several = new Set(data.probes.map((one) => one.set)).size > 1;
  let model = "", ruled = RULED.any;
  const fits = (answer) => (model === "" || answer.model === model) && ruled(answer);
  const list = new List(byId("probes"), say("page_probes"), (probe) => [
    el("div", {}, el("span", {}, several ? `${probe.set} · ${probe.id}` : probe.id),
      el("span", { class: "faint end" }, probe.kind)),
    el("div", { class: "text", dir: "auto" }, data.texts[probe.question] ?? ""),
  ], (probe) => byId("probe").replaceChildren(...(probe ? probeDetail(probe, probe.answers.filter(fits)) :
    [el("p", {}, say("page_none"))])));

  function filter() {
    const sought = byId("search-judged").value.toLowerCase();
    const held = sought ? holding(sought) : [];
    const said = (one) => held[one.reason] || held[one.thought];
    model = byId("model").value;
    ruled = RULED[byId("ruled").value];
    const found = data.probes.filter((probe) => probe.answers.some(fits) && (!sought ||
      held[probe.question] || probe.turns.some((one) => held[one]) || probe.id.toLowerCase().includes(sought) || probe.points.some((one) => held[one]) ||
      probe.answers.some((answer) => fits(answer) && (held[answer.text] || answer.earlier.some((one) => held[one]) || held[answer.thought] ||
        answer.rulings.some(([, one]) => said(one)) || answer.points.some(([, points]) => points.some((one) => held[one.quote])) ||
        answer.pairs.some((pair) => said(pair[3]) || said(pair[4]))))));
    byId("count-judged").textContent = say("page_count_probes",
      { shown: number(found.length), total: number(data.probes.length) });
    list.show(found);
  }

  const models = [...new Set(data.probes.flatMap((probe) => probe.answers.map((answer) => answer.model)))];
  options(byId("model"), [["", say("page_any")], ...models.map((one) => [one, one])]);
  options(byId("ruled"), Object.keys(RULED).map((name) => [name, say(`page_ruled_${name}`)]));
  const form = document.querySelector("#judged form");
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  filter();
  reveal("judged");
}

function probeDetail(probe, answers) {
  const points = probe.points.map((place, at) => el("li", {}, text(place, "span"),
    probe.weights.length && probe.weights[at] !== 1 ? ` (${say("page_weight", { weight: probe.weights[at] })})` : ""));
  const rounds = [...new Set(answers.map((answer) => answer.number))].sort((a, b) => a - b);
  return [
    el("h3", {}, probe.id), ...asked(probe),
    points.length ? el("h3", {}, say("page_points")) : "", el("ol", {}, ...points),
    ...rounds.flatMap((round) => [
      el("h3", {}, say("page_round", { number: round + 1 })),
      el("div", { class: "answers" }, ...answers.filter((answer) => answer.number === round).map((one) => answered(probe, one))),
    ]),
  ].filter((one) => one !== "");
}

function asked(probe) {
  const turn = (place, at) => [el("p", { class: "faint" }, say(!place ? "j_own" : at % 2 ? "j_assistant" : "j_user")), text(place)];
  const turns = probe.turns.flatMap(turn);
  return [...turns, turns.length ? el("p", { class: "faint" }, say("j_user")) : "", text(probe.question)];
}

// The answers of the model's own earlier in a dialogue, then the one that was judged.
function said(probe, answer) {
  const numbers = [...probe.turns.keys()].filter((at) => !probe.turns[at]).map((at) => Math.floor(at / 2) + 1);
  const parts = answer.earlier.flatMap((place, at) =>
    [el("p", { class: "faint" }, say("j_earlier", { number: numbers[at] })), text(place)]);
  if (parts.length) parts.push(el("p", { class: "faint" }, say("j_last")));
  return [...parts, text(answer.text)];
}

function answered(probe, answer) {
  const facts = [answer.score === null ? null : say("page_score", { score: answer.score }),
    answer.share === null ? null : say("page_share", { share: answer.share }),
    answer.cut ? say("page_was_cut", { count: number(answer.tokens) }) : null];
  return el("section", { "aria-label": answer.model },
    el("p", {}, el("strong", {}, answer.model), " ", facts.filter((one) => one !== null).join(" · ")),
    answer.problem ? el("p", { class: "open" }, answer.problem) : null,
    folded(say("page_thought"), answer.thought),
    ...said(probe, answer),
    el("ul", {}, ...answer.rulings.map(([judge, one]) => ruling(judge, one, one.value)),
      ...answer.points.map(([judge, own]) => el("li", {}, el("strong", {}, judge), el("ol", {}, ...own.map(pointRuling)))),
      ...answer.pairs.map(([judge, against, points, forward, backward]) => el("li", {},
        el("strong", {}, judge), " ", say("page_against", { model: shown(against) }), " ",
        say(points === null ? "page_pair_none" : points === 1 ? "page_pair_won" : points === 0 ? "page_pair_lost" : "page_pair_even"),
        el("ul", {}, ruling(say("page_first"), forward, forward.choice), ruling(say("page_second"), backward, backward.choice))))));
}

function ruling(judge, one, value) {
  return el("li", {}, el("strong", {}, judge), value === null ? "" : ` ${value}`, " ", text(one.reason, "span"),
    one.problem ? el("span", { class: "open" }, one.problem) : null, folded(say("page_thought"), one.thought));
}

function pointRuling(one) {
  const [kind, mark, word] = one.value === null ? ["open", "–", "page_mark_open"] : one.value === 1 ? ["right", "✓", "page_met"] :
    one.value === 0 ? ["wrong", "✗", "page_not_met"] : ["open", "½", "page_partly"];
  return el("li", {}, el("span", { class: kind }, el("span", { "aria-hidden": "true" }, mark), " ", say(word)), " ",
    text(one.quote, "q"), one.quote > 0 && !one.found ? el("small", {}, ` ${say("page_not_found")}`) : null,
    one.problem ? el("small", {}, ` ${one.problem}`) : null);
}

function rest() {
  byId("verdict").textContent = shown(data.verdict);
  byId("about").textContent = data.about.map(shown).join(" · ");
  const notes = [data.no_texts ? say("page_no_texts") : "",
    data.left_out ? say("page_texts_left_out", { count: number(data.left_out) }) : ""];
  byId("notes").textContent = notes.filter(Boolean).join(" ");
  for (const one of data.tables) {
    byId("cells").append(el("div", { class: "tables" }, table(one.head, one.rows, one.title)),
      el("ul", {}, ...one.lines.map((line) => el("li", {}, line))));
    reveal("cells");
  }
  for (const kind of data.plots) {
    for (const one of kind.pictures) {
      const picture = el("img", { alt: shown(one.alt), loading: "lazy", decoding: "async" });
      picture.src = one.source;
      byId("plots").append(el("figure", {}, picture, el("figcaption", { class: "faint" }, kind.note)));
      reveal("plots");
    }
  }
  if (data.gates.length) {
    byId("gates").append(el("ul", {}, ...data.gates.map((line) => el("li", {}, line))));
    reveal("gates");
  }
  byId("theme").addEventListener("click", () => {
    const root = document.documentElement.style;
    const dark = root.colorScheme ? root.colorScheme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.colorScheme = dark ? "light" : "dark";
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target.matches("input, select")) return;
    event.preventDefault();
    byId(data.sets.length ? "search" : "search-judged").focus();
  });
  for (const [search, list] of [["search", "list"], ["search-judged", "probes"]]) {
    byId(search).addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" || event.key === "Enter") { event.preventDefault(); byId(list).focus(); }
    });
  }
}

rest();
if (data.sets.length) samples();
if (data.prompts.length) prompts();
if (data.probes.length) judged();
