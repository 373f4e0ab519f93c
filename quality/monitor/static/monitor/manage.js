// Has an administrator's wish confirmed, and sends it.

import { say } from "./words.js";

const { gettext } = globalThis;

const dialog = document.getElementById("confirm");
const title = document.getElementById("confirm-title");
const text = document.getElementById("confirm-text");
const yes = document.getElementById("confirm-yes");
const problem = document.getElementById("confirm-error");

/** Listens to every button with a verb; `done` is called when the server has taken an order. */
export function manage(page, done) {
  let wanted = null;

  page.addEventListener("click", ({ target }) => {
    const button = target.closest("button[data-verb]");
    if (!button) return;
    wanted = { ...button.dataset };
    const words = asked(wanted);
    [title.textContent, text.textContent, yes.textContent] = words;
    problem.hidden = true;
    yes.disabled = false;
    dialog.returnValue = "no";
    dialog.showModal();
  });

  yes.addEventListener("click", async (event) => {
    // It stays open until the answer is there.
    event.preventDefault();
    yes.disabled = true;
    const error = await send(page, wanted);
    yes.disabled = false;
    problem.hidden = !error;
    problem.textContent = error;
    if (!error) {
      dialog.close("yes");
      done();
    }
  });
}

function asked(wanted) {
  if (wanted.verb === "kill") {
    return [
      say(gettext("Kill the statement of connection %(id)s?"), wanted),
      say(gettext("Whoever waits for it gets an error, and its transaction may be rolled back: %(text)s"), wanted),
      gettext("Kill the statement"),
    ];
  }
  if (wanted.verb === "drain") {
    return [
      say(gettext("Drain the pool of worker %(pid)s?"), wanted),
      gettext("Idle connections are closed at once, those in use when they return. Requests go on: new connections are opened as they are needed."),
      gettext("Drain the pool"),
    ];
  }
  return [
    say(gettext("Close the idle connections of worker %(pid)s?"), wanted),
    gettext("Nobody is interrupted. The pool opens its minimum again, one connection a second."),
    gettext("Close idle connections"),
  ];
}

/** The error to show; "" when it went well. */
async function send(page, wanted) {
  try {
    const response = await fetch(page.dataset.act, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "X-CSRFToken": page.querySelector("[name=csrfmiddlewaretoken]").value,
      },
      body: JSON.stringify(wanted),
      signal: AbortSignal.timeout(15_000),
    });
    const answer = await response.json();
    if (answer.killed === false) return gettext("It had ended already.");
    return response.ok ? "" : answer.error;
  } catch {
    return gettext("No answer. Look whether it was done before you try again.");
  }
}
