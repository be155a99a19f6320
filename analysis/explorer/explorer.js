// Puts precomputed pictures in place of each other. The states come deflated in the page; until they are
// unpacked, or without this script, the page shows the starting values as they were drawn in the run.
(function () {
  document.querySelectorAll(".explorer:not([data-ready])").forEach(function (root) {
    root.dataset.ready = "";
    var packed = root.querySelector(".states").textContent.trim().replace(/-/g, "+").replace(/_/g, "/");
    var bytes = Uint8Array.from(atob(packed), function (c) { return c.charCodeAt(0); });
    var stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    new Response(stream).json().then(function (states) { start(root, states); });
  });

  function start(root, states) {
    var inputs = Array.from(root.querySelectorAll("[data-axis]"));
    var picture = root.querySelector(".picture"), outcome = root.querySelector(".outcome");
    var style = picture.querySelector("style").outerHTML;
    function show() {
      var at = 0;
      inputs.forEach(function (input, i) {
        var value = states.axes[i].labels[input.value];
        at = at * states.axes[i].labels.length + Number(input.value);
        if (input.type !== "range") return;
        input.setAttribute("aria-valuetext", value);
        root.querySelector("output[for='" + input.id + "']").textContent = value;
      });
      picture.innerHTML = states.pictures[at].replace(">", ">" + style);
      outcome.textContent = states.texts[at];
    }
    inputs.forEach(function (input) { input.addEventListener("input", show); });
    root.querySelector(".controls").hidden = false;
  }
})();
