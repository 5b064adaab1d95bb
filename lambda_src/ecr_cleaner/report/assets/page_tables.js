"use strict";
/* Tables that are searched, filtered and sorted; only the rows in view are in the page. */

const NARROW = window.matchMedia("(max-width: 700px)");
const PRINT = window.matchMedia("print");
const ROW_HEIGHT = 52;
const MAX_ROWS_SHOWN = 11;

/*
 * One table with its search box, filters and sort order.
 *
 * told.name      of the section: its elements' ids begin with it
 * told.rows      objects
 * told.columns   Tabulator's, with `wide: true` for those that a phone leaves out
 * told.text      row -> all that a search looks through
 * told.filters   [{label, value: row -> string}]
 * told.sorts     [[label, field, direction]]; the first holds
 * told.one/many  what a row is called
 * told.empty     what is said where there is nothing
 * told.printed   [[title, row -> string]]: what stands on paper
 *
 * Returns a promise that is kept once the table is there.
 */
function makeTable(told) {
  const tools = byId(`${told.name}-tools`);
  const holder = byId(`${told.name}-table`);
  const hits = byId(`${told.name}-hits`);
  const of = (number) => count(number, told.one, told.many);
  if (!told.rows.length) {
    tools.remove();
    holder.remove();
    hits.textContent = told.empty;
    return Promise.resolve();
  }
  const search = element("input", { type: "search", autocomplete: "off", spellcheck: false, id: `${told.name}-search` });
  tools.append(field("Search", search, "field wide"));
  const filters = (told.filters || []).map((filter) => ({ ...filter, select: choice(tools, `${told.name}-${filter.label.toLowerCase()}`, filter.label, valuesOf(told.rows, filter.value)) }));
  const sort = choice(tools, `${told.name}-sort`, "Sort by", told.sorts.map(([label]) => label), null);
  tools.addEventListener("submit", (event) => event.preventDefault());

  const found = new Map();
  const textOf = (row) => {
    if (!found.has(row)) found.set(row, told.text(row).toLowerCase());
    return found.get(row);
  };
  const [, by, dir] = told.sorts[0];
  const height = Math.min(told.rows.length, MAX_ROWS_SHOWN) * (ROW_HEIGHT + 1) + 42;
  const table = new Tabulator(holder, {
    data: told.rows,
    columns: told.columns.map(({ wide, ...column }) => ({ headerHozAlign: column.hozAlign, visible: !(wide && NARROW.matches), ...column })),
    columnDefaults: { headerSortTristate: false, resizable: false, headerSort: true },
    initialSort: [{ column: by, dir }],
    layout: "fitColumns",
    height,
    rowHeight: ROW_HEIGHT,
    renderVertical: "virtual",
    renderVerticalBuffer: 400,
    nestedFieldSeparator: false,
    placeholder: () => "Nothing matches the search.",
    index: "id",
    autoResize: true,
  });
  const tell = (number) => {
    hits.textContent = number === told.rows.length ? of(number) : `${NUMBER.format(number)} of ${of(told.rows.length)}`;
  };
  const isAsked = () => search.value !== "" || filters.some((filter) => filter.select.value !== "");
  const apply = () => {
    if (!holder.dataset.ready) return;
    const parts = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = filters.filter((filter) => filter.select.value !== "");
    table.setFilter((row) => chosen.every((filter) => filter.value(row) === filter.select.value) &&
      parts.every((part) => textOf(row).includes(part)));
  };
  let waiting = 0;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(apply, 120);
  });
  filters.forEach((filter) => filter.select.addEventListener("change", apply));
  const arrange = () => {
    if (!holder.dataset.ready) return;
    const [, column, direction] = told.sorts[sort.selectedIndex];
    table.setSort(column, direction);
  };
  sort.addEventListener("change", arrange);
  table.on("dataFiltered", (_, rows) => tell(rows.length));
  // What is asked of a table that is still being built waits for it.
  const built = new Promise((resolve) => table.on("tableBuilt", () => {
    describe(holder, told.label);
    makeHeadersKeys(table);
    tell(told.rows.length);
    holder.dataset.ready = "true";
    if (isAsked()) apply();
    if (sort.selectedIndex > 0) arrange();
    resolve();
  }));
  printWhole(holder, told, () => table.getRows("active").map((row) => row.getData()));
  NARROW.addEventListener("change", () => {
    told.columns.filter((column) => column.wide).forEach((column) => table[NARROW.matches ? "hideColumn" : "showColumn"](column.field));
    table.redraw(true);
  });
  return built;
}

const MAX_ROWS_PRINTED = 5000;

/* The page holds the rows in view alone: for paper all of them that the search left become a plain table. */
function printWhole(holder, told, rowsLeft) {
  const clear = () => document.getElementById(`${told.name}-printed`)?.remove();
  const fill = () => {
    clear();
    const rows = holder.dataset.ready ? rowsLeft() : told.rows;
    const cells = (kind, texts) => element("tr", {}, ...texts.map((text) => element(kind, { textContent: text, className: text.length < 20 ? "short" : "" })));
    const body = rows.slice(0, MAX_ROWS_PRINTED).map((row) => cells("td", told.printed.map(([, value]) => value(row))));
    if (rows.length > MAX_ROWS_PRINTED) {
      const text = `${NUMBER.format(rows.length - MAX_ROWS_PRINTED)} more: in the JSON document beside this page.`;
      body.push(element("tr", {}, element("td", { colSpan: told.printed.length, textContent: text })));
    }
    const head = element("thead", {}, cells("th", told.printed.map(([title]) => title)));
    holder.after(element("table", { id: `${told.name}-printed`, className: "printed" }, head, element("tbody", {}, ...body)));
  };
  window.addEventListener("beforeprint", fill);
  window.addEventListener("afterprint", clear);
  PRINT.addEventListener("change", () => (PRINT.matches ? fill() : clear()));
}

function field(label, control, className = "field") {
  return element("div", { className }, element("label", { htmlFor: control.id, textContent: label }), control);
}

function choice(tools, id, label, values, all = "All") {
  const select = element("select", { id });
  if (all) select.append(element("option", { value: "", textContent: all }));
  values.forEach((value) => select.append(element("option", { value, textContent: value })));
  tools.append(field(label, select));
  return select;
}

function valuesOf(rows, value) {
  return [...new Set(rows.map(value))].sort();
}

/* The part that scrolls takes the keyboard's focus, so that it is the group of rows, and not what lies in it. */
function describe(holder, label) {
  holder.setAttribute("aria-label", label);
  holder.removeAttribute("aria-owns");
  holder.querySelector(".tabulator-tableholder").setAttribute("role", "rowgroup");
  holder.querySelector(".tabulator-table").setAttribute("role", "presentation");
}

/* Whoever has no pointer sorts with Enter or the space bar. */
function makeHeadersKeys(table) {
  table.getColumns().forEach((column) => {
    const header = column.getElement();
    header.tabIndex = 0;
    header.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      const [held] = table.getSorters();
      const again = held && held.field === column.getField() && held.dir === "asc";
      table.setSort(column.getField(), again ? "desc" : "asc");
    });
  });
}

const byText = (value) => (_a, _b, rowA, rowB) => {
  const [a, b] = [value(rowA.getData()), value(rowB.getData())];
  return a < b ? -1 : Number(a > b);
};

const byNumber = (a, b) => a - b;

function showDetails(heading, entries) {
  byId("details-heading").textContent = heading;
  byId("details-list").replaceChildren(...entries.filter(([, value]) => value && value.length).flatMap(([name, value]) => [
    element("dt", { textContent: name }),
    element("dd", {}, ...[value].flat().map((text) => element("div", { textContent: text }))),
  ]));
  byId("details").showModal();
}

function nameButton(text, entries) {
  const button = element("button", { type: "button", className: "name", textContent: text });
  button.addEventListener("click", () => showDetails(text, entries()));
  return button;
}
