// Draws the counts of the shift, the order's progress and the last scans.

import { clone, find, setIcon, setText } from "./drawing.js";
import * as words from "./words.js";

export class Counts {
  constructor({ codes }) {
    this.codes = codes;
    const language = document.documentElement.lang;
    this.number = new Intl.NumberFormat(language);
    this.percent = new Intl.NumberFormat(language, {
      style: "percent",
      minimumFractionDigits: 1,
      maximumFractionDigits: 1,
    });
  }

  /** `totals` and `order` are null as long as nobody knows them. */
  draw({ rows, totals, base, order, doubles }) {
    if (totals) this.#totals(totals);
    setText(find("#order-base"), base);
    setText(find("#order-counts"), order ? words.progress(order) : "");
    setText(find("#doubles"), words.doubles(doubles));
    find("#recent").replaceChildren(...rows.map((scan) => this.#scan(scan)));
    this.#fit();
    find("#recent-empty").hidden = rows.length > 0;
  }

  /** A name that is too long takes two lines of small letters: its row stays as high. */
  #fit() {
    const names = [...document.querySelectorAll("#recent .defect span")];
    // All are measured before any is changed: the page is laid out once.
    const long = names.filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth);
    for (const name of long) name.classList.add("is-long");
  }

  #totals({ approved, rejected }) {
    const all = approved + rejected;
    setText(find("#approved"), this.number.format(approved));
    setText(find("#rejected"), this.number.format(rejected));
    setText(find("#reject-percent"), all ? this.percent.format(rejected / all) : "–");
  }

  #scan(scan) {
    const row = clone("#recent-row");
    const cell = (name) => find(`.${name}`, row);
    row.classList.toggle("is-here", Boolean(scan.isHere));
    row.classList.toggle("is-reject", scan.defect !== "000");
    row.classList.toggle("is-voided", Boolean(scan.voided));
    setText(cell("time"), scan.scanned_at.slice(11, 19)); // By the station's wall clock.
    setText(cell("cp"), scan.cp);
    setText(cell("operator"), scan.operator);
    const name = this.codes.nameOf("defect", scan.defect);
    const defect = `${scan.defect} ${name}`;
    setText(find("span", cell("defect")), defect);
    cell("defect").title = scan.note ? `${defect}\n${scan.note}` : defect;
    const marks = words.marks(scan);
    setIcon(cell("state"), marks[0].icon);
    const text = marks.map((mark) => mark.text).join(", ");
    setText(find("span", cell("state")), text);
    cell("state").title = text;
    return row;
  }
}
