// Prints a page that was made for paper.

const button = document.getElementById("print");
button.hidden = false; // Only where a press does something.
button.onclick = () => window.print();
