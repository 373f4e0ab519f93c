// Selects all proposals that are shown at once, and tells how many are selected.

const form = document.querySelector("#decide");
const all = document.querySelector("#all");
const selected = document.querySelector("#selected");
const boxes = [...form.elements].filter((one) => one.name === "proposal");

function tell() {
  const count = boxes.filter((box) => box.checked).length;
  selected.textContent = count;
  all.checked = count === boxes.length;
  all.indeterminate = count > 0 && !all.checked;
}

all.addEventListener("change", () => {
  for (const box of boxes) box.checked = all.checked;
  tell();
});
for (const box of boxes) box.addEventListener("change", tell);
for (const one of document.querySelectorAll(".is-away")) one.classList.remove("is-away");
tell();
