// A table that is wider than its box says so; the mark itself changes widths, so it is taken off to measure.
(function () {
  function mark(box) {
    box.classList.remove("wide");
    box.classList.toggle("wide", box.scrollWidth > box.clientWidth + 1);
    // With its first column narrow it may fit after all.
    box.classList.toggle("cut", box.scrollWidth > box.clientWidth + 1);
  }
  var watch = window.ResizeObserver && new ResizeObserver(function (seen) {
    seen.forEach(function (entry) { mark(entry.target.closest(".scroll")); });
  });
  document.querySelectorAll(".scroll").forEach(function (box) {
    mark(box);
    // A table that is filled anew changes its own size, not that of its box.
    if (watch) [box, box.querySelector("table")].forEach(function (part) { if (part) watch.observe(part); });
  });

  // On paper nothing folds but code.
  var opened = [];
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("main details:not(.code):not([open])").forEach(function (part) {
      part.open = true;
      opened.push(part);
    });
  });
  window.addEventListener("afterprint", function () {
    opened.splice(0).forEach(function (part) { part.open = false; });
  });
})();
