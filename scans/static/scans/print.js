// Prints a page that was made for paper.

const button = document.getElementById("print");
button.classList.remove("is-away"); // Only where a press does something.
button.onclick = () => window.print();
