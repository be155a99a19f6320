"""What a report looks like in a window, on a phone and on paper: measured in Chromium, a sentence a fault."""

from __future__ import annotations

from pathlib import Path
from typing import Any

DESK, PHONE = (1280, 800), (390, 844)
PAPER, LONG_SIDE = 680, 1009
"""The printed part of an A4 page with the margins of a report, in CSS pixels."""
BEGINNING_PX = 150
"""So much of the first figure is seen without scrolling."""

_PLACES = """() => {
  const box = what => {
    const found = document.querySelector(what);
    if (!found) return null;
    const {top, bottom, height} = found.getBoundingClientRect();
    return {top: Math.round(top + scrollY), bottom: Math.round(bottom + scrollY), height: Math.round(height)};
  };
  return {
    width: document.documentElement.scrollWidth,
    question: box("[id='cell-id=lead']"), answer: box(".study-takeaway"), numbers: box(".answer .key"),
    inputs: box(".inputs"), figure: box(".jp-RenderedImage img, .calculator.whole .picture svg"),
    key: [...document.querySelectorAll(".answer dd")].map(value => value.innerText.trim()),
    folded: [...document.querySelectorAll(".inputs")].every(each => !each.open),
    contents: [...document.querySelectorAll(".contents a")].map(link => link.hash)
      .filter(hash => !document.getElementById(decodeURIComponent(hash.slice(1)))),
    back: document.querySelector(".bar a")?.getAttribute("href"),
    clipped: [...document.querySelectorAll("math[display=block]")]
      .filter(formula => formula.scrollHeight > formula.clientHeight + 1).length,
    figures: [...document.querySelectorAll(".jp-RenderedImage img")]
      .filter(image => image.getBoundingClientRect().width > innerWidth).length,
  };
}"""

# Every table that is wider than its box: the mark is there, and the first column stays when it is scrolled.
_WIDE = """() => [...document.querySelectorAll(".scroll")]
.filter(box => box.scrollWidth > box.clientWidth + 1).map(box => {
  const name = box.getAttribute("aria-label"), first = box.querySelector("tbody tr > *");
  const said = getComputedStyle(box, "::before").content, edge = box.getBoundingClientRect().left;
  box.scrollLeft = box.scrollWidth;
  const moved = box.scrollLeft > 0, left = first.getBoundingClientRect().left, wide = first.offsetWidth;
  box.scrollLeft = 0;
  return {name, said, moved, stays: Math.abs(left - edge) <= 2, room: 1 - wide / box.clientWidth};
})"""

_CUT = """width => {
  window.dispatchEvent(new Event("beforeprint"));
  const cut = [], all = [...document.querySelectorAll("main *")].filter(each => each.getClientRects().length);
  for (const each of all) {
    const style = getComputedStyle(each), end = each.getBoundingClientRect().right;
    if (style.position === "absolute" || each.closest("svg")) continue;
    if (style.overflowX !== "visible" && each.scrollWidth > each.clientWidth + 1)
      cut.push(`${each.tagName}.${each.className} hides a part`);
    if (end > width + 1)
      cut.push(`${each.tagName} ends at ${Math.round(end)} px: ${each.textContent.trim().slice(0, 40)}`);
  }
  for (const figure of document.querySelectorAll(".jp-RenderedImage, .calculator.whole .picture"))
    if (getComputedStyle(figure).breakInside !== "avoid") cut.push("a figure may be split");
  const figures = [...document.querySelectorAll(".jp-RenderedImage img, .calculator.whole .picture svg")];
  const tall = figures.map(each => each.clientHeight);
  window.dispatchEvent(new Event("afterprint"));
  return {cut: [...new Set(cut)].slice(0, 8), tall: Math.max(0, ...tall)};
}"""


def _opened(browser: Any, path: Path, size: tuple[int, int]) -> Any:
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    page.goto(path.resolve().as_uri())
    return page


def faults_of_the_first_screen(browser: Any, path: Path) -> list[str]:
    """What is not as a report should begin, on a desk and on a phone; prints what was measured."""
    desk_page, phone_page = _opened(browser, path, DESK), _opened(browser, path, PHONE)
    desk, phone, wide = desk_page.evaluate(_PLACES), phone_page.evaluate(_PLACES), phone_page.evaluate(_WIDE)
    desk_page.close()
    phone_page.close()
    width = f"{phone['width']} px wide, {len(wide)} wide tables"
    print(f"{path.name}: {_told(desk)}; on a phone {_told(phone)}, {width}")
    return [*_on_a_desk(desk), *_on_a_phone(phone), *_wide_tables(wide)]


def _told(seen: dict[str, Any]) -> str:
    tops = {name: (seen[name] or {"top": "none"})["top"] for name in ("answer", "figure")}
    return f"answer from {tops['answer']} px, first figure from {tops['figure']} px"


def _on_a_desk(seen: dict[str, Any]) -> list[str]:
    """Question, answer, numbers, one line of parameters and the beginning of the figure, in this order."""
    names = ("question", "answer", "numbers", "inputs", "figure")
    if missing := [name for name in names if not seen[name]]:
        return [f"no {name}" for name in missing]
    tops, faults = [seen[name]["top"] for name in names], []
    if tops != sorted(tops) or seen["inputs"]["bottom"] > DESK[1]:
        faults.append(f"not in order in the first window: {tops}")
    if seen["figure"]["top"] > DESK[1] - BEGINNING_PX:
        faults.append(f"the figure begins at {seen['figure']['top']} px")
    if not 2 <= len(seen["key"]) <= 4 or not all(any(c.isdigit() for c in value) for value in seen["key"]):
        faults.append(f"not two to four key numbers: {seen['key']}")
    if not seen["folded"] or seen["inputs"]["height"] > 30:
        faults.append(f"the parameters take {seen['inputs']['height']} px, not one line")
    if seen["contents"] or seen["back"] != "index.html":
        faults.append(f"no way back, or parts that are not there: {seen['back']} {seen['contents']}")
    return faults + (["a formula is clipped"] if seen["clipped"] else [])


def _on_a_phone(seen: dict[str, Any]) -> list[str]:
    faults = [] if seen["width"] <= PHONE[0] else [f"{seen['width']} px wide on a phone"]
    if seen["figure"]["top"] > PHONE[1] - BEGINNING_PX:
        faults.append(f"on a phone the figure begins at {seen['figure']['top']} px")
    if seen["figures"]:
        faults.append(f"{seen['figures']} figures are wider than a phone")
    return faults + (["a formula is clipped on a phone"] if seen["clipped"] else [])


def _wide_tables(found: list[dict[str, Any]]) -> list[str]:
    return [
        f"wide table {table['name']!r}: {table}"
        for table in found
        if not (table["moved"] and table["stays"] and "right" in table["said"] and table["room"] > 0.4)
    ]


def faults_on_paper(browser: Any, path: Path, width: int = PAPER) -> list[str]:
    """What a print of a page would cut off or split."""
    page = _opened(browser, path, (width, LONG_SIDE))
    page.emulate_media(media="print")
    seen = page.evaluate(_CUT, width)
    page.close()
    return seen["cut"] + ([f"a figure of {seen['tall']} px"] if seen["tall"] > LONG_SIDE else [])
