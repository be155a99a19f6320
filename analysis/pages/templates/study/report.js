// Nothing here is needed to read: without it code unfolds piece by piece, and wide tables scroll all the same.
(function () {
  function each(what, action) { document.querySelectorAll(what).forEach(action); }

  var button = document.getElementById("fold"), code = document.querySelectorAll("details.code");
  button.hidden = !code.length;
  button.addEventListener("click", function () {
    var open = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", open);
    button.textContent = open ? "Hide code" : "Show code";
    code.forEach(function (piece) { piece.open = open; });
  });

  // The list of contents folds away when a part was chosen.
  each(".contents a", function (link) {
    link.addEventListener("click", function () { link.closest("details").open = false; });
  });

  // A table that is wider than its box says so.
  function mark(box) { box.classList.toggle("wide", box.scrollWidth > box.clientWidth + 1); }
  var watch = window.ResizeObserver && new ResizeObserver(function (seen) {
    seen.forEach(function (entry) { mark(entry.target); });
  });
  each(".scroll", function (box) { mark(box); if (watch) watch.observe(box); });

  // A picture that was shrunk to a narrow window is shown in its own size at a press.
  each(".jp-RenderedImage", function (figure) {
    var size = document.createElement("button");
    size.type = "button";
    size.className = "size";
    size.textContent = "Enlarge the figure";
    size.addEventListener("click", function () {
      var large = figure.classList.toggle("large");
      size.textContent = large ? "Fit the figure to the window" : "Enlarge the figure";
    });
    figure.after(size);
  });

  // On paper nothing folds: what says how a number came about is printed, code is not.
  var opened = [];
  window.addEventListener("beforeprint", function () {
    each("main details:not(.code):not([open])", function (part) { part.open = true; opened.push(part); });
  });
  window.addEventListener("afterprint", function () {
    opened.splice(0).forEach(function (part) { part.open = false; });
  });
})();
