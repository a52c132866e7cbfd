"use strict";
// What is foreign is only ever put into the page as text.
const page = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const pairs = page.of === "pairs";
const choices = pairs ? ["first", "second", "tie"] : [true, false, "partly"];
const steps = page.items.flatMap((item, place) =>
  pairs ? [[place, 0]] : item.points.map((_, point) => [place, point]));
const kept = "harness-marks-" + page.key;
let marks = steps.map(() => null);
let step = 0;

function say(name, facts) {
  return page.words[name].replace(/\{(\w+)\}/g, (whole, fact) => facts && fact in facts ? facts[fact] : whole);
}

function whole(place) {
  return steps.every(([item], index) => item !== place || marks[index] !== null);
}

function done() {
  return page.items.map((_, place) => place).filter(whole);
}

// How many further pairs decide, if they go on as those so far: [whether for the judge, how many],
// or null where more would be needed than the tables go to.
function further(n, lost, right, agree) {
  const scored = n - lost;
  for (let more = 0; n + more < page.accuracy.least.length; more++) {
    const all = n + more, of = scored + more;
    if (all < page.smoke) continue;
    const grown = (count) => scored ? Math.floor(count * of / scored + 0.5) : 0;
    const [good, same] = [grown(right), grown(agree)];
    if (good <= page.accuracy.most[of] || same <= page.orders.most[of]) return [false, more];
    if (good >= page.accuracy.least[of] && same >= page.orders.least[of] && lost <= page.unscored * all) return [true, more];
  }
  return null;
}

function outlook() {
  const own = done(), n = own.length;
  if (!pairs) return n < page.smoke ? say("mk_few", {count: page.smoke - n}) : say("mk_enough", {count: page.smoke});
  // Told in steps of ten, so that no single mark says whether the judge is of its opinion.
  const shown = own.slice(0, n - n % 10);
  if (shown.length < page.smoke) return say("mk_few", {count: page.smoke - n});
  const verdicts = shown.map((place) => page.items[place].verdict);
  const right = shown.filter((place) => choices[marks[place]] === page.items[place].verdict).length;
  const lost = verdicts.filter((one) => one === "none").length;
  const agree = verdicts.filter((one) => one !== "none" && one !== "split").length;
  const found = further(shown.length, lost, right, agree);
  if (found === null) return say("mk_far", {count: page.accuracy.least.length - 1 - n});
  const left = Math.max(0, found[1] - n % 10);
  return left ? say("mk_more", {count: left}) : say("mk_decided");
}

function put(parent, tag, text, kind) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (kind) made.className = kind;
  return parent.appendChild(made);
}

function show() {
  const [place, point] = steps[step], item = page.items[place], n = done().length;
  at("count").textContent = say("mk_count", {done: n, total: page.items.length, place: place + 1});
  at("bar").max = page.items.length;
  at("bar").value = n;
  at("more").textContent = outlook();
  at("question").textContent = item.instruction;
  at("covers").hidden = !item.points.length;
  at("points").replaceChildren();
  item.points.forEach((text, index) => {
    const line = put(at("points"), "li", text);
    if (pairs) return;
    const mark = marks[step - point + index];
    if (mark !== null) put(line, "span", " – " + page.words.choices[mark]);
    if (index === point) { line.setAttribute("aria-current", "step"); line.scrollIntoView({block: "nearest"}); }
  });
  at("answers").replaceChildren();
  for (const [head, text] of pairs ? [["mk_left", item.first], ["mk_right", item.second]] : [["mk_answer", item.answer]]) {
    const side = put(at("answers"), "section", "");
    put(side, "h2", say(head));
    put(side, "p", text, "text");
  }
  [...at("choices").children].forEach((button, index) => button.setAttribute("aria-pressed", marks[step] === index));
}

function go(to) {
  step = Math.min(steps.length - 1, Math.max(0, to));
  at("told").textContent = "";
  show();
  if (pairs || steps[step][1] === 0) document.querySelector("main").scrollTop = 0;
}

function keep() {
  try { localStorage.setItem(kept, JSON.stringify(marks)); } catch { at("told").textContent = say("mk_unkept"); }
}

function mark(choice) {
  const before = marks.includes(null);
  marks[step] = choice;
  const behind = marks.indexOf(null, step);
  go(behind < 0 && marks.includes(null) ? marks.indexOf(null) : behind < 0 ? step : behind);
  keep();
  if (before && !marks.includes(null)) save();
}

function rows() {
  return done().map((place) => {
    const {id, kind, instruction, points, first, second, answer} = page.items[place];
    if (pairs) return {id, instruction, first, second, better: choices[marks[place]], ...(points.length && {points}), kind};
    const from = steps.findIndex(([item]) => item === place);
    return {id, instruction, answer, points: points.map((point, index) => ({point, met: choices[marks[from + index]]})), kind};
  });
}

function save() {
  const found = rows();
  if (!found.length) { at("told").textContent = say("mk_nothing"); return; }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(found.map((row) => JSON.stringify(row) + "\n"), {type: "application/jsonl"}));
  link.download = page.file;
  link.click();
  URL.revokeObjectURL(link.href);
  at("told").textContent = say("mk_saved", {count: found.length, file: page.file});
}

function taken(row) {
  const place = page.items.findIndex((item) => item.id === row.id &&
    (pairs ? item.first === row.first && item.second === row.second : item.answer === row.answer));
  if (place < 0) return false;
  const given = pairs ? [row.better] : row.points.map((one) => one.met);
  const read = given.map((one) => choices.indexOf(one));
  const from = steps.findIndex(([item]) => item === place);
  if (read.includes(-1) || read.length !== (pairs ? 1 : page.items[place].points.length)) return false;
  read.forEach((choice, index) => { marks[from + index] = choice; });
  return true;
}

async function load() {
  const [file] = at("load").files;
  if (!file) return;
  let told;
  try {
    const lines = (await file.text()).split("\n").filter((line) => line.trim()).map((line) => JSON.parse(line));
    const count = lines.filter(taken).length;
    told = say("mk_loaded", {count, other: lines.length - count});
  } catch { told = say("mk_damaged"); }
  at("load").value = "";
  keep();
  go(Math.max(0, marks.indexOf(null)));
  at("told").textContent = told;
}

page.words.choices.forEach((word, index) => {
  const button = put(at("choices"), "button", "");
  button.type = "button";
  put(button, "kbd", String(index + 1));
  button.append(" " + word);
  button.addEventListener("click", () => mark(index));
});
at("back").addEventListener("click", () => go(step - 1));
at("on").addEventListener("click", () => go(step + 1));
at("save").addEventListener("click", save);
at("load").addEventListener("change", load);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  const doing = {1: () => mark(0), 2: () => mark(1), 3: () => mark(2), ArrowLeft: () => go(step - 1),
    Backspace: () => go(step - 1), ArrowRight: () => go(step + 1)}[event.key] || (event.code === "KeyS" && save);
  if (!doing) return;
  event.preventDefault();
  doing();
});
try {
  const found = JSON.parse(localStorage.getItem(kept));
  if (Array.isArray(found) && found.length === marks.length) {
    marks = found.map((one) => one !== null && one in choices ? one : null);
  }
} catch { /* A browser that keeps nothing: the file is what is kept. */ }
go(Math.max(0, marks.indexOf(null)));
