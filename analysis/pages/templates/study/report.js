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

  // A picture that was shrunk to a narrow window takes its own size at a press.
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

  // On paper the table of parameters stands with what the report was made from.
  var inputs = document.querySelector(".inputs"), about = document.querySelector(".about");
  var place = inputs && inputs.nextSibling, above = inputs && inputs.parentNode;
  window.addEventListener("beforeprint", function () { if (inputs && about) about.after(inputs); });
  window.addEventListener("afterprint", function () { if (inputs && about) above.insertBefore(inputs, place); });
})();
