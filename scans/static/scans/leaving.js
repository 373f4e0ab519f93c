// Asks before a sign-out that leaves scans behind in this browser.

/** `count()` answers how many wait, `show(count)` asks (0: no more), `forget()` clears the desk. */
export function guardSignOut({ count, show, forget }) {
  const form = document.getElementById("sign-out");
  form?.addEventListener("submit", (event) => {
    if (!count()) return forget();
    event.preventDefault();
    show(count());
  });
  document.getElementById("stay").onclick = () => show(0);
  document.getElementById("leave").onclick = () => {
    forget();
    form.submit();
  };
}
