// Fields of a page that computes, and what is drawn and told from them; the laws come from translation.py.

// A calculator and a what-if panel are both a box with a description of its parameters in it.
document.querySelectorAll(".calculator:not([data-ready])").forEach((box) => {
  box.dataset.ready = "";
  start(box, JSON.parse(box.querySelector(".description").textContent));
});

function start(box, told) {
  const find = (name) => box.querySelector("." + name);
  const fields = new Map(Array.from(box.querySelectorAll("[data-name]")).map((f) => [f.dataset.name, f]));
  const sliders = new Map(Array.from(box.querySelectorAll("[data-slides]")).map((f) => [f.dataset.slides, f]));
  const lists = study.work();
  let reference = { ...told.start }, values = { ...told.start }, speaking = 0, before = null;

  // What a field may hold, in the words of the command line; null stands for a value left to a preset.
  function read(name, text) {
    const of = told.parameters[name];
    if (of.choices) return of.choices.includes(text) ? text : undefined;
    if (text.trim() === "") return of.empty ? null : undefined;
    const value = Number(text.trim().replace(",", "."));
    const allowed = value >= of.low && value <= of.high && (!of.whole || Number.isInteger(value));
    return allowed && (value === 0 || value >= of.least) ? value : undefined;
  }

  // The scenario as the laws take it: words as codes, a host's factors applied, as factors.py does for tables.
  function scenario(given) {
    const p = {};
    for (const [name, of] of Object.entries(told.parameters)) {
      const value = name in given ? given[name] : of.default;
      p[name] = of.choices ? of.choices.indexOf(value) : value === null ? NaN : value;
    }
    if ("working_set_gib" in told.factors && !("working_set_gib" in given)) p.working_set_gib = p.memory_gib * p.resident_share;
    for (const [name, factor] of Object.entries(told.factors)) {
      p[name] = Math.min(Math.max(p[name] * factor, told.parameters[name].low), told.parameters[name].high);
    }
    return p;
  }

  const migrated = (given) => study.follow(scenario(given), lists);
  const plain = (text) => text.replaceAll("**", "");
  const words = (value) => (typeof value === "string" ? value.replaceAll("_", " ") : value ? "yes" : "no");
  const shown = (value, unit) => (typeof value !== "number" ? words(value) : unit === "s" ? study.duration(value) : `${study.number(value, 4)} ${unit}`.trim());

  function cell(row, text, head) {
    const made = document.createElement(head ? "th" : "td");
    made.textContent = text;
    if (head) made.scope = "row";
    row.append(made);
  }

  function fill(body, rows) {
    body.replaceChildren(...rows.map((cells) => {
      const row = document.createElement("tr");
      cells.forEach((text, i) => cell(row, text, i === 0));
      return row;
    }));
  }

  function outcomes(now, before) {
    fill(find("outcomes"), told.outcomes.map(([name, label, unit]) => {
      const [a, b] = [now.outcome[name], before.outcome[name]];
      const ratio = typeof a === "number" && Number.isFinite(a) && Number.isFinite(b) && b !== 0 ? a / b : NaN;
      const differs = a === b ? "" : Number.isNaN(ratio) ? "other" : `${study.number(ratio, 3)} times`;
      return [label, shown(a, unit), shown(b, unit), differs];
    }));
  }

  function passes(now) {
    fill(find("passes"), now.passes.map((p) => [String(p.number), study.duration(p.start_s), study.duration(p.duration_s), study.size(p.sent_gib), study.size(p.dirtied_gib[p.dirtied_gib.length - 1])]));
  }

  // Values of a parameter around the case's own: its whole range for shares, decades elsewhere.
  function around(name, count) {
    const of = told.parameters[name], here = values[name] === null || values[name] === undefined ? told.sliders[name][0] : values[name];
    const stops = told.sliders[name].filter((stop) => typeof stop === "number");
    // Decades begin at the least value that is something.
    const first = stops[0] === 0 && here > 0 && stops[stops.length - 1] / stops[1] >= 20 ? stops[1] : stops[0];
    const low = Math.max(of.low, Math.min(here, first)), high = Math.min(of.high, Math.max(here, stops[stops.length - 1]));
    const even = low <= 0 || high / low < 20;
    let found = Array.from({ length: count }, (_, i) => (even ? low + ((high - low) * i) / (count - 1) : low * Math.pow(high / low, i / (count - 1))));
    if (of.whole) found = found.map(Math.round);
    return [...new Set([...found, here])].sort((a, b) => a - b);
  }

  function draw_curve(name) {
    const over = around(name, told.points), ended = over.map((value) => study.migrated(scenario({ ...values, [name]: value }), lists));
    const title = told.parameters[name].label;
    const here = values[name] === null || values[name] === undefined ? 0 : over.indexOf(values[name]);
    find("curve").innerHTML = study.curve(over, ended.map((o) => o.total_s), ended.map((o) => o.blackout_s), here, title);
  }

  function address() {
    const differ = Object.entries(values).filter(([name, value]) => name in told.parameters && value !== told.start[name]);
    return differ.map(([name, value]) => `${name}=${value === null ? "" : encodeURIComponent(value)}`).join("&");
  }

  function as_command() {
    const given = Object.entries(values).filter(([name, value]) => value !== null && value !== told.parameters[name].default);
    const options = given.map(([name, value]) => `--${name.replaceAll("_", "-")} ${value}`);
    return ["python -m analysis predict", ...(told.host ? [`--host ${told.host}`] : []), ...options].join(" ");
  }

  function as_yaml() {
    const given = Object.entries(values).filter(([name, value]) => value !== null && value !== told.parameters[name].default);
    const lines = given.map(([name, value]) => `    ${name}: ${value}`);
    return ["scenarios:", "  mine:", ...lines].join("\n") + (lines.length ? "" : " {}") + "\n";
  }

  function redraw() {
    const now = migrated(values), told_now = plain(study.answer(now));
    find("told").textContent = told_now;
    if (find("picture")) find("picture").innerHTML = study.picture(now, told.style);
    if (find("outcomes")) {
      before ??= migrated(reference);
      outcomes(now, before);
    }
    if (find("passes")) passes(now);
    if (find("curve")) draw_curve(find("over") ? find("over").value : told.over);
    if (find("command")) find("command").value = as_command();
    if (find("yaml")) find("yaml").value = as_yaml();
    box.querySelectorAll(".field").forEach((f) => {
      const need = told.needs[f.dataset.field];
      f.classList.toggle("idle", Boolean(need) && values[need[0]] !== need[1]);
    });
    // A reader of screens hears the new answer once it stands, not each step of a slider.
    clearTimeout(speaking);
    speaking = setTimeout(() => { find("spoken").textContent = told_now; }, 600);
  }

  function put(name) {
    const value = values[name], field = fields.get(name), slider = sliders.get(name);
    if (field) field.value = value === null ? "" : String(value);
    if (field) field.removeAttribute("aria-invalid");
    if (slider) {
      const stops = told.sliders[name], at = stops.map((stop) => Math.abs(Math.log((Number(stop) + 1e-9) / (Number(value) + 1e-9))));
      slider.value = String(at.indexOf(Math.min(...at)));
      slider.setAttribute("aria-valuetext", value === null ? "by preset" : String(value));
    }
  }

  function set(name, value) {
    values[name] = value;
    find("note").textContent = "";
    if (find("command")) history.replaceState(null, "", "#" + address());
    redraw();
  }

  fields.forEach((field, name) => {
    field.addEventListener("input", () => {
      const value = read(name, field.value);
      field.setAttribute("aria-invalid", String(value === undefined));
      if (value === undefined) { find("note").textContent = `${told.parameters[name].label}: ${told.parameters[name].rule}.`; return; }
      set(name, value);
      const slider = sliders.get(name);
      if (slider) { const text = field.value; put(name); field.value = text; }
    });
    field.addEventListener("change", () => put(name));
  });
  sliders.forEach((slider, name) => slider.addEventListener("input", () => { set(name, told.sliders[name][Number(slider.value)]); put(name); }));

  const on = (name, does) => { const part = find(name); if (part) part.addEventListener(part.tagName === "BUTTON" ? "click" : "input", () => does(part)); };
  function all_set() { Object.keys(told.parameters).forEach((name) => { if (name in values) put(name); }); redraw(); }
  on("over", redraw);
  on("preset", (menu) => {
    if (menu.value) values = { ...values, ...told.preset_defaults, ...told.presets[menu.value] };
    all_set();
  });
  on("search", (field) => {
    const words = field.value.toLowerCase();
    box.querySelectorAll(".field").forEach((f) => { f.hidden = !f.textContent.toLowerCase().includes(words) && !f.dataset.field.includes(words.replaceAll(" ", "_")); });
    box.querySelectorAll("details.group").forEach((g) => { g.open = words !== "" && g.querySelector(".field:not([hidden])") !== null; });
  });
  on("keep", () => { reference = { ...values }; before = null; find("note").textContent = "This case is the reference now."; redraw(); });
  on("restart", () => { values = { ...told.start }; reference = { ...told.start }; before = null; history.replaceState(null, "", "#"); all_set(); });
  box.querySelectorAll("[data-copies]").forEach((button) => button.addEventListener("click", () => {
    const from = find(button.dataset.copies);
    from.select();
    const done = () => { find("note").textContent = "Copied."; };
    if (navigator.clipboard) navigator.clipboard.writeText(from.value).then(done, () => { document.execCommand("copy"); done(); });
    else { document.execCommand("copy"); done(); }
  }));

  // A case that was sent on: name=value pairs behind the address; what is none is told and left out.
  function from_address() {
    const refused = [];
    values = { ...told.start };
    for (const [name, text] of new URLSearchParams(location.hash.slice(1))) {
      const value = Object.hasOwn(told.parameters, name) ? read(name, text) : undefined;
      if (value === undefined) refused.push(name);
      else values[name] = value;
    }
    all_set();
    if (refused.length) find("note").textContent = `Not understood in the address, and left out: ${refused.join(", ")}.`;
  }

  box.hidden = false;
  box.querySelectorAll(".live").forEach((part) => { part.hidden = false; });
  if (find("command")) { from_address(); addEventListener("hashchange", from_address); }
  else all_set();
}
