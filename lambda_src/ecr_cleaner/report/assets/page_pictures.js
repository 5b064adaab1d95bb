"use strict";
/* The two pictures; what they show is told in words as well. */

const MAX_BARS = 12;

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/* Marks on an axis at round numbers of KiB, MiB, GiB. */
function roundStep(largest) {
  const rough = Math.max(largest, 1) / 4;
  const unit = 1024 ** Math.floor(Math.log2(rough) / 10);
  return [1, 2, 5, 10, 20, 50, 100, 200, 500, 1024].find((step) => step * unit >= rough) * unit;
}

function drawStorage(told) {
  const sized = told.repositories.filter((one) => one.bytes_total).sort((a, b) => b.bytes_total - a.bytes_total);
  const part = told.run.dry_run ? "bytes_removable" : "bytes_removed";
  const goes = told.run.dry_run ? (told.run.settings.removal_mode === "archive" ? "Would be archived" : "Would be removed") : "Removed";
  if (!sized.length) {
    byId("storage-picture").replaceChildren(element("p", { className: "fine", textContent: "No repository was evaluated." }));
    return null;
  }
  const rest = sized.slice(MAX_BARS);
  const bars = sized.slice(0, MAX_BARS).map((one) => ({ name: one.name, total: one.bytes_total, goes: one[part] }));
  if (rest.length) {
    const sum = (field) => rest.reduce((all, one) => all + one[field], 0);
    bars.push({ name: `${NUMBER.format(rest.length)} more`, total: sum("bytes_total"), goes: sum(part) });
  }
  byId("storage-picture").style.minHeight = `${bars.length * 28 + 90}px`;
  byId("storage").setAttribute("aria-label", `Bars: ${bars.map((bar) => `${bar.name} ${bytes(bar.total)}, of it ${goes.toLowerCase()} ${bytes(bar.goes)}`).join("; ")}.`);
  const short = (name) => (name.length > 28 ? `…${name.slice(-27)}` : name);
  return new Chart(byId("storage"), {
    type: "bar",
    data: {
      labels: bars.map((bar) => bar.name),
      datasets: [
        { label: "Kept", token: "kept", data: bars.map((bar) => bar.total - bar.goes) },
        { label: goes, token: "gone", data: bars.map((bar) => bar.goes) },
      ],
    },
    options: {
      ...commonOptions((context) => `${context.dataset.label}: ${bytes(context.raw)} at most`),
      indexAxis: "y",
      scales: {
        x: { stacked: true, ticks: { callback: (value) => bytes(value), stepSize: roundStep(Math.max(...bars.map((bar) => bar.total))) } },
        y: { stacked: true, grid: { display: false }, ticks: { autoSkip: false, callback(value) { return short(this.getLabelForValue(value)); } } },
      },
    },
  });
}

function drawTrend(told) {
  const runs = told.trend;
  if (runs.length < 2) {
    byId("trend-picture").remove();
    byId("trend-words").textContent = "This is the first recorded run: the trend starts with the next one.";
    return null;
  }
  const [first, last] = [runs[0], runs.at(-1)];
  byId("trend").setAttribute("aria-label",
    `Lines over ${count(runs.length, "run")} from ${moment(first.started_at)} to ${moment(last.started_at)}: ` +
    `stored ${bytes(first.bytes_total)}, now ${bytes(last.bytes_total)}; removable ${bytes(first.bytes_removable)}, now ${bytes(last.bytes_removable)}.`);
  const lineOf = (label, token, field) => ({ label, token, data: runs.map((run) => run[field]), pointRadius: runs.length > 30 ? 0 : 2.5, borderWidth: 2, tension: 0 });
  return new Chart(byId("trend"), {
    type: "line",
    data: {
      labels: runs.map((run) => run.started_at.slice(0, 10)),
      datasets: [lineOf("Stored", "kept", "bytes_total"), lineOf("Old and unused", "gone", "bytes_removable"), lineOf("Removed", "good", "bytes_removed")],
    },
    options: {
      ...commonOptions((context) => `${context.dataset.label}: ${bytes(context.raw)} at most`),
      interaction: { mode: "index", intersect: false },
      scales: {
        x: { grid: { display: false }, ticks: { maxTicksLimit: 6, maxRotation: 0 } },
        y: { beginAtZero: true, ticks: { callback: (value) => bytes(value), stepSize: roundStep(Math.max(...runs.map((run) => run.bytes_total))) } },
      },
    },
  });
}

function commonOptions(label) {
  return {
    animation: false,
    responsive: true,
    maintainAspectRatio: false,
    plugins: { tooltip: { callbacks: { label } }, legend: { position: "bottom", labels: { boxWidth: 14, boxHeight: 14 } } },
  };
}

function paint(chart) {
  for (const dataset of chart.data.datasets) {
    dataset.backgroundColor = colour(dataset.token);
    dataset.borderColor = colour(dataset.token);
  }
  for (const scale of Object.values(chart.options.scales)) {
    scale.ticks = { ...scale.ticks, color: colour("soft") };
    scale.grid = { ...scale.grid, color: colour("line") };
    scale.border = { color: colour("line") };
  }
  chart.options.plugins.legend.labels.color = colour("text");
  chart.update();
}

function drawPictures(told) {
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  const charts = [drawStorage(told), drawTrend(told)].filter(Boolean);
  charts.forEach(paint);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => charts.forEach(paint));
}
