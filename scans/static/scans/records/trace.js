// Has each code that is scanned take the place of the one before, wherever the focus is.

const code = document.querySelector("#code");
// What a code may begin with; nothing that a browser or a screen reader takes for a command.
const BEGINNING = /^[0-9A-Za-z\]]$/;

code.select();

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  if (event.target.closest("input, textarea, select") || !BEGINNING.test(event.key)) return;
  // The key itself goes where the focus is then.
  code.focus();
  code.select();
});
