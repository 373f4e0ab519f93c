// Puts the numbers on the screen. What is there stays where it is: only texts and widths change.

import { STATES, duration, kind, number, reason, say, time, verb, verdict } from "./words.js";

const { gettext, ngettext } = globalThis;

// The numbers come each 3 s; beyond this they are called old, and beyond the second unknown.
const OLD_SECONDS = 8;
const UNKNOWN_SECONDS = 20;

const at = (id) => document.getElementById(id);
const page = at("pool");
const mayManage = page.dataset.mayManage === "yes";
let shown = { state: "unknown" };

function write(node, text) {
  const wanted = String(text);
  if (node.textContent !== wanted) node.textContent = wanted;
}

function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

// ----- First glance

export function show(numbers) {
  const { total, alerts } = numbers;
  shown = verdict(numbers);
  showState(shown.state, shown.reason);
  write(at("host"), say(gettext("Host %(host)s"), numbers));
  write(at("in-use"), number(total.in_use));
  write(at("of-limit"), say(gettext("of %(limit)s"), { limit: number(total.limit) }));
  drawBar(at("use-bar"), total);
  const free = total.limit - total.open;
  write(at("use-note"), say(gettext("%(idle)s idle, %(free)s not open"), { idle: number(total.idle), free: number(free) }));
  write(at("waiting"), number(total.waiting));
  write(at("waiting-unit"), ngettext("request", "requests", total.waiting));
  at("waiting").closest(".tile").dataset.alarm = total.waiting ? "yes" : "no";
  write(at("wait-note"), aboutWaits(numbers));
  showAlerts(alerts);
  showWorkers(numbers);
  showServer(numbers);
  showBudget(numbers.budget);
}

/** Who keeps the connections that others wait for; else how long the last borrowers waited. */
function aboutWaits({ total, workers, recent }) {
  const longest = workers
    .flatMap((worker) => worker.holders)
    .toSorted((one, other) => other.held_seconds - one.held_seconds)[0];
  if (total.waiting && longest) {
    return say(gettext("%(name)s has held one for %(time)s"), { name: longest.name, time: duration(longest.held_seconds) });
  }
  const last = recent.at(-1);
  if (!last || last.wait_p99 === null) return gettext("nobody asked just now");
  return say(gettext("99 of 100 waited less than %(wait)s"), { wait: duration(last.wait_p99) });
}

function showState(state, why) {
  at("banner").dataset.status = state;
  write(at("shape"), STATES[state].shape);
  write(at("word"), STATES[state].word());
  write(at("reason"), why);
  at("reason").title = why;
  document.title = document.title.replace(/^(.*? — )?/, `${STATES[state].word()} — `);
  // A live region speaks at each change, so it is told of the state alone.
  write(at("spoken"), STATES[state].word());
}

export function showAge(seconds, failure, signIn) {
  const fresh = at("fresh");
  if (failure === "signed-out") {
    page.dataset.age = "unknown";
    showState("unknown", gettext("You are signed out."));
    const link = element("a", "", gettext("Sign in again"));
    link.href = `${signIn}?next=${encodeURIComponent(location.pathname)}`;
    if (!fresh.querySelector("a")) fresh.replaceChildren(link);
    return;
  }
  const age = seconds === null ? "" : duration(Math.round(seconds));
  page.dataset.age = seconds === null || seconds > UNKNOWN_SECONDS ? "unknown" : seconds > OLD_SECONDS ? "old" : "fresh";
  if (page.dataset.age === "fresh") {
    write(fresh, seconds < 1.5 ? gettext("Updated now") : say(gettext("Updated %(age)s ago"), { age }));
    return;
  }
  if (seconds === null && !failure) return;
  write(fresh, gettext("Trying again…"));
  const old = seconds === null ? "" : say(gettext("These numbers are %(age)s old."), { age });
  showState("unknown", `${old} ${failure}`.trim());
}

function showAlerts(alerts) {
  write(at("alert-count"), alerts.length || "");
  const list = at("alerts");
  const key = JSON.stringify(alerts);
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  list.replaceChildren(...(alerts.length ? alerts.map(alertItem) : [element("li", "none", gettext("None."))]));
}

function alertItem(alert) {
  const item = element("li", `alert is-${alert.severity}`);
  const shape = element("span", "material-symbols-outlined", STATES[alert.severity]?.shape ?? "warning");
  shape.ariaHidden = "true";
  const text = element("p");
  text.append(element("strong", "", alert.summary));
  const since = element("span", "", `${say(gettext("%(name)s, since %(time)s"), { name: alert.name, time: time(alert.since) })} · `);
  const remedy = element("a", "", gettext("What to do"));
  remedy.href = alert.runbook;
  since.append(remedy);
  text.append(since);
  item.append(shape, text);
  return item;
}

function drawBar(bar, usage) {
  if (!bar.firstChild) {
    bar.role = "img";
    bar.append(...["is-used", "is-idle", "is-mark at-75", "is-mark at-90"].map((name) => element("span", name)));
  }
  const share = (count) => `${Math.min(100, (100 * count) / (usage.limit || 1))}%`;
  bar.children[0].style.width = share(usage.in_use);
  bar.children[1].style.width = share(usage.idle);
  bar.dataset.status = usage.in_use >= 0.9 * usage.limit ? "critical" : usage.in_use >= 0.75 * usage.limit ? "warning" : "healthy";
  bar.ariaLabel = say(gettext("%(used)s of %(limit)s in use, %(idle)s idle"), {
    used: number(usage.in_use),
    limit: number(usage.limit),
    idle: number(usage.idle),
  });
}

// ----- Workers

const COLUMNS = ["waiting", "waits", "timeouts", "leaks"];

function showWorkers(numbers) {
  const table = at("workers");
  const bodies = new Map([...table.tBodies].map((body) => [body.dataset.key, body]));
  const workers = numbers.workers.toSorted((one, other) => rank(one) - rank(other) || one.pid - other.pid);
  for (const worker of workers) {
    const key = `${worker.pid}/${worker.alias}`;
    const body = bodies.get(key) ?? table.appendChild(workerBody(key, worker));
    bodies.delete(key);
    fill(body, worker);
  }
  for (const gone of bodies.values()) gone.remove();
}

const rank = (worker) => (worker.kind === "web worker" ? 0 : 1);

function workerBody(key, worker) {
  const body = document.createElement("tbody");
  body.dataset.key = key;
  const [row, more] = [body.insertRow(), body.insertRow()];
  const head = element("th");
  head.scope = "row";
  head.append(element("span", "shape material-symbols-outlined"), element("b"), element("span", "pid"));
  head.children[0].ariaHidden = "true";
  row.append(head);
  const use = row.insertCell();
  use.className = "use";
  use.append(element("div", "bar"), element("span", "small"));
  for (const name of COLUMNS) {
    const cell = row.insertCell();
    cell.className = "number";
    cell.dataset.name = name;
  }
  more.className = "more";
  const cell = more.insertCell();
  cell.colSpan = row.cells.length;
  const about = element("div", "about");
  const facts = element("p");
  facts.append(element("span", "holders"), element("span", "reasons"));
  about.append(facts);
  if (mayManage) about.append(actions(worker));
  cell.append(about);
  return body;
}

function actions(worker) {
  const cell = element("div", "actions");
  for (const name of ["close idle", "drain"]) {
    const button = element("button", "", verb(name));
    button.type = "button";
    Object.assign(button.dataset, { verb: name, pid: worker.pid, alias: worker.alias });
    button.ariaLabel = `${verb(name)}: ${kind(worker.kind)} ${worker.pid}`;
    cell.append(button);
  }
  return cell;
}

function fill(body, worker) {
  const [row, more] = body.rows;
  const [shape, name, pid] = row.cells[0].children;
  body.dataset.status = worker.status;
  write(shape, STATES[worker.status].shape);
  write(name, kind(worker.kind));
  write(pid, worker.alias === "default" ? worker.pid : `${worker.pid} · ${worker.alias}`);
  drawBar(row.cells[1].children[0], worker);
  write(
    row.cells[1].children[1],
    say(gettext("%(used)s of %(limit)s in use, %(idle)s idle"), { used: number(worker.in_use), limit: number(worker.limit), idle: number(worker.idle) }),
  );
  const { p50, p95, p99 } = worker.waits;
  const closes = Object.entries(worker.closes).filter(([, count]) => count);
  const values = {
    waiting: number(worker.waiting),
    waits: worker.waits.count ? [p50, p95, p99].map(duration).join(" / ") : "–",
    timeouts: number(worker.timeouts + worker.refusals),
    leaks: number(worker.leaks),
  };
  for (const cell of row.querySelectorAll("[data-name]")) {
    write(cell, values[cell.dataset.name]);
    cell.classList.toggle("is-bad", ["waiting", "timeouts", "leaks"].includes(cell.dataset.name) && values[cell.dataset.name] !== "0");
  }
  const holders = worker.holders.slice(0, 3).map((holder) => `${holder.name} ${duration(holder.held_seconds)}`);
  const [held, reasons] = more.querySelectorAll("p > span");
  write(held, holders.length ? say(gettext("Longest held: %(holders)s"), { holders: holders.join(" · ") }) : gettext("Nothing is lent."));
  held.title = held.textContent;
  const counted = { opened: number(worker.connects), closed: number(closes.reduce((sum, [, count]) => sum + count, 0)) };
  const why = closes.map(([name, count]) => `${reason(name)} ${number(count)}`).join(", ");
  write(reasons, say(gettext("%(opened)s opened, %(closed)s closed"), counted) + (why && `: ${why}`));
  reasons.title = reasons.textContent;
}

export function showOrders(orders) {
  at("orders").replaceChildren(
    ...orders.slice(0, 5).map((order) => {
      const item = element("li", order.done_at ? "is-done" : order.is_lost ? "is-lost" : "is-open");
      const said = { verb: verb(order.verb), pid: order.pid, by: order.given_by, time: time(order.given_at) };
      item.append(element("b", "", say(gettext("%(verb)s, worker %(pid)s"), said)));
      item.append(` ${say(gettext("by %(by)s at %(time)s"), said)} — `);
      item.append(element("span", "", outcome(order)));
      return item;
    }),
  );
}

function outcome(order) {
  if (order.is_lost) return gettext("never done: the worker did not answer");
  if (!order.done_at) return gettext("waiting for the worker…");
  const values = { time: time(order.done_at), closed: number(order.closed), later: number(order.to_come) };
  return order.to_come
    ? say(gettext("done at %(time)s: %(closed)s closed, %(later)s when they return"), values)
    : say(gettext("done at %(time)s: %(closed)s closed"), values);
}

// ----- The server, the budget, all hosts

function rows(list, facts) {
  const key = JSON.stringify(facts);
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  list.replaceChildren(
    ...facts.map(([name, value, how = ""]) => {
      const row = element("div", how);
      row.append(element("dt", "", name), element("dd", "", value));
      return row;
    }),
  );
}

function showServer(numbers) {
  const { server, recent } = numbers;
  at("server-error").hidden = !numbers.server_error;
  write(at("server-error"), numbers.server_error);
  if (!server) return;
  let list = at("server").querySelector("dl");
  if (!list) at("server").append((list = element("dl")));
  // Ours of the moment in which the server was asked: only then the difference means something.
  const then = recent.findLast((sample) => Math.abs(sample.at - server.at) < 1) ?? recent.at(-1);
  const others = server.threads_connected - then.open - 1;
  rows(list, [
    [gettext("Connections at the server"), number(server.threads_connected), "is-sum"],
    [gettext("open in our pools on this host"), `= ${number(then.open)}`, "is-part"],
    [gettext("the monitor's own"), "+ 1", "is-part"],
    [gettext("others: other hosts, administrators, backups"), `${others < 0 ? "−" : "+"} ${number(Math.abs(others))}`, "is-part"],
    [gettext("Of our account, from all hosts"), number(server.own_connections)],
    [gettext("Running a statement now"), number(server.threads_running)],
    [gettext("Most at once since its start"), say(gettext("%(used)s of %(limit)s"), { used: number(server.max_used_connections), limit: number(server.max_connections) })],
    [gettext("Limit of our account"), server.max_user_connections ? number(server.max_user_connections) : gettext("none")],
    [gettext("Aborted clients / connects"), `${number(server.aborted_clients)} / ${number(server.aborted_connects)}`],
    [gettext("Answered in"), duration(server.response_seconds)],
  ]);
  write(at("server-note"), say(gettext("Both sides counted at %(time)s."), { time: time(server.at) }));
  showStatements(server);
}

function showStatements(server) {
  const list = at("statements");
  const found = server.statements ?? [];
  const key = JSON.stringify(found);
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  list.replaceChildren(...(found.length ? found.map(statementItem) : [element("li", "none", gettext("None runs."))]));
}

function statementItem(statement) {
  const item = element("li");
  item.append(element("b", "", duration(statement.seconds)), element("code", "", statement.text), element("span", "small", `${statement.state} · ${statement.id}`));
  if (mayManage) {
    const button = element("button", "", gettext("Kill"));
    button.type = "button";
    Object.assign(button.dataset, { verb: "kill", id: statement.id, seconds: statement.seconds, text: statement.text });
    button.ariaLabel = say(gettext("Kill the statement of connection %(id)s"), { id: statement.id });
    item.append(button);
  }
  return item;
}

function showBudget(budget) {
  const verdict = at("budget-verdict");
  verdict.dataset.fits = budget.fits;
  write(
    verdict,
    budget.fits === null
      ? gettext("The server's limit is not known yet.")
      : budget.fits
        ? gettext("It fits: the server has room for all that our processes may open.")
        : gettext("It does not fit: together our processes may open more than the server allows."),
  );
  rows(at("budget"), [
    [gettext("Processes on each host"), number(budget.processes)],
    [gettext("Connections of each, at most"), `× ${number(budget.size)}`],
    [gettext("Hosts"), `× ${number(budget.hosts)}`],
    [gettext("All together"), `= ${number(budget.sum)}`, "is-sum"],
    [gettext("The server allows"), budget.max_connections === null ? "–" : number(budget.max_connections)],
    [gettext("Reserve for others"), `− ${number(budget.reserve)}`],
    [gettext("Left for us"), budget.max_connections === null ? "–" : `= ${number(budget.max_connections - budget.reserve)}`, "is-sum"],
  ]);
}

/** All hosts together, from what each wrote down last. */
export function showFleet(found) {
  if (!found) {
    write(at("fleet"), "–");
    write(at("fleet-limit"), "");
    write(at("fleet-note"), gettext("The history cannot be read just now."));
    return;
  }
  const newest = Object.values(found.hosts)
    .map((columns) => Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, values.findLast((value) => value !== null)])))
    .filter((last) => last.at > found.at - 180);
  const sum = (name) => newest.reduce((all, last) => all + (last[name] ?? 0), 0);
  write(at("fleet"), newest.length ? number(sum("in_use")) : "–");
  write(at("fleet-limit"), newest.length ? say(gettext("of %(limit)s"), { limit: number(sum("limit")) }) : "");
  write(
    at("fleet-note"),
    newest.length
      ? say(ngettext("%(count)s host, a minute ago at most", "%(count)s hosts, a minute ago at most", newest.length), { count: newest.length })
      : gettext("no host has written yet"),
  );
}
