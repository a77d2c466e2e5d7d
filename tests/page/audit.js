// What a reviewer of accessibility would look for; evaluated in the page by test_browser.py.
function structure() {
  const out = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  for (const table of all("table")) {
    if (!table.closest(".card") && !table.caption) out.push("table without caption");
  }
  for (const plot of all(".plot")) {
    const told = plot.getAttribute("role") === "img" && plot.getAttribute("aria-label");
    if (!told) out.push(`figure without words: ${plot.id}`);
  }
  for (const element of all("[aria-labelledby]")) {
    const name = element.getAttribute("aria-labelledby");
    if (!document.getElementById(name)) out.push(`label ${name} is nowhere`);
  }
  for (const link of all('a[href^="#"]')) {
    if (!document.getElementById(decodeURIComponent(link.hash.slice(1)))) out.push(`link ${link.hash}`);
  }
  const ids = all("body [id]").filter((e) => !e.closest("svg")).map((e) => e.id);
  for (const id of new Set(ids)) {
    if (ids.indexOf(id) !== ids.lastIndexOf(id)) out.push(`id twice: ${id}`);
  }
  let level = 0;
  for (const heading of all("h1,h2,h3,h4")) {
    const now = Number(heading.tagName[1]);
    if (now > level + 1) out.push(`heading too low: ${heading.textContent}`);
    level = now;
  }
  return out;
}

const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);

function luminance(colour) {
  const [r, g, b] = numbers(colour)
    .slice(0, 3)
    .map((v) => v / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function ground(element) {
  for (let e = element; e; e = e.parentElement) {
    const colour = getComputedStyle(e).backgroundColor;
    const parts = numbers(colour);
    if (parts.length < 4 || parts[3] === 1) return colour;
  }
  return "rgb(255, 255, 255)";
}

// Texts whose contrast is below 4.5 (WCAG 2.2, 1.4.3).
function contrast() {
  const texts =
    "h1,h2,h3,p,li,dt,dd,.big,.below,.unit,td,th,a,caption,figcaption,.badge,button,.segments span,.key";
  const out = new Set();
  for (const e of document.querySelectorAll(texts)) {
    if (!e.textContent.trim() || !e.getClientRects().length) continue;
    // what cannot be used is exempt
    if (e.previousElementSibling?.disabled) continue;
    const pair = [getComputedStyle(e).color, ground(e)].map(luminance).sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (ratio < 4.5) out.add(`${e.tagName}.${e.className} ${e.textContent.trim().slice(0, 30)} ${ratio.toFixed(2)}`);
  }
  return [...out].slice(0, 10);
}

// Figures that are cut off or reach beyond the page.
function overflowing(width) {
  const right = (e) => e.getBoundingClientRect().right;
  return [...document.querySelectorAll(".plot")]
    .filter((p) => right(p) > width + 1 || right(p.querySelector("svg")) > right(p) + 1)
    .map((p) => p.id);
}
