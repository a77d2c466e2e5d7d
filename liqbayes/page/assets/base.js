// What all parts share: data, words for numbers, colours of the theme, and the list of figures.
const DATA = JSON.parse(document.getElementById("data").textContent);
const SIDES = ["long", "short"];
const $ = (id) => document.getElementById(id);
const root = document.documentElement;
const CONFIG = {
  responsive: true,
  displaylogo: false,
  showSendToCloud: false,
  plotlyServerURL: "",
  displayModeBar: matchMedia("(pointer: coarse)").matches ? false : "hover",
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
};
const COARSE = matchMedia("(pointer: coarse)").matches;
// Whether figures stand below one another, as on a narrow screen and on paper.
const narrow = matchMedia("(max-width: 68rem)");
let paper = false;
const stacked = () => paper || narrow.matches;
// Functions that draw one figure with the colours of now.
const figures = [];

const unknown = (v) => v === null || v === undefined || Number.isNaN(v);

// Three digits, without trailing zeros.
const short = (v) => String(Number(v.toPrecision(3))).replace("-", "−");

function amount(v) {
  if (unknown(v)) return "–";
  for (const [limit, suffix] of [[1e9, "B"], [1e6, "M"], [1e3, "k"]]) {
    if (Math.abs(v) >= limit * 0.9995) return short(v / limit) + suffix;
  }
  return Math.abs(v) < 0.005 ? "0" : short(v);
}

function price(v) {
  if (unknown(v)) return "–";
  return Math.abs(v) >= 1000
    ? Math.round(v).toLocaleString("en-US")
    : Number(v.toPrecision(5)).toLocaleString("en-US", { maximumSignificantDigits: 5 });
}

function percent(v) {
  if (unknown(v)) return "–";
  return v > 0 && v < 1e-5 ? "<0.001 %" : `${short(100 * v)} %`;
}
const interval = (low, high, words = amount) =>
  unknown(low) || unknown(high) ? "no interval" : `${words(low)} to ${words(high)}`;

// "2024-07-26 23:00" in UTC, of milliseconds since 1970; also what the figures take as a date.
const stamp = (ms) => new Date(ms).toISOString().slice(0, 16).replace("T", " ");

// The figures read a few tags in their texts: none may come from the data.
const plain = (text) =>
  String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();

// A colour of the form #rrggbb with an opacity.
function faint(hex, opacity) {
  const parts = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  return `rgba(${parts.join(",")},${opacity})`;
}

function axis(title, more = {}) {
  return {
    title: { text: plain(title), font: { size: 12, color: colour("muted") }, standoff: 8 },
    tickfont: { size: 11, color: colour("muted") },
    gridcolor: colour("line"),
    linecolor: colour("grey"),
    zerolinecolor: colour("grey"),
    exponentformat: "B",
    tickangle: 0,
    automargin: true,
    ...more,
  };
}

function layout(more = {}) {
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: "system-ui, sans-serif", size: 12, color: colour("ink") },
    margin: { l: 10, r: 10, t: 26, b: 10 },
    showlegend: false,
    hoverlabel: {
      bgcolor: colour("surface"),
      bordercolor: colour("grey"),
      font: { color: colour("ink"), family: "system-ui, sans-serif" },
    },
    dragmode: COARSE ? false : "zoom",
    ...more,
  };
}

const heading = (text) => ({
  text: plain(text),
  font: { size: 13, color: colour("ink") },
  x: 0,
  xref: "paper",
  xanchor: "left",
  y: 1,
  yref: "container",
  yanchor: "top",
  pad: { t: 4 },
});

function draw(id, traces, figureLayout) {
  return Plotly.react($(id), traces, figureLayout, CONFIG);
}

function redraw() {
  for (const figure of figures) figure();
}

function onTheme() {
  const button = $("theme");
  const names = { auto: "automatic", light: "light", dark: "dark" };
  const order = ["auto", "light", "dark"];
  let chosen = "auto";
  try {
    chosen = localStorage.getItem("liqbayes-theme") || "auto";
  } catch {
    // a page opened from a file may not keep anything
  }
  if (!order.includes(chosen)) chosen = "auto";
  const apply = () => {
    if (chosen === "auto") root.removeAttribute("data-theme");
    else root.setAttribute("data-theme", chosen);
    button.textContent = `Theme: ${names[chosen]}`;
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    chosen = order[(order.indexOf(chosen) + 1) % order.length];
    try {
      localStorage.setItem("liqbayes-theme", chosen);
    } catch {
      // as above
    }
    apply();
    redraw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  narrow.addEventListener("change", redraw);
  apply();
}
