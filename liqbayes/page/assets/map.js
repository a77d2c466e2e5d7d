// The map through time, and the two figures beside it that show the chosen bar.
async function startMap() {
  const M = DATA.map;
  const [levels, cumulative, above] = await Promise.all([
    unpack(M.levels),
    unpack(M.cumulative),
    unpack(M.above),
  ]);
  const edges = floats(M.edges);
  const close = floats(M.close);
  const nP = edges.length - 1;
  const nT = M.time.length;
  const unit = DATA.quote_unit;
  const logEdge = edges.map(Math.log);
  const step = (logEdge[nP] - logEdge[0]) / nP;
  const perPercent = 1 / (100 * step);
  const middle = Float64Array.from({ length: nP }, (_, p) => logEdge[0] + (p + 0.5) * step);
  const at = (q, t, side, p) => ((q * nT + t) * 2 + side) * nP + p;
  // A column covers its bar and those that were left out up to the next column.
  const spacing = nT > 1 ? M.time[1] - M.time[0] : M.bar_ms;
  const even = M.time.every((ms, t) => ms === M.time[0] + t * spacing);
  const centre = (t) => M.time[t] + M.bar_ms - spacing / 2;
  const closing = (t) => M.time[t] + M.bar_ms;
  const state = { mode: "median", bar: nT - 1, held: false, range: null };

  state.range = startRange();
  const home = [...state.range];
  const scale = { median: bounds("median"), width: bounds("width") };
  const widest = { profile: span(levels, perPercent), cumulative: span(cumulative, 1) };

  function startRange() {
    const known = [...close].filter((v) => v > 0);
    const low = Math.log(0.78 * Math.min(...known));
    const high = Math.log(1.28 * Math.max(...known));
    return [Math.max(low, logEdge[0]), Math.min(high, logEdge[nP])];
  }

  function value(mode, t, side, p) {
    if (mode === "median") return levels[at(1, t, side, p)] * perPercent;
    if (mode === "above") return above[(t * 2 + side) * nP + p];
    return (levels[at(2, t, side, p)] - levels[at(0, t, side, p)]) * perPercent;
  }

  // Colours run over the fifty-fold range below the largest values but the top half per cent.
  function bounds(mode) {
    const found = [];
    const hop = Math.max(1, Math.floor(nT / 200));
    for (let t = 0; t < nT; t += hop) {
      for (let p = 0; p < nP; p += 1) {
        const v = Math.max(value(mode, t, 0, p), value(mode, t, 1, p));
        if (v > 0) found.push(v);
      }
    }
    found.sort((a, b) => a - b);
    const top = found.length ? found[Math.floor(0.995 * (found.length - 1))] : 1;
    return { low: top / 50, high: top };
  }

  // The largest upper end that is seen in the price range of the start.
  function span(values, factor) {
    const quantile = DATA.rule ? 1 : 2;
    const found = [];
    const hop = Math.max(1, Math.floor(nT / 200));
    for (let t = 0; t < nT; t += hop) {
      for (let side = 0; side < 2; side += 1) {
        let top = 0;
        for (let p = 0; p < nP; p += 1) {
          const v = values[at(quantile, t, side, p)] * factor;
          if (middle[p] > home[0] && middle[p] < home[1] && v > top) top = v;
        }
        found.push(top);
      }
    }
    found.sort((a, b) => a - b);
    return 1.05 * (found[Math.floor(0.98 * (found.length - 1))] || 1);
  }

  const shade = (v, b) => {
    if (!(v > 0)) return 0;
    if (v < b.low) return (0.12 * v) / b.low;
    return Math.min(1, 0.12 + (0.88 * Math.log(v / b.low)) / Math.log(b.high / b.low));
  };

  function surface() {
    const rows = [];
    for (let p = 0; p < nP; p += 1) {
      const row = new Float32Array(nT);
      for (let t = 0; t < nT; t += 1) {
        const below = value(state.mode, t, 0, p);
        const over = value(state.mode, t, 1, p);
        const side = over > below ? -1 : 1;
        const v = side > 0 ? below : over;
        row[t] = side * (state.mode === "above" ? v : shade(v, scale[state.mode]));
      }
      rows.push(row);
    }
    return rows;
  }

  const STOPS = [
    [0, "short-3"],
    [0.25, "short-2"],
    [0.44, "short-1"],
    [0.5, "none"],
    [0.56, "long-1"],
    [0.75, "long-2"],
    [1, "long-3"],
  ];

  // What the colours mean: shorts to the left, longs to the right.
  function drawLegend() {
    const chance = state.mode === "above";
    const stops = STOPS.map(([at_, name]) => `${colour(`heat-${name}`)} ${100 * at_}%`);
    $("legend-bar").style.background = `linear-gradient(to right, ${stops.join(", ")})`;
    const b = scale[state.mode];
    const ticks = chance
      ? [1, 0.5].map((v) => [v, v.toFixed(1)])
      : [1, 0.15].map((part) => [shade(part * b.high, b), amount(part * b.high)]);
    const marks = [...ticks.map(([v, t]) => [-v, t]), [0, "0"], ...ticks].sort((a, b) => a[0] - b[0]);
    $("legend-ticks").replaceChildren(
      ...marks.map(([v, text]) => {
        const mark = document.createElement("span");
        mark.style.left = `${50 + 50 * v}%`;
        mark.textContent = text;
        return mark;
      }),
    );
    $("legend-words").textContent = chance ? "probability" : `${unit} per 1 % of price`;
  }

  function priceTicks([low, high], wanted) {
    const a = Math.exp(low);
    const b = Math.exp(high);
    const rough = (b - a) / wanted;
    const ten = 10 ** Math.floor(Math.log10(rough));
    const size = [1, 2, 2.5, 5, 10].map((k) => k * ten).find((k) => k >= rough);
    const out = [];
    for (let v = Math.ceil(a / size) * size; v <= b; v += size) out.push(v);
    return { tickvals: out.map(Math.log), ticktext: out.map(price) };
  }

  const priceAxis = (title, more = {}) =>
    axis(title, { range: [...state.range], ...priceTicks(state.range, 8), zeroline: false, ...more });

  const cursor = () => ({
    type: "line",
    xref: "x",
    yref: "paper",
    x0: stamp(centre(state.bar)),
    x1: stamp(centre(state.bar)),
    y0: 0,
    y1: 1,
    line: { color: colour("ink"), width: state.held ? 2 : 1, dash: state.held ? "solid" : "dot" },
  });

  let shown = { mode: null, rows: null };
  function drawMap() {
    drawLegend();
    if (shown.mode !== state.mode) shown = { mode: state.mode, rows: surface() };
    const first = stamp(centre(0));
    const place = even
      ? { x0: first, dx: spacing }
      : { x: M.time.map((_, t) => stamp(centre(t))) };
    const line = { x: M.time.map((_, t) => stamp(closing(t))), y: [...close].map(Math.log) };
    const trace = { ...line, type: "scatter", mode: "lines", hoverinfo: "skip" };
    return draw(
      "map-plot",
      [
        {
          type: "heatmap",
          z: shown.rows,
          ...place,
          xtype: even ? "scaled" : "array",
          y0: middle[0],
          dy: step,
          zmin: -1,
          zmax: 1,
          hoverinfo: "none",
          colorscale: STOPS.map(([at_, name]) => [at_, colour(`heat-${name}`)]),
          showscale: false,
        },
        { ...trace, line: { color: colour("surface"), width: 3.5 } },
        { ...trace, line: { color: colour("ink"), width: 1.4 } },
      ],
      layout({
        title: heading("Levels through time"),
        margin: { l: 10, r: 10, t: 26, b: 52 },
        xaxis: axis("", { automargin: false, type: "date", showgrid: false, range: [stamp(centre(0) - spacing / 2), stamp(centre(nT - 1) + spacing / 2)] }),
        yaxis: priceAxis(`price (${unit}, log scale)`, { showgrid: false }),
        shapes: [cursor()],
        hovermode: "closest",
        uirevision: "map",
      }),
    );
  }

  // Median and band of one side over price, up to where that side's levels can be.
  function sideTraces(values, side, factor) {
    const name = SIDES[side];
    const here = Math.log(close[state.bar]);
    const price_ = [];
    const x = [[], [], []];
    for (let p = 0; p < nP; p += 1) {
      const outward = side === 0 ? middle[p] <= here + step : middle[p] >= here - step;
      if (!outward) continue;
      price_.push(middle[p]);
      for (let q = 0; q < 3; q += 1) x[q].push(values[at(q, state.bar, side, p)] * factor);
    }
    const tone = colour(name);
    const line = { y: price_, mode: "lines", hoverinfo: "skip" };
    const bands = DATA.rule
      ? []
      : [
          { ...line, x: x[0], line: { width: 0, color: tone } },
          { ...line, x: x[2], line: { width: 0, color: tone }, fill: "tonextx", fillcolor: faint(tone, 0.25) },
        ];
    return [
      ...bands,
      {
        ...line,
        x: x[1],
        line: { color: tone, width: 1.8 },
        hoverinfo: "text",
        text: price_.map((y, i) =>
          plain(`${name}s at ${price(Math.exp(y))}: ${amount(x[1][i])} (${interval(x[0][i], x[2][i])}) ${unit}`),
        ),
      },
    ];
  }

  function beside(id, values, factor, title, words) {
    const here = Math.log(close[state.bar]);
    return draw(
      id,
      [...sideTraces(values, 0, factor), ...sideTraces(values, 1, factor)],
      layout({
        title: heading(title),
        margin: { l: 10, r: 10, t: 26, b: 52 },
        xaxis: axis(words, { automargin: false, range: [0, widest[id.split("-")[0]]], nticks: 4 }),
        yaxis: priceAxis("", { showticklabels: stacked(), gridcolor: colour("line") }),
        shapes: [
          { type: "line", xref: "paper", x0: 0, x1: 1, y0: here, y1: here, line: { color: colour("ink"), width: 1, dash: "dot" } },
        ],
        hovermode: "closest",
        uirevision: "beside",
      }),
    );
  }

  function drawBeside() {
    return Promise.all([
      beside("profile-plot", levels, perPercent, "Profile", `${unit} per 1 %`),
      beside("cumulative-plot", cumulative, 1, "Cumulative", unit),
    ]);
  }

  // What is reached of a side within an adverse move of the chosen bar, along the bins' far edges.
  function reached(side, move) {
    const target = Math.log(close[state.bar]) + Math.log(side === 0 ? 1 - move : 1 + move);
    const far = (target - logEdge[0]) / step;
    if (!(far >= 0 && far <= nP)) return [NaN, NaN, NaN];
    const edge = Math.floor(far);
    const part = far - edge;
    return [0, 1, 2].map((q) => {
      const series = (p) => (p < 0 || p >= nP ? NaN : cumulative[at(q, state.bar, side, p)]);
      // a long bin's far edge is its lower one, a short bin's its upper one
      const [a, b] = side === 0 ? [series(edge), series(edge + 1)] : [series(edge - 1), series(edge)];
      return part === 0 ? a : a + part * (b - a);
    });
  }

  function fillTable() {
    const body = $("chosen").tBodies[0];
    const here = close[state.bar];
    const rows = DATA.moves.map((move) => {
      const row = document.createElement("tr");
      const head = document.createElement("th");
      head.scope = "row";
      head.className = "number";
      head.textContent = percent(move);
      row.append(head);
      for (const side of [0, 1]) {
        const where = document.createElement("td");
        where.className = "number";
        where.textContent = price(here * (side === 0 ? 1 - move : 1 + move));
        const what = document.createElement("td");
        what.className = "number";
        const [low, mid, high] = reached(side, move);
        what.dataset.v = String(mid);
        what.textContent = amount(mid);
        const under = document.createElement("span");
        under.className = "below";
        under.textContent = unknown(mid) ? "outside the priced range" : interval(low, high);
        what.append(under);
        row.append(where, what);
      }
      return row;
    });
    body.replaceChildren(...rows);
    $("chosen-when").textContent = `${price(here)} at ${stamp(closing(state.bar))} UTC`;
  }

  let telling = 0;
  function tell() {
    clearTimeout(telling);
    telling = setTimeout(() => {
      const move = DATA.moves.includes(0.05) ? 0.05 : DATA.moves[0];
      const [down, up] = [reached(0, move), reached(1, move)];
      $("readout").textContent =
        `${stamp(closing(state.bar))} UTC, close ${price(close[state.bar])}: a fall of ${percent(move)} would reach ` +
        `${amount(down[1])} ${unit} of longs (${interval(down[0], down[2])}), a rise ` +
        `${amount(up[1])} ${unit} of shorts (${interval(up[0], up[2])})` +
        (M.bridged.includes(state.bar) ? "; open interest of this bar is interpolated." : ".");
    }, 250);
  }

  let waiting = false;
  function choose(bar, always = false) {
    const next = Math.max(0, Math.min(nT - 1, bar));
    if (next === state.bar && !always) return;
    state.bar = next;
    const slider = $("bar");
    slider.value = String(next);
    const when = `${stamp(closing(next))} UTC`;
    slider.setAttribute("aria-valuetext", when);
    $("when").textContent = when + (state.held ? " (held)" : "");
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(async () => {
      waiting = false;
      const drawn = state.bar;
      const drawings = [Plotly.relayout($("map-plot"), { shapes: [cursor()] }), drawBeside()];
      fillTable();
      tell();
      await Promise.all(drawings);
      // figures and table show this bar now; a script that reads them has to wait for it
      $("chosen").dataset.bar = String(drawn);
    });
  }

  function hold(yes) {
    state.held = yes;
    choose(state.bar, true);
  }

  function showTip(event, t, p) {
    const tip = $("tip");
    const side = levels[at(1, t, 1, p)] > levels[at(1, t, 0, p)] || middle[p] > Math.log(close[t]) ? 1 : 0;
    const [low, mid, high] = [0, 1, 2].map((q) => levels[at(q, t, side, p)] * perPercent);
    const [from, most, to] = [0, 1, 2].map((q) => cumulative[at(q, t, side, p)]);
    const chance = above[(t * 2 + side) * nP + p];
    const lines = [
      `${SIDES[side]}s at ${price(edges[p])} to ${price(edges[p + 1])}`,
      `${stamp(closing(t))} UTC`,
      `median ${amount(mid)} ${unit} per 1 %`,
      `90 % interval ${interval(low, high)}`,
      `P(bin holds > ${amount(M.threshold)} ${DATA.quantity_unit}) ${unknown(chance) ? "–" : chance.toFixed(2)}`,
      `on the way there ${amount(most)} (${interval(from, to)})`,
    ];
    tip.replaceChildren(
      ...lines.map((text, i) => {
        const part = document.createElement(i === 0 ? "b" : "span");
        part.textContent = text;
        return part;
      }),
    );
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const x = event.clientX + 16 + box.width > innerWidth ? event.clientX - box.width - 16 : event.clientX + 16;
    const y = Math.min(event.clientY + 14, innerHeight - box.height - 8);
    tip.style.left = `${Math.max(4, x)}px`;
    tip.style.top = `${Math.max(4, y)}px`;
  }

  const cell = (event) => {
    const point = event.points.find((each) => each.curveNumber === 0);
    if (!point) return null;
    const [p, t] = point.pointIndex ?? point.pointNumber;
    return { p, t };
  };

  function sync(source) {
    return (change) => {
      let range = null;
      if ("yaxis.range[0]" in change) range = [change["yaxis.range[0]"], change["yaxis.range[1]"]];
      else if (Array.isArray(change["yaxis.range"])) range = change["yaxis.range"];
      else if (change["yaxis.autorange"]) range = [...home];
      if (!range || (range[0] === state.range[0] && range[1] === state.range[1])) return;
      state.range = [...range].sort((a, b) => a - b);
      const ticks = priceTicks(state.range, 8);
      for (const id of ["map-plot", "profile-plot", "cumulative-plot"]) {
        Plotly.relayout($(id), {
          "yaxis.range": [...state.range],
          "yaxis.tickvals": ticks.tickvals,
          "yaxis.ticktext": ticks.ticktext,
        });
      }
    };
  }

  const words = {
    median: "posterior median",
    width: "width of the 90 % interval",
    above: `probability that a bin holds more than ${amount(M.threshold)} ${DATA.quantity_unit}`,
  };
  for (const input of document.querySelectorAll("#mode input")) {
    input.addEventListener("change", () => {
      state.mode = input.value;
      $("mode-words").textContent = words[input.value];
      drawMap();
    });
  }
  const slider = $("bar");
  slider.max = String(nT - 1);
  slider.addEventListener("input", () => choose(Number(slider.value)));
  $("back").addEventListener("click", () => choose(state.bar - 1));
  $("forth").addEventListener("click", () => choose(state.bar + 1));
  $("latest").addEventListener("click", () => {
    state.held = false;
    choose(nT - 1, true);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && state.held) hold(false);
  });

  figures.push(drawMap, drawBeside);
  await drawMap();
  await drawBeside();
  const map = $("map-plot");
  map.on("plotly_hover", (event) => {
    const found = cell(event);
    if (!found) return;
    if (!COARSE && event.event) showTip(event.event, found.t, found.p);
    if (!state.held) choose(found.t);
  });
  map.on("plotly_unhover", () => {
    $("tip").hidden = true;
  });
  map.on("plotly_click", (event) => {
    const found = cell(event);
    if (!found) return;
    state.held = !COARSE && !(state.held && found.t === state.bar);
    choose(found.t, true);
  });
  for (const id of ["map-plot", "profile-plot", "cumulative-plot"]) {
    $(id).on("plotly_relayout", sync(id));
  }
  $("loading").remove();
  choose(nT - 1, true);
}
