"use strict";
/* Puts the document into the page. */

function fillTop(told) {
  const run = told.run;
  const where = [run.account_id && `Account ${run.account_id}`, run.region, moment(run.started_at), `took ${Math.round(run.duration_seconds)} s`];
  byId("subtitle").textContent = where.filter(Boolean).join(" · ");
  document.title = `ECR cleaner ${run.started_at.slice(0, 10)}: ${run.status}`;
  byId("status").append(badge(words(run.status), KIND_OF_STATUS[run.status]), badge(run.dry_run ? "Dry run: nothing was removed" : "Real run", "idle"));
  byId("footer").textContent = `Run ${run.id}, ecr-cleaner ${run.version}. This page asks for nothing from anywhere.`;
  byId("headline").textContent = told.headline;
  fillCauses(told);
  fillNext(told);
  fillChanges(told);
  fillList("notes", told.notes);
  fillList("unprotected", told.unprotected);
}

function fillCauses(told) {
  fillList("causes", told.causes);
  if (told.run.status !== "degraded") return;
  byId("causes").classList.replace("bad", "warn");
  byId("causes-heading").textContent = "What could not be looked at, so that what it may pull stays";
  byId("causes-link").hash = "degraded-runs";
}

function fillNext(told) {
  if (!told.next_step) return;
  byId("next").hidden = false;
  byId("next-sentence").textContent = told.next_step.sentence;
  byId("next-command").textContent = told.next_step.command;
}

const CHANGES = [["removable", "Now old and unused"], ["in_use", "Now in use"], ["skipped", "Now skipped"], ["findings", "New finding"], ["findings_gone", "No longer found"],
  ["accounts_failed", "Other accounts that can no longer be looked at completely"], ["accounts_complete", "Other accounts that can be looked at completely again"]];

function fillChanges(told) {
  const { changes } = told;
  if (!changes) {
    byId("changes").remove();
    return;
  }
  const lines = CHANGES.filter(([name]) => changes[name]?.count).map(([name, heading]) => {
    const { count: number, first } = changes[name];
    const more = number > first.length ? `, and ${NUMBER.format(number - first.length)} more` : "";
    return element("li", { textContent: `${heading}: ${NUMBER.format(number)} (${first.join(", ")}${more})` });
  });
  const unknown = changes.unknown && `What changed is not known: ${changes.unknown}.`;
  const since = changes.since && (lines.length ? `Compared with the run of ${moment(changes.since)}.` : `Nothing else changed since the run of ${moment(changes.since)}.`);
  byId("changes-words").textContent = [since, unknown].filter(Boolean).join(" ");
  byId("changes").querySelector("ul").replaceChildren(...lines);
}

const MAX_LINES = 8;

function fillList(id, texts) {
  const items = texts.map((text) => element("li", { textContent: text }));
  byId(id).hidden = !texts.length;
  byId(id).querySelector("ul").replaceChildren(...items.slice(0, MAX_LINES));
  if (items.length > MAX_LINES) {
    const more = element("summary", { textContent: `${NUMBER.format(items.length - MAX_LINES)} more` });
    byId(id).append(element("details", {}, more, element("ul", {}, ...items.slice(MAX_LINES))));
  }
}

function fillTotals(told) {
  const { totals, savings, run } = told;
  const went = run.dry_run ? savings.removable : savings.removed;
  const cards = [
    ["Images", NUMBER.format(totals.images), `in ${count(told.repositories.length, "repository", "repositories")} that opted in`],
    ["Kept", NUMBER.format(totals.kept), "in use, young, or kept by a rule"],
    ["Old and unused", NUMBER.format(totals.removable), `${bytes(totals.bytes_removable)} at most`],
    ["Removed", NUMBER.format(totals.removed), run.dry_run ? "a dry run removes nothing" : `${bytes(savings.removed.bytes_at_most)} at most`],
    ...(archives(told) ? [["Archived", NUMBER.format(totals.archived), `${bytes(savings.in_archive.bytes_at_most)} lay in the archive before, at most`]] : []),
    ["Stored", bytes(savings.total.bytes_at_most), `at most ${MONEY.format(savings.total.usd_per_month_at_most)} a month`],
    [run.dry_run ? "Could be saved" : "Saved", MONEY.format(went.usd_per_month_at_most), "a month, at most"],
  ];
  byId("totals").append(...cards.map(([name, value, more]) => element("div", {},
    element("dt", { textContent: name }), element("dd", { textContent: value }), element("dd", { textContent: more }))));
  byId("savings-words").textContent =
    `Sums are upper bounds: ECR bills layers that images share once, here each image counts in full. An index adds nothing to what it lists. ` +
    `Price: ${MONEY.format(savings.price_per_gb_month)} for a GB and month.` +
    (archives(told) ? " ECR's archive costs the same, so what is moved there saves nothing; only what is deleted does." : "") +
    (run.status === "refused" ? " This run was refused: what seems unused may be in use." : "");
}

function archives(told) {
  return told.run.settings.removal_mode === "archive" || told.totals.bytes_in_archive > 0;
}

const ruleName = (number) => `retention_rules[${number}]`;

function imageEntries(image, told) {
  return [
    ["Outcome", words(image.outcome)],
    ["Reason", words(image.reason)],
    ["Evidence", image.evidence],
    ["Rules", image.rules.length ? image.rules.map(ruleName) : "none: the default age"],
    ["Removal", image.removal && [words(image.removal.status), ...image.removal.codes, image.removal.detail].filter(Boolean)],
    ["Repository", image.repository],
    ["Tags", image.tags.length ? image.tags : "(none)"],
    ["Digest", image.digest],
    ["Kind", image.index ? "Index: lists manifests; its own size is not counted" : "Manifest"],
    ["Size", `${bytes(image.bytes)}${image.index ? ", the largest of its manifests" : ""}`],
    ["Pushed", `${moment(image.pushed_at)}, ${count(image.age_days, "day")} ago`],
    ["Last pulled", image.last_pulled_at ? moment(image.last_pulled_at) : "never, as far as ECR tells"],
    ["Storage class", image.storage_class === "archive" ? "Archive: nothing can pull it until it is restored" : "Standard"],
  ];
}

function makeImages(told) {
  told.images.forEach((image) => { image.outcome = outcomeOf(image, told.run); });
  placeImages(told.images);
  const name = (cell) => {
    const image = cell.getData();
    const more = image.tags.length > 1 ? `${image.tags.slice(1).join(", ")} · ` : "";
    const second = NARROW.matches ? `${words(image.reason)} · ${bytes(image.bytes)} · ${image.age_days} d` : `${more}${image.digest.slice(0, 19)}`;
    return two(nameButton(imageName(image), () => imageEntries(image, told)), second);
  };
  return makeTable({
    name: "images", label: "Images", one: "image", rows: told.images, empty: "No image was evaluated.",
    printed: [["Image", imageName], ["Outcome", (image) => words(image.outcome)], ["Why", (image) => [words(image.reason), ...image.evidence.slice(0, 1)].join(": ")],
      ["Size", (image) => bytes(image.bytes)], ["Age", (image) => `${NUMBER.format(image.age_days)} d`], ["Digest", (image) => image.digest.slice(0, 19)]],
    text: (image) => [image.repository, ...image.tags, image.tags.map((tag) => `${image.repository}:${tag}`).join(" "), image.digest,
      words(image.reason), image.outcome, ...image.evidence, image.removal ? image.removal.codes.join(" ") : ""].join(" "),
    filters: [
      { label: "Outcome", value: (image) => words(image.outcome) },
      { label: "Reason", value: (image) => words(image.reason) },
      { label: "Repository", value: (image) => image.repository },
    ],
    sorts: [[told.run.dry_run ? "To be removed" : "Removed", "place", "asc"], ["Name", "repository", "asc"], ["Largest", "bytes", "desc"], ["Oldest", "age_days", "desc"], ["Newest", "age_days", "asc"], ["Outcome", "outcome", "desc"], ["Reason", "reason", "asc"]],
    columns: [
      { title: "Image", field: "repository", widthGrow: 3, minWidth: 150, formatter: name, sorter: byText(imageName) },
      { title: "Outcome", field: "outcome", width: NARROW.matches ? 130 : 165, formatter: (cell) => badge(words(cell.getValue()), KIND_OF_OUTCOME[cell.getValue()] || "warn"), sorter: byText((image) => image.outcome) },
      { title: "Why", field: "reason", wide: true, widthGrow: 3, minWidth: 180, formatter: (cell) => two(line(words(cell.getValue())), cell.getData().evidence.join("; ")), sorter: byText((image) => image.reason) },
      { title: "Size", field: "bytes", wide: true, width: 110, hozAlign: "right", cssClass: "number", sorter: byNumber, formatter: (cell) => two(line(bytes(cell.getValue())), cell.getData().index ? "index" : "") },
      { title: "Age", field: "age_days", wide: true, width: 90, hozAlign: "right", cssClass: "number", sorter: byNumber, formatter: (cell) => line(`${NUMBER.format(cell.getValue())} d`) },
      { title: "Place", field: "place", visible: false, sorter: byNumber },
      { title: "Pulled", field: "last_pulled_at", wide: true, width: 120, formatter: (cell) => line(cell.getValue() ? cell.getValue().slice(0, 10) : "never"), sorter: byText((image) => image.last_pulled_at || "") },
    ],
  });
}

function makeUsages(told) {
  // Of this very registry the host says nothing new.
  const short = (one) => {
    const at = one.repository ? one.reference.indexOf(`/${one.repository}`) : -1;
    return at > 0 && one.account_id === told.run.account_id && one.region === told.run.region ? one.reference.slice(at + 1) : one.reference;
  };
  const entries = (one) => [["Consumer", one.consumer], ["Consumer's ARN", one.consumer_arn], ["Source", one.source], ["Evidence", words(one.evidence)], ["Reference", one.reference],
    ["Account", one.account_id], ["Region", one.region], ["Repository", one.repository], ["Tag", one.tag], ["Digest", one.digest], ["Pull failure", one.failure], ["Consumer's account", one.found_in?.account_id], ["Consumer's region", one.found_in?.region], ["Consumer's cluster", one.found_in?.cluster], ["Covers", `one ${one.breadth}`.replace("one prefix", "every repository with this prefix").replace("one registry", "every image of the registry")]];
  return makeTable({
    name: "usages", label: "Usages", one: "usage", rows: told.usages, empty: "No source returned a usage.",
    printed: [["Consumer", (one) => one.consumer], ["Image, as written", short], ["Evidence", (one) => words(one.evidence)], ["Source", (one) => one.source]],
    text: (one) => [one.consumer, one.source, one.evidence, one.reference, one.digest].join(" "),
    filters: [{ label: "Source", value: (one) => one.source }, { label: "Evidence", value: (one) => words(one.evidence) }],
    sorts: [["Consumer", "consumer", "asc"], ["Image", "reference", "asc"], ["Source", "source", "asc"]],
    columns: [
      { title: "Consumer", field: "consumer", widthGrow: 3, minWidth: 150, sorter: byText((one) => one.consumer), formatter: (cell) => two(nameButton(cell.getValue(), () => entries(cell.getData())), NARROW.matches ? short(cell.getData()) : cell.getData().source) },
      { title: "Image, as written", field: "reference", wide: true, widthGrow: 3, minWidth: 180, sorter: byText(short), formatter: (cell) => two(line(short(cell.getData())), cell.getData().digest || "") },
      { title: "Evidence", field: "evidence", width: 130, sorter: byText((one) => one.evidence), formatter: (cell) => badge(words(cell.getValue()), "idle") },
      { title: "Source", field: "source", visible: false, sorter: byText((one) => one.source) },
    ],
  });
}

const SEVERITIES = ["problem", "warning", "info"];

function makeFindings(told) {
  const weight = (one) => { const at = SEVERITIES.indexOf(one.severity.toLowerCase()); return at < 0 ? SEVERITIES.length : at; };
  told.findings.forEach((one) => { one.weight = weight(one); });
  return makeTable({
    name: "findings", label: "Findings", one: "finding", rows: told.findings, empty: "No findings.",
    printed: [["Severity", (one) => words(one.severity)], ["Kind", (one) => words(one.kind)], ["Subject", (one) => one.subject], ["Detail", (one) => one.detail], ["What to do", (one) => told.what_to_do[one.kind] || ""]],
    text: (one) => [one.kind, words(one.kind), one.severity, one.subject, one.detail].join(" "),
    filters: [{ label: "Severity", value: (one) => words(one.severity) }, { label: "Kind", value: (one) => words(one.kind) }],
    sorts: [["Gravest", "weight", "asc"], ["Subject", "subject", "asc"], ["Kind", "kind", "asc"]],
    columns: [
      { title: "Severity", field: "weight", width: 125, sorter: byNumber, formatter: (cell) => badge(words(cell.getData().severity), ["bad", "warn"][cell.getValue()] || "idle") },
      { title: "Subject", field: "subject", widthGrow: 2, minWidth: 150, sorter: byText((one) => one.subject), formatter: (cell) => two(nameButton(cell.getValue(), () => [["Finding", words(cell.getData().kind)], ["Severity", words(cell.getData().severity)], ["Detail", cell.getData().detail], ["What to do", told.what_to_do[cell.getData().kind]]]), words(cell.getData().kind)) },
      { title: "Detail", field: "detail", wide: true, widthGrow: 3, minWidth: 180, formatter: (cell) => two(line(cell.getValue()), "") },
      { title: "Kind", field: "kind", visible: false, sorter: byText((one) => one.kind) },
    ],
  });
}

function makeRepositories(told) {
  const entries = (one) => [["Status", words(one.status)], ["Detail", one.detail], ["Setting that includes it", one.setting], ["Age limit", one.keep_days === null ? "" : count(one.keep_days, "day")],
    ["Rules", one.rules && one.rules.map(ruleName)], ["Images", `${NUMBER.format(one.images)}: ${NUMBER.format(one.kept)} kept, ${NUMBER.format(one.removable)} old and unused (${NUMBER.format(one.in_grace)} in grace), ${NUMBER.format(one.removed)} removed, ${NUMBER.format(one.archived)} archived`],
    ["Stored at most", bytes(one.bytes_total)], ["Reasons", Object.entries(one.reasons).map(([reason, number]) => `${words(reason)}: ${NUMBER.format(number)}`)],
    ["Removals", Object.entries(one.removals).map(([status, number]) => `${words(status)}: ${NUMBER.format(number)}`)],
    ["Failures", Object.entries(one.failure_codes).map(([code, number]) => `${code}: ${NUMBER.format(number)}`)]];
  const kinds = { evaluated: "good", skipped: "idle", gone: "idle", deferred: "warn" };
  return makeTable({
    name: "repositories", label: "Repositories", one: "repository", many: "repositories", rows: told.repositories, empty: "No repository opted in.",
    printed: [["Repository", (one) => one.name], ["Status", (one) => words(one.status)], ["Images", (one) => NUMBER.format(one.images)], ["Old and unused", (one) => NUMBER.format(one.removable)],
      ["Removed", (one) => NUMBER.format(one.removed)], ["Stored at most", (one) => bytes(one.bytes_total)], ["Detail", (one) => one.detail]],
    text: (one) => [one.name, one.status, one.detail].join(" "),
    filters: [{ label: "Status", value: (one) => words(one.status) }],
    sorts: [["Most stored", "bytes_total", "desc"], ["Name", "name", "asc"], ["Most images", "images", "desc"]],
    columns: [
      { title: "Repository", field: "name", widthGrow: 3, minWidth: 150, sorter: byText((one) => one.name), formatter: (cell) => two(nameButton(cell.getValue(), () => entries(cell.getData())), NARROW.matches ? `${count(cell.getData().images, "image")} · ${bytes(cell.getData().bytes_total)}` : cell.getData().detail) },
      { title: "Status", field: "status", width: 130, sorter: byText((one) => one.status), formatter: (cell) => badge(words(cell.getValue()), kinds[cell.getValue()] || "bad") },
      ...[["Images", "images"], ["Old and unused", "removable"], ["Removed", "removed"]].map(([title, field]) => ({ title, field, wide: true, width: 155, hozAlign: "right", cssClass: "number", sorter: byNumber, formatter: (cell) => line(NUMBER.format(cell.getValue())) })),
      { title: "Stored at most", field: "bytes_total", wide: true, width: 155, hozAlign: "right", cssClass: "number", sorter: byNumber, formatter: (cell) => line(bytes(cell.getValue())) },
    ],
  });
}

/* By the values of the tag that somebody chose, else by repository. */
function makeSavings(told) {
  const by = told.savings.by_tag;
  const rows = by ? by.values : told.savings.by_repository;
  if (!rows.length) return Promise.resolve();
  byId("savings").hidden = false;
  byId("savings-link").hidden = false;
  byId("savings-heading").textContent = `Savings by ${by ? by.key : "repository"}`;
  const name = (one) => (by ? one.tag ?? "(without the tag)" : one.repository);
  const went = told.run.dry_run ? "removable" : "removed";
  const price = (field) => (one) => MONEY.format(one[`usd_per_month_${field}`]);
  const entries = (one) => [["Repositories", by ? NUMBER.format(one.repositories) : ""], ["Images", NUMBER.format(one.images)], ["Old and unused", NUMBER.format(one.removable)],
    ["Removed", NUMBER.format(one.removed)], ["Archived", NUMBER.format(one.archived)], ["Stored at most", `${bytes(one.bytes_total)}, ${price("total")(one)} a month`],
    ["Could be saved at most", `${bytes(one.bytes_removable)}, ${price("removable")(one)} a month`], ["Saved at most", `${bytes(one.bytes_removed)}, ${price("removed")(one)} a month`]];
  const saved = told.run.dry_run ? "Could be saved a month" : "Saved a month";
  return makeTable({
    name: "savings", label: "Savings", one: by ? "value" : "repository", many: by ? "values" : "repositories", rows, empty: "",
    printed: [[by ? by.key : "Repository", name], ["Stored at most", (one) => bytes(one.bytes_total)], ["Costs a month", price("total")], [saved, price(went)]],
    text: name, filters: [],
    sorts: [["Largest saving", `usd_per_month_${went}`, "desc"], ["Name", by ? "tag" : "repository", "asc"], ["Most stored", "bytes_total", "desc"]],
    columns: [
      { title: by ? by.key : "Repository", field: by ? "tag" : "repository", widthGrow: 3, minWidth: 150, sorter: byText(name), formatter: (cell) => two(nameButton(name(cell.getData()), () => entries(cell.getData())), count(cell.getData().images, "image")) },
      { title: "Stored at most", field: "bytes_total", wide: true, width: 155, hozAlign: "right", cssClass: "number", sorter: byNumber, formatter: (cell) => line(bytes(cell.getValue())) },
      { title: "Costs a month", field: "usd_per_month_total", wide: true, width: 155, hozAlign: "right", cssClass: "number", sorter: byNumber, formatter: (cell) => line(MONEY.format(cell.getValue())) },
      { title: saved, field: `usd_per_month_${went}`, width: NARROW.matches ? 130 : 215, hozAlign: "right", cssClass: "number", sorter: byNumber, formatter: (cell) => line(MONEY.format(cell.getValue())) },
    ],
  });
}

/* Whose consumers were looked at elsewhere, and what is missing there. */
function makeAccounts(told) {
  const others = told.other_accounts;
  if (!others) return Promise.resolve();
  byId("accounts").hidden = false;
  byId("accounts-link").hidden = false;
  byId("accounts-words").textContent = [others.organization_problem && `The accounts of the organization are not known: ${others.organization_problem}.`,
    "An account that could not be looked at completely keeps what it may pull; all other repositories are cleaned."].filter(Boolean).join(" ");
  const kinds = { complete: "good", failed: "bad", excepted: "warn" };
  const order = ["failed", "excepted", "complete"];
  others.accounts.forEach((one) => { one.weight = order.indexOf(one.status); });
  const entries = (one) => [["Status", words(one.status)], ["Regions that were looked at", one.regions], ["What is missing", one.missing]];
  return makeTable({
    name: "accounts", label: "Other accounts", one: "account", rows: others.accounts, empty: "No account was looked at.",
    printed: [["Account", (one) => one.account_id], ["Status", (one) => words(one.status)], ["Regions", (one) => one.regions.join(", ")], ["What is missing", (one) => one.missing.join("; ")]],
    text: (one) => [one.account_id, words(one.status), ...one.regions, ...one.missing].join(" "),
    filters: [{ label: "Status", value: (one) => words(one.status) }],
    sorts: [["Gravest", "weight", "asc"], ["Account", "account_id", "asc"]],
    columns: [
      { title: "Account", field: "account_id", widthGrow: 3, minWidth: 150, sorter: byText((one) => one.account_id), formatter: (cell) => two(nameButton(cell.getValue(), () => entries(cell.getData())), cell.getData().missing.join("; ")) },
      { title: "Status", field: "weight", width: 140, sorter: byNumber, formatter: (cell) => badge(words(cell.getData().status), kinds[cell.getData().status]) },
      { title: "Regions", field: "regions", wide: true, width: 115, hozAlign: "right", cssClass: "number", headerSort: false, formatter: (cell) => line(NUMBER.format(cell.getValue().length)) },
    ],
  });
}

/* What was called, and what the run waited for. */
function fillCalls(told) {
  const { made, throttled, held_back: held } = told.calls;
  const slow = told.slowest_sources.map((one) => `${one.source} in ${one.account_id}/${one.region} (${NUMBER.format(one.seconds)} s, ${count(one.calls, "call")})`);
  const rates = held.map((one) => `${one.service} ${one.operations.join(", ")} (${NUMBER.format(one.seconds)} s)`);
  byId("calls-words").textContent = [
    `The run made ${count(made, "call")} of AWS, retries included, ${NUMBER.format(throttled)} of which AWS throttled.`,
    slow.length && `The slowest sources: ${slow.join("; ")}.`,
    rates.length && `Calls waited for the rates of ${rates.join("; ")}.`,
  ].filter(Boolean).join(" ");
}

function makeSources(told) {
  const kinds = { complete: "good", failed: "bad", disabled: "warn", closed: "warn", not_offered: "idle" };
  const order = ["failed", "closed", "disabled", "complete", "not_offered"];
  told.sources.forEach((one) => { one.weight = order.indexOf(one.outcome); });
  return makeTable({
    name: "sources", label: "Sources", one: "source", rows: told.sources, empty: "No source was called.",
    printed: [["Source", (one) => one.source], ["Outcome", (one) => words(one.outcome)], ["Usages", (one) => NUMBER.format(one.usages)], ["Seconds", (one) => NUMBER.format(one.seconds)], ["Calls", (one) => NUMBER.format(one.calls)], ["Detail", (one) => one.detail]],
    text: (one) => [one.source, one.account_id, one.region, one.cluster, words(one.outcome), one.detail].join(" "),
    filters: [{ label: "Outcome", value: (one) => words(one.outcome) }],
    sorts: [["Gravest", "weight", "asc"], ["Name", "source", "asc"], ["Most usages", "usages", "desc"], ["Slowest", "seconds", "desc"], ["Most calls", "calls", "desc"]],
    columns: [
      { title: "Source", field: "source", widthGrow: 3, minWidth: 150, sorter: byText((one) => one.source), formatter: (cell) => two(nameButton(cell.getValue(), () => [["Account", cell.getData().account_id], ["Region", cell.getData().region], ["Cluster", cell.getData().cluster], ["Outcome", words(cell.getData().outcome)], ["Usages", NUMBER.format(cell.getData().usages)], ["Took", `${NUMBER.format(cell.getData().seconds)} s, beside others`], ["Calls", `${NUMBER.format(cell.getData().calls)}, of which AWS throttled ${NUMBER.format(cell.getData().throttled)}`], ["Taken from what earlier runs read", NUMBER.format(cell.getData().facts)], ["Detail", cell.getData().detail]]), cell.getData().detail) },
      { title: "Outcome", field: "weight", width: 140, sorter: byNumber, formatter: (cell) => badge(words(cell.getData().outcome), kinds[cell.getData().outcome]) },
      { title: "Usages", field: "usages", wide: true, width: 115, hozAlign: "right", cssClass: "number", sorter: byNumber, formatter: (cell) => line(NUMBER.format(cell.getValue())) },
      { title: "Seconds", field: "seconds", wide: true, width: 115, hozAlign: "right", cssClass: "number", sorter: byNumber, formatter: (cell) => line(NUMBER.format(cell.getValue())) },
      { title: "Calls", field: "calls", wide: true, width: 115, hozAlign: "right", cssClass: "number", sorter: byNumber, formatter: (cell) => line(NUMBER.format(cell.getValue())) },
    ],
  });
}

function fillSettings(told) {
  byId("settings").append(...Object.entries(told.run.settings).flatMap(([name, value]) => [
    element("dt", { textContent: name }), element("dd", { textContent: JSON.stringify(value) })]));
}

async function main() {
  byId("details-close").addEventListener("click", () => byId("details").close());
  let told;
  try {
    told = await readDocument();
  } catch (error) {
    byId("broken").hidden = false;
    byId("broken").textContent = `The document in this page cannot be read: ${error.message}. It takes a browser of 2023 or later, and the whole file.`;
    return;
  }
  fillTop(told);
  fillTotals(told);
  fillSettings(told);
  fillCalls(told);
  const images = makeImages(told);
  drawPictures(told);
  await Promise.all([images, makeUsages(told), makeFindings(told), makeRepositories(told), makeSavings(told), makeAccounts(told), makeSources(told)]);
  document.documentElement.dataset.ready = "true";
}

main();
