// Puts the page together.
function markContents() {
  const links = [...document.querySelectorAll(".contents a")];
  const targets = links.map((link) => document.getElementById(decodeURIComponent(link.hash.slice(1))) ?? document.getElementById(link.hash.slice(1)));
  const seen = new Set();
  const observer = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (entry.isIntersecting) seen.add(entry.target);
        else seen.delete(entry.target);
      }
      const now = targets.findIndex((target) => seen.has(target));
      links.forEach((link, i) => {
        if (i === now) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      });
    },
    { rootMargin: "-10% 0px -60% 0px" },
  );
  for (const target of targets) if (target) observer.observe(target);
}

// Paper is light and as wide as it is; closed parts are open on it.
function onPrint() {
  const opened = [];
  let theme = null;
  addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details:not([open])")) {
      part.open = true;
      opened.push(part);
    }
    paper = true;
    theme = root.getAttribute("data-theme");
    root.setAttribute("data-theme", "light");
    redraw();
    for (const plot of document.querySelectorAll(".js-plotly-plot")) Plotly.Plots.resize(plot);
  });
  addEventListener("afterprint", () => {
    for (const part of opened.splice(0)) part.open = false;
    paper = false;
    if (theme === null) root.removeAttribute("data-theme");
    else root.setAttribute("data-theme", theme);
    redraw();
    for (const plot of document.querySelectorAll(".js-plotly-plot")) Plotly.Plots.resize(plot);
  });
}

async function main() {
  onTheme();
  onPrint();
  for (const table of document.querySelectorAll("table.sortable")) sortable(table);
  markContents();
  figures.push(drawDelta, drawLeverage, drawEntry);
  redraw();
  for (const input of document.querySelectorAll("#weighting input")) {
    input.addEventListener("change", drawLeverage);
  }
  if (typeof DecompressionStream === "undefined") {
    $("loading").textContent = "This browser cannot unpack the map; open the file in one of 2023 or later.";
  } else {
    await startMap();
  }
  document.body.dataset.ready = "true";
}

main().catch((error) => {
  const note = $("loading");
  if (note) note.textContent = "The map could not be drawn.";
  throw error;
});
