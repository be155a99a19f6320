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
  let reference = { ...told.start }, values = { ...told.start }, before = null, now = null;
  // In a report the address is the case's, and the answer at the top the run's; JupyterLab has its own of both.
  const report = document.body.matches(".jp-Notebook") && document.querySelector(".calculator") === box;
  const of_run = report && box.matches(".whole") && document.querySelector("section.answer");
  let speaks = false, speaking = 0, remembering = 0, drawing = 0;

  // --- values ---

  const usual = (name) => (name in told.usual ? told.usual[name] : told.parameters[name].default);
  const valued = (name, of = values) => (name in of ? of[name] : usual(name));

  // What a field may hold, in the words of the command line; null stands for a value left to a preset.
  function read(name, text) {
    const of = told.parameters[name], plain = text.trim();
    if (of.choices) return of.choices.includes(plain) ? plain : undefined;
    if (plain === "" || plain === "none") return of.empty ? null : undefined;
    const bare = of.unit && plain.endsWith(of.unit) ? plain.slice(0, -of.unit.length).trim() : plain;
    const value = bare === "inf" ? Infinity : twofold(bare) || bare === "" ? NaN : Number(bare.replace(",", "."));
    const allowed = value >= of.low && value <= of.high && (!of.whole || Number.isInteger(value));
    const kept = (value === 0 || value >= of.least) && (value <= of.most || value === Infinity);
    return allowed && kept ? value : undefined;
  }

  // 150,000 is a hundred and fifty thousand to some and a hundred and fifty to others.
  const twofold = (text) => /^\d{1,3}(,\d{3})+$/.test(text);
  const refusal = (name, text) => twofold(text.trim())
    ? `${text.trim()} can be read in two ways: write ${text.trim().replaceAll(",", "")}, or a point for a fraction.`
    : `${told.parameters[name].label}: ${told.parameters[name].rule}.`;

  // The scenario as the laws take it: words as codes, a host's factors applied, as factors.py does for tables.
  function scenario(given) {
    const p = {};
    for (const [name, of] of Object.entries(told.parameters)) {
      const value = valued(name, given);
      p[name] = of.choices ? of.choices.indexOf(value) : value === null ? NaN : value;
    }
    if ("working_set_gib" in told.factors && !("working_set_gib" in given)) p.working_set_gib = p.memory_gib * p.resident_share;
    for (const [name, factor] of Object.entries(told.factors)) {
      p[name] = Math.min(Math.max(p[name] * factor, told.parameters[name].low), told.parameters[name].high);
    }
    return p;
  }

  // --- what is shown ---

  const migrated = (given) => study.follow(scenario(given), lists);
  const plain = (text) => text.replaceAll("**", "");
  const words = (value) => (typeof value === "string" ? value.replaceAll("_", " ") : value ? "yes" : "no");
  const shown = (value, unit) => (typeof value !== "number" ? words(value) : unit === "s" ? study.duration(value) : `${study.number(value, 4)} ${unit}`.trim());
  // What is folded away is made once, and again when it is opened.
  const open = (part) => part.closest("details:not([open])") === null;
  const due = (part) => open(part) || !(part.rows ? part.rows.length : part.value || part.innerHTML);

  // The text of a table's cells; rows and cells are made once and filled anew.
  function fill(body, rows) {
    while (body.rows.length > rows.length) body.deleteRow(-1);
    rows.forEach((cells, r) => {
      const row = body.rows[r] || body.insertRow();
      cells.forEach((text, i) => {
        if (!row.cells[i]) {
          row.append(document.createElement(i ? "td" : "th"));
          if (!i) row.cells[i].scope = "row";
        }
        if (row.cells[i].textContent !== text) row.cells[i].textContent = text;
      });
    });
  }

  function outcomes() {
    fill(find("outcomes"), told.outcomes.map(([name, label, unit]) => {
      const [a, b] = [now.outcome[name], before.outcome[name]];
      const ratio = typeof a === "number" && Number.isFinite(a) && Number.isFinite(b) && b !== 0 ? a / b : NaN;
      const differs = a === b ? "" : Number.isNaN(ratio) ? "other" : `${study.number(ratio, 3)} times`;
      return [label, shown(a, unit), shown(b, unit), differs];
    }));
  }

  function passes() {
    fill(find("passes"), now.passes.map((p) => [String(p.number), study.duration(p.start_s), study.duration(p.duration_s), study.size(p.sent_gib), study.size(p.dirtied_gib[p.dirtied_gib.length - 1])]));
  }

  // Values of a parameter around the case's own: its whole range for shares, decades elsewhere.
  function around(name, count) {
    const of = told.parameters[name], own = valued(name), here = own !== null && Number.isFinite(own) ? [own] : [];
    const stops = told.sliders[name].filter((stop) => typeof stop === "number"), last = stops[stops.length - 1];
    // Decades begin at the least value that is something.
    const first = stops[0] === 0 && own > 0 && last / stops[1] >= 20 ? stops[1] : stops[0];
    const low = Math.max(of.low, Math.min(first, ...here)), high = Math.min(of.high, Math.max(last, ...here));
    const even = low <= 0 || high / low < 20;
    let found = Array.from({ length: count }, (_, i) => (even ? low + ((high - low) * i) / (count - 1) : low * Math.pow(high / low, i / (count - 1))));
    if (of.whole) found = found.map(Math.round);
    return [...new Set([...found, ...here])].sort((a, b) => a - b);
  }

  function draw_curve(name) {
    const over = around(name, told.points), ended = over.map((value) => study.migrated(scenario({ ...values, [name]: value }), lists));
    const title = told.parameters[name].label;
    find("curve").innerHTML = study.curve(over, ended.map((o) => o.total_s), ended.map((o) => o.blackout_s), over.indexOf(valued(name)), title);
  }

  // Pictures come with the next frame, one for however many changes came before it.
  function draw() {
    drawing = 0;
    if (due(find("picture"))) find("picture").innerHTML = study.picture(now, "");
    draw_curve(find("over").value);
  }

  function redraw() {
    now = migrated(values);
    before ??= migrated(reference);
    const answer = plain(study.answer(now)), differs = study.compared(now, before);
    find("told").textContent = answer;
    find("compared").textContent = differs;
    if (of_run) of_run.classList.toggle("of-run", address() !== "");
    if (due(find("outcomes"))) outcomes();
    if (due(find("passes"))) passes();
    if (due(find("command"))) {
      find("command").value = as_command();
      find("yaml").value = as_yaml();
    }
    drawing ||= requestAnimationFrame(draw);
    // A reader of screens hears a new answer once it stands, not each step of a slider.
    clearTimeout(speaking);
    if (speaks) speaking = setTimeout(() => { find("spoken").textContent = `${answer} ${differs}`.trim(); }, 600);
  }

  // What depends on words: fields that do nothing are quiet, a stop rule says what it leaves open and its source.
  function quieten() {
    box.querySelectorAll(".field").forEach((f) => {
      const need = told.needs[f.dataset.field];
      f.classList.toggle("idle", Boolean(need) && valued(need[0]) !== need[1]);
    });
    const rule = told.rules[valued("stop_rule")];
    ["pass_limit", "blackout_target_ms"].forEach((name) => { if (fields.has(name)) fields.get(name).placeholder = rule[name]; });
    const meaning = document.getElementById("calc-stop_rule-help");
    if (meaning) meaning.textContent = `${told.parameters.stop_rule.meaning}. ${rule.source}`;
  }

  // --- the case as text ---

  const differing = (of) => Object.keys(told.parameters).filter((name) => valued(name) !== of(name));
  const written = (value, none) => (value === null ? none : value === Infinity ? "inf" : String(value));
  const option = (name) => `--${name.replaceAll("_", "-")} ${written(valued(name), "nan")}`;
  const address = () => differing((name) => valued(name, told.start)).map((name) => `${name}=${written(values[name], "")}`).join("&");
  const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`);

  function as_command() {
    return ["python -m analysis predict", ...(told.host ? [`--host ${quoted(told.host)}`] : []), ...differing(usual).map(option)].join(" ");
  }

  // Every line of the explorer's notebook, since its own values are others than the study's defaults.
  function as_yaml() {
    const others = differing(usual).filter((name) => !told.lines.includes(name)).map(option).join(" ");
    const lines = told.lines.map((name) => `    ${name}: ${written(valued(name), "null").replace("inf", ".inf")}`);
    if (others) lines.push(`    other_parameters: "${others}"`);
    if (told.host) lines.push(`    host_file: ${JSON.stringify(told.host)}`);
    return ["notebooks: [08-explorer]", "scenarios:", "  mine:", ...lines].join("\n") + "\n";
  }

  // The case goes into the address once the changes pause: browsers allow so many a second.
  function remember() {
    if (!report) return;
    clearTimeout(remembering);
    remembering = setTimeout(() => history.replaceState(null, "", "#" + address()), 150);
  }

  // --- what a reader does ---

  function put(name) {
    const value = valued(name), field = fields.get(name), slider = sliders.get(name);
    if (field) {
      field.value = written(value, "");
      field.removeAttribute("aria-invalid");
    }
    if (slider) {
      const at = told.sliders[name].map((stop) => Math.abs(Math.log((Number(stop) + 1e-9) / (Number(value) + 1e-9))));
      slider.value = String(at.indexOf(Math.min(...at)));
      slider.setAttribute("aria-valuetext", value === null ? "by preset" : String(value));
    }
  }

  function tell(text) { find("note").textContent = text; }

  function set(name, value) {
    values[name] = value;
    tell("");
    redraw();
    if (told.parameters[name].choices || fields.get(name).closest(".idle")) quieten();
    remember();
  }

  function all_set() {
    new Set([...fields.keys(), ...sliders.keys()]).forEach(put);
    quieten();
    redraw();
  }

  fields.forEach((field, name) => {
    field.addEventListener("input", () => {
      const value = read(name, field.value);
      field.setAttribute("aria-invalid", String(value === undefined));
      if (value === undefined) { tell(refusal(name, field.value)); return; }
      set(name, value);
      if (sliders.has(name)) { const text = field.value; put(name); field.value = text; }
    });
    // What was refused goes back to what holds, and what was wrong stays to be read.
    field.addEventListener("change", () => put(name));
  });
  sliders.forEach((slider, name) => slider.addEventListener("input", () => { set(name, told.sliders[name][Number(slider.value)]); put(name); }));

  const on = (name, does) => { const part = find(name); part.addEventListener(part.tagName === "BUTTON" ? "click" : "input", () => does(part)); };
  on("over", draw);
  on("preset", (menu) => {
    for (const name of told.preset_names) {
      const own = menu.value ? told.parameters[name].default : valued(name, told.start);
      values[name] = menu.value && name in told.presets[menu.value] ? told.presets[menu.value][name] : own;
    }
    tell("");
    all_set();
    remember();
  });
  on("search", (field) => {
    const said = field.value.trim().toLowerCase();
    const known = (f) => f.textContent.toLowerCase().includes(said) || f.dataset.field.includes(said.replace(/[ -]/g, "_"));
    const places = Array.from(field.closest(".live").querySelectorAll(".field"));
    places.forEach((f) => { f.hidden = !known(f); });
    field.closest(".live").querySelectorAll("details.group").forEach((g) => {
      const found = g.querySelector(".field:not([hidden])") !== null;
      g.open = said !== "" && found;
      g.hidden = !found;
    });
    tell(places.every((f) => f.hidden) ? `No parameter is about "${field.value.trim()}".` : "");
  });
  on("keep", () => { reference = { ...values }; before = null; redraw(); tell("This case is the reference now."); });
  on("restart", () => { values = { ...told.start }; reference = { ...told.start }; before = null; find("preset").value = ""; tell(""); all_set(); remember(); });
  box.querySelectorAll("details").forEach((part) => part.addEventListener("toggle", () => { if (part.open) redraw(); }));
  box.querySelectorAll("[data-copies]").forEach((button) => button.addEventListener("click", () => {
    const from = find(button.dataset.copies);
    from.select();
    const by_hand = () => { tell(document.execCommand("copy") ? "Copied." : "The browser does not let a page copy: it is selected, press Ctrl and C."); };
    if (navigator.clipboard) navigator.clipboard.writeText(from.value).then(() => tell("Copied."), by_hand);
    else by_hand();
  }));

  // A case that was sent on: name=value pairs behind the address; what is none is told and left out. With
  // from=defaults the others are as on the host, else as in this run. Any other address is a place in the page.
  function from_address() {
    const hash = location.hash.slice(1);
    let place = hash;
    try { place = decodeURIComponent(hash); } catch { place = ""; }
    if (hash === "" || !hash.includes("=") || document.getElementById(place)) return false;
    const refused = [], given = new URLSearchParams(hash);
    values = given.get("from") === "defaults" ? {} : { ...told.start };
    given.delete("from");
    for (const [name, text] of given) {
      const value = Object.hasOwn(told.parameters, name) ? read(name, text) : undefined;
      if (value === undefined) refused.push(name);
      else values[name] = value;
    }
    all_set();
    if (refused.length) tell(`Not understood in the address, and left out: ${refused.join(", ")}.`);
    return true;
  }

  function opened() {
    if (!from_address()) return;
    const every = find("every");
    if (every) every.open = true;
    box.scrollIntoView({ block: "start" });
  }

  box.hidden = false;
  box.querySelectorAll(".live").forEach((part) => { part.hidden = false; });
  all_set();
  if (report) {
    opened();
    addEventListener("hashchange", opened);
  }
  speaks = true;
}
