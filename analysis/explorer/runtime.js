// What Python has and JavaScript lacks, for functions that translation.py has translated.
const $isinf = (x) => x === Infinity || x === -Infinity;
const $true = (x) => (x !== null && typeof x === "object" ? (Array.isArray(x) ? x.length : Object.keys(x).length) > 0 : Boolean(x));
const $add = (a, b) => (Array.isArray(a) ? a.concat(b) : a + b);
const $len = (x) => (Array.isArray(x) || typeof x === "string" ? x.length : Object.keys(x).length);
const $each = (x) => (Array.isArray(x) ? x : typeof x === "object" && !x[Symbol.iterator] ? Object.keys(x) : Array.from(x));
const $min = (x, none) => (x.length ? Math.min(...x) : none);
const $max = (x, none) => (x.length ? Math.max(...x) : none);
const $next = (x, none) => (x.length ? x[0] : none);
const $sorted = (x) => [...x].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
const $enumerate = (x) => $each(x).map((value, i) => [i, value]);
const $range = (a, b) => Array.from({ length: Math.max(0, b === undefined ? a : b - a) }, (_, i) => (b === undefined ? 0 : a) + i);
const $divmod = (a, b) => [Math.floor(a / b), a - b * Math.floor(a / b)];
const $in = (x, of) => (Array.isArray(of) || typeof of === "string" ? of.includes(x) : x in of);
const $get = (of, key, none = null) => (Object.hasOwn(of, key) ? of[key] : none);
const $items = (of) => Object.entries(of);
const $values = (of) => Object.values(of);
const $endswith = (x, ends) => (Array.isArray(ends) ? ends : [ends]).some((end) => x.endsWith(end));
const $startswith = (x, starts) => (Array.isArray(starts) ? starts : [starts]).some((start) => x.startsWith(start));
const $removeprefix = (x, start) => (start && x.startsWith(start) ? x.slice(start.length) : x);
const $removesuffix = (x, end) => (end && x.endsWith(end) ? x.slice(0, -end.length) : x);
const $split = (x, by) => (by === undefined ? x.split(/\s+/).filter(Boolean) : x.split(by));
const $rstrip = (x, some) => { let n = x.length; while (n && some.includes(x[n - 1])) n -= 1; return x.slice(0, n); };
const $escape = (x) => x.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;").replaceAll("'", "&#x27;");

// The digits of a positive number to a place after the point (which may be negative), halves to even as in
// Python: JavaScript rounds halves up. All digits that a double has stand in toFixed's hundred places.
function $decimal(x, places) {
  const text = places < 0 || x >= 1e21 ? BigInt(Math.trunc(x)).toString() + "." : x.toFixed(100);
  const [whole, part = ""] = text.split(".");
  const all = (whole + part).padEnd(whole.length + Math.max(places, 0) + 1, "0"), end = whole.length + places;
  if (end < 0) return [0n, places];
  let kept = BigInt(all.slice(0, end) || "0");
  const rest = all.slice(end), half = rest[0] === "5" && !/[1-9]/.test(rest.slice(1)) && (places < 0 ? x === Math.trunc(x) : true);
  if (rest[0] > "5" || (rest[0] === "5" && !half) || (half && kept % 2n === 1n)) kept += 1n;
  return [kept, places];
}
function $fixed(x, places) {
  // Only what may lie half-way between two numbers needs all its digits.
  if (x < 1e15 && !Number.isInteger(x * 2 * 10 ** places)) return x.toFixed(places);
  if (x >= 1e21) return BigInt(x).toString() + (places ? "." + "0".repeat(places) : "");
  const text = $decimal(x, places)[0].toString().padStart(places + 1, "0");
  return places ? text.slice(0, -places) + "." + text.slice(-places) : text;
}
function $round(x, places = 0) {
  if (!Number.isFinite(x)) return x;
  return Math.sign(x) * Number($fixed(Math.abs(x), places));
}
const $grouped = (text) => { const [whole, part] = text.split("."); return whole.replace(/\B(?=(\d{3})+$)/g, ",") + (part === undefined ? "" : "." + part); };
function $general(x, digits, group) {
  if (x === 0) return "0";
  let power = Math.floor(Math.log10(x));
  // The logarithm may be off by one, and rounding may carry into a further digit.
  for (const guess of [power - 1, power, power + 1]) if (x >= Number(`1e${guess}`)) power = guess;
  const places = digits - 1 - power, plain = !Number.isInteger(x * 2 * 10 ** places) && places >= 0 && places <= 100;
  let number = plain ? x.toFixed(places).replace(".", "").replace(/^0+/, "") : $decimal(x, places)[0].toString();
  if (number.length > digits) { power += 1; number = number.slice(0, digits); }
  number = number.padStart(digits, "0");
  if (power < -4 || power >= digits) {
    const part = $rstrip(number.slice(1), "0");
    return `${number[0]}${part ? "." + part : ""}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  }
  const text = power < 0 ? "0." + "0".repeat(-power - 1) + number : number.slice(0, power + 1) + (digits > power + 1 ? "." + number.slice(power + 1) : "");
  const short = text.includes(".") ? $rstrip($rstrip(text, "0"), ".") : text;
  return group ? $grouped(short) : short;
}
function $format(x, spec) {
  const [, zero, width, group, digits, kind] = /^(0?)(\d*)(,?)(?:\.(\d+))?([a-z]?)$/.exec(spec);
  if (typeof x === "string") return x;
  if (Number.isNaN(x)) return "nan";
  const sign = x < 0 || Object.is(x, -0) ? "-" : "", size = Math.abs(x);
  let text;
  if (size === Infinity) text = "inf";
  else if (kind === "f") text = $fixed(size, digits === undefined ? 6 : Number(digits));
  else if (kind === "g") text = $general(size, digits === undefined ? 6 : Math.max(Number(digits), 1), group);
  else text = String(size);
  if (group && kind !== "g") text = $grouped(text);
  return sign + (zero ? text.padStart(Number(width) - sign.length, "0") : text);
}
