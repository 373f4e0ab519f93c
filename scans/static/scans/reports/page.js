// What the reports' pages do beside showing: charts, a tidy address, printing.

import { drawAll } from "./charts.js";

const data = document.getElementById("chart-data");
if (data) drawAll(JSON.parse(data.textContent));

// What is not chosen need not stand in the address.
document.getElementById("filters")?.addEventListener("formdata", ({ formData }) => {
  for (const [name, value] of [...formData]) if (!value) formData.delete(name);
});

const print = document.getElementById("print");
print.hidden = false;
print.addEventListener("click", () => window.print());
