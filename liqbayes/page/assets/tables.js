// Tables that are sorted by a button in the head of each column.
function sortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  heads.forEach((head, column) => {
    const label = head.querySelector(".head");
    const button = document.createElement("button");
    button.type = "button";
    button.append(...label.childNodes);
    label.append(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const number = head.classList.contains("number");
      const now = head.getAttribute("aria-sort");
      // numbers are asked for from the largest down
      const first = number ? "descending" : "ascending";
      const other = number ? "ascending" : "descending";
      const order = now === first ? other : first;
      for (const each of heads) each.setAttribute("aria-sort", each === head ? order : "none");
      sortRows(body, column, number, order === "ascending" ? 1 : -1);
    });
  });
}

function sortRows(body, column, number, sign) {
  const keyed = [...body.rows].map((row, place) => {
    const text = row.cells[column].dataset.v ?? "";
    return { row, place, known: text !== "", key: number ? Number(text) : text };
  });
  keyed.sort((a, b) => {
    // what is unknown stays last in both orders
    if (a.known !== b.known) return a.known ? -1 : 1;
    if (!a.known) return a.place - b.place;
    const numeric = number || (a.key !== "" && !Number.isNaN(+a.key) && !Number.isNaN(+b.key));
    const difference = numeric ? +a.key - +b.key : a.key.localeCompare(b.key);
    return sign * difference || a.place - b.place;
  });
  body.append(...keyed.map((item) => item.row));
}
