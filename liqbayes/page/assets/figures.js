// Figures that do not follow the chosen bar.

// Linear near zero and logarithmic beyond: small windows are seen beside large ones.
function bendBy(values) {
  const top = Math.max(...values.filter((v) => !unknown(v)).map(Math.abs), 1e-12);
  const scale = top / 2000;
  return { bend: (v) => Math.asinh(v / scale), top, scale };
}

function drawDelta() {
  const rows = DATA.delta.filter((row) => !unknown(row.delta[1]));
  if (!rows.length) {
    $("delta-plot").textContent = "No window lies within the modelled bars.";
    return null;
  }
  const { bend, top, scale } = bendBy(rows.flatMap((row) => row.delta));
  const labels = rows.map((row) => `last ${row.window}`);
  const ticks = [];
  const ends = rows.flatMap((row) => row.delta).filter((v) => !unknown(v)).map(bend);
  const [least, largest] = [Math.min(0, ...ends), Math.max(0, ...ends)];
  const room = 0.06 * (largest - least || 1);
  const reach = [least - room, largest + room];
  // powers of ten from the largest down, as far apart as their labels are wide
  const apart = (reach[1] - reach[0]) * Math.max(0.04, 52 / Math.max($("delta-plot").clientWidth - 70, 1));
  for (let v = 10 ** Math.floor(Math.log10(top)); bend(v) > apart; v /= 10) {
    if (!ticks.length || bend(ticks[ticks.length - 1]) - bend(v) > apart) ticks.push(v);
  }
  const marks = [...ticks.map((v) => -v), 0, ...ticks];
  const sure = (row) => {
    const [low, , high] = row.delta;
    if (unknown(low)) return colour("ink");
    return low > 0 ? colour("long") : high < 0 ? colour("short") : colour("grey");
  };
  const tones = rows.map(sure);
  const spans = rows.map((row, i) => ({
    type: "scatter",
    mode: "lines",
    x: [row.delta[0], row.delta[2]].map((v) => (unknown(v) ? null : bend(v))),
    y: [labels[i], labels[i]],
    line: { color: tones[i], width: 6 },
    opacity: 0.45,
    hoverinfo: "skip",
  }));
  const dots = {
    type: "scatter",
    mode: "markers",
    x: rows.map((row) => bend(row.delta[1])),
    y: labels,
    marker: { size: 11, color: tones, line: { color: colour("surface"), width: 1.5 } },
    hoverinfo: "text",
    text: rows.map((row) =>
      plain(
        `last ${row.window}: ΔL ${amount(row.delta[1])} (${interval(row.delta[0], row.delta[2])}) ${DATA.quote_unit}` +
          (unknown(row.p_positive) ? "" : `, P(more longs) ${row.p_positive.toFixed(2)}`),
      ),
    ),
  };
  return draw(
    "delta-plot",
    [...spans, dots],
    layout({
      xaxis: axis(`more shorts ←  ΔL (${DATA.quote_unit})  → more longs`, {
        tickvals: marks.map(bend),
        ticktext: marks.map(amount),
        zeroline: true,
        zerolinewidth: 2,
        range: reach,
      }),
      yaxis: axis("", { autorange: "reversed", type: "category", gridcolor: "rgba(0,0,0,0)" }),
      hovermode: "closest",
    }),
  );
}

// Steps over cells: each height twice, once at either edge.
function steps(edges, heights) {
  const x = [];
  const y = [];
  for (let i = 0; i < heights.length; i += 1) {
    x.push(edges[i], edges[i + 1]);
    y.push(heights[i], heights[i]);
  }
  return { x, y };
}

function band(edges, quantiles, tone, name, dash, opacity) {
  const [low, middle, high] = quantiles.map((values) => steps(edges, values));
  const line = { mode: "lines", hoverinfo: "skip", connectgaps: false };
  const out = [];
  if (quantiles[0].some((v) => v !== null)) {
    out.push(
      { ...line, ...low, line: { width: 0, color: tone } },
      { ...line, ...high, line: { width: 0, color: tone }, fill: "tonexty", fillcolor: faint(tone, opacity) },
    );
  }
  if (quantiles[1].some((v) => v !== null)) {
    out.push({ ...line, ...middle, name, line: { color: tone, width: 1.8, dash } });
  }
  return out;
}

function pair(id, side, part, xaxis, yTitle, shapes, words) {
  const traces = [
    ...band(part.edges, part.prior, colour("grey"), "prior", "dot", 0.16),
    ...band(part.edges, part.posterior, colour(side), "posterior", "solid", 0.3),
  ];
  // one invisible line of points says what each cell holds
  const middles = part.posterior[1].map((_, i) => Math.sqrt(part.edges[i] * part.edges[i + 1]));
  traces.push({
    mode: "markers",
    x: middles,
    y: part.posterior[1],
    marker: { opacity: 0 },
    hoverinfo: "text",
    text: part.posterior[1].map((v, i) =>
      plain(
        `${words(part.edges[i])} to ${words(part.edges[i + 1])}: ${percent(v)} (${interval(part.posterior[0][i], part.posterior[2][i], percent)}), prior ${percent(part.prior[1][i])}`,
      ),
    ),
  });
  return draw(
    id,
    traces,
    layout({
      title: heading(`${side[0].toUpperCase()}${side.slice(1)}s`),
      xaxis,
      yaxis: axis(yTitle, { rangemode: "tozero", tickformat: "~%", nticks: 6 }),
      shapes,
      hovermode: "x",
    }),
  );
}

function drawLeverage() {
  const chosen = document.querySelector("#weighting input:checked").value;
  const all = [];
  const words = [];
  for (const side of SIDES) {
    const part = DATA.leverage[chosen][side];
    for (const cell of part.outside ?? []) {
      const limit = cell.low > 0 ? `above ${short(cell.low)}x` : `below ${short(cell.high)}x`;
      words.push(`${side}s ${limit}: ${percent(cell.share[1])} (${interval(cell.share[0], cell.share[2], percent)})`);
    }
    if (part.at) {
      all.push(
        draw(
          `leverage-${side}`,
          [
            {
              type: "bar",
              x: part.at.map((v) => `${short(v)}x`),
              y: part.posterior[1],
              marker: { color: colour(side) },
              hoverinfo: "x+y",
            },
          ],
          layout({
            title: heading(`${side[0].toUpperCase()}${side.slice(1)}s`),
            xaxis: axis("effective leverage of the rule", { type: "category" }),
            yaxis: axis("share", { tickformat: "~%", rangemode: "tozero" }),
          }),
        ),
      );
      continue;
    }
    const ticks = [0.2, 0.5, 1, 2, 3, 5, 10, 20, 50, 100, 200];
    const last = part.edges.length - 1;
    all.push(
      pair(
        `leverage-${side}`,
        side,
        part,
        axis("effective leverage (log scale)", {
          type: "log",
          tickvals: ticks,
          ticktext: ticks.map((v) => `${v}x`),
          range: [Math.log10(part.edges[0]), Math.log10(part.edges[last])],
        }),
        "share per doubling",
        [],
        (v) => `${short(v)}x`,
      ),
    );
  }
  $("leverage-outside").textContent = words.length ? `Outside the figure: ${words.join("; ")}.` : "";
  return Promise.all(all);
}

function drawEntry() {
  return Promise.all(
    SIDES.map((side) => {
      const part = DATA.entry[side];
      const top = Math.max(...part.posterior.flat().map((v) => v ?? 0));
      const some = part.posterior[1].map((v, i) => (Math.max(v ?? 0, part.posterior[2][i] ?? 0) > 0.004 * top ? i : -1)).filter((i) => i >= 0);
      const first = some.length ? part.edges[some[0]] : part.edges[0];
      const last = some.length ? part.edges[some[some.length - 1] + 1] : part.edges[part.edges.length - 1];
      const line = (x, tone, dash) => ({
        type: "line", yref: "paper", y0: 0, y1: 1, x0: x, x1: x, line: { color: tone, width: 1.3, dash },
      });
      const shapes = [line(DATA.mark_price, colour("ink"), "dot")];
      const average = DATA.entry_vwap[side];
      if (average) {
        shapes.push(line(average[1], colour(side), "solid"));
        if (!unknown(average[0])) {
          shapes.push({
            type: "rect", yref: "paper", y0: 0, y1: 1, x0: average[0], x1: average[2],
            fillcolor: faint(colour(side), 0.12), line: { width: 0 }, layer: "below",
          });
        }
      }
      return pair(
        `entry-${side}`,
        side,
        part,
        axis(`entry price (${DATA.quote_unit})`, {
          range: [Math.min(first, 0.995 * DATA.mark_price), Math.max(last, 1.005 * DATA.mark_price)],
          nticks: 6,
          tickformat: ",~r",
        }),
        "share per 1 %",
        shapes,
        price,
      );
    }),
  );
}
