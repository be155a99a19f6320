// Tables of class "sortable": each column's name becomes a button that sorts by it, up and down in turn.
(function () {
  function value(row, column) {
    var cell = row.cells[column];
    return cell.dataset.value === undefined ? cell.textContent.trim() : Number(cell.dataset.value);
  }
  function compare(a, b) {
    if (typeof a === "number" && typeof b === "number") return a === b ? 0 : a < b ? -1 : 1;
    if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
    return a.localeCompare(b, undefined, { numeric: true });
  }
  function sort(table, heading) {
    var column = heading.cellIndex, down = heading.getAttribute("aria-sort") === "ascending";
    var rows = Array.from(table.tBodies[0].rows);
    rows.sort(function (a, b) { return compare(value(a, column), value(b, column)) * (down ? -1 : 1); });
    rows.forEach(function (row) { table.tBodies[0].appendChild(row); });
    Array.from(table.tHead.rows[0].cells).forEach(function (other) { other.removeAttribute("aria-sort"); });
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  }
  document.querySelectorAll("table.sortable").forEach(function (table) {
    Array.from(table.tHead.rows[0].cells).forEach(function (heading) {
      var button = document.createElement("button");
      button.type = "button";
      while (heading.firstChild) button.appendChild(heading.firstChild);
      button.addEventListener("click", function () { sort(table, heading); });
      heading.appendChild(button);
    });
  });
  // A link to a table that is folded away unfolds it.
  document.querySelectorAll('a[href="#numbers"]').forEach(function (link) {
    link.addEventListener("click", function () {
      document.querySelectorAll("#numbers details").forEach(function (each) { each.open = true; });
    });
  });
})();
