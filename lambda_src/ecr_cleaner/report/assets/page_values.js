"use strict";
/* How values are told to people. What comes from the document becomes text, never markup. */

const KIND_OF_STATUS = { completed: "good", degraded: "warn", incomplete: "warn", refused: "bad", failed: "bad" };
const NUMBER = new Intl.NumberFormat("en");
const MONEY = new Intl.NumberFormat("en", { style: "currency", currency: "USD" });

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children.filter((child) => child !== null));
  return made;
}

function byId(id) {
  return document.getElementById(id);
}

function words(text) {
  const plain = String(text).replaceAll("_", " ");
  return plain.charAt(0).toUpperCase() + plain.slice(1);
}

function bytes(size) {
  let unit = 0;
  while (size >= 1024 && unit < 4) {
    size /= 1024;
    unit += 1;
  }
  return `${size.toLocaleString("en", { maximumFractionDigits: unit ? 1 : 0 })} ${["B", "KiB", "MiB", "GiB", "TiB"][unit]}`;
}

function moment(text) {
  return text ? `${text.slice(0, 10)} ${text.slice(11, 16)} UTC` : "";
}

function count(number, one, many = `${one}s`) {
  return `${NUMBER.format(number)} ${number === 1 ? one : many}`;
}

function badge(text, kind) {
  return element("span", { className: `badge ${kind}`, textContent: text });
}

function two(first, second) {
  return element("span", { className: "two" }, first, element("span", { textContent: second }));
}

function line(text) {
  return element("span", { textContent: text });
}

/* The image as a person writes it: by its tags, else by its digest. */
function imageName(image) {
  return image.tags.length ? `${image.repository}:${image.tags[0]}` : `${image.repository}@${image.digest.slice(0, 19)}`;
}

/* What happened to an image, or would. Of a run that was refused nobody knows whether what seems unused is. */
function outcomeOf(image, run) {
  if (image.reason === "in_grace") return "in grace";
  if (image.verdict === "keep") return "kept";
  if (image.removal) {
    return { removed: "removed", archived: "archived", not_journalled: "kept: not journalled", failed: "failed", partly_untagged: "lost tags", deferred: "left for next run",
      withheld: "over a limit", limited: "waits: limit", proposed: "waits for approval", not_in_plan: "kept: not in the plan", changed: "kept: changed", holder_kept: "kept: with its holder" }[image.removal.status];
  }
  if (run.status === "refused") return "no known use";
  if (!run.dry_run) return "not removed";
  return image.reason !== "archived_and_unused" && run.settings.removal_mode === "archive" ? "would be archived" : "would be removed";
}

const KIND_OF_OUTCOME = { kept: "idle", removed: "good", archived: "good", "would be removed": "warn", "in grace": "warn", "would be archived": "warn", failed: "bad", "lost tags": "bad" };

/* What was removed, or would be, comes first; then what was not removed as it should, what waits, and what is kept. */
const ORDER = ["removed", "archived", "would be removed", "would be archived", "no known use", "not removed", "failed", "lost tags", "kept: not journalled", "over a limit",
  "waits for approval", "waits: limit", "left for next run", "in grace", "kept: changed", "kept: with its holder", "kept: not in the plan", "kept"];

/* Numbers the images in this order; of one outcome the oldest first. */
function placeImages(images) {
  const rank = (image) => (ORDER.indexOf(image.outcome) + ORDER.length + 1) % (ORDER.length + 1);
  [...images].sort((a, b) => rank(a) - rank(b) || b.age_days - a.age_days || (imageName(a) < imageName(b) ? -1 : 1))
    .forEach((image, place) => { image.place = place; });
}

async function readDocument() {
  const text = byId("document").textContent;
  const raw = atob(text);
  const data = new Uint8Array(raw.length);
  for (let at = 0; at < raw.length; at += 1) data[at] = raw.charCodeAt(at);
  byId("document").textContent = "";
  const stream = new Blob([data]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}
