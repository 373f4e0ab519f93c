// Offers the defects to the finger, those used last at the front.

import { clone, find, setText } from "./drawing.js";

const USED = "quality.defects-used";

export class Tiles {
  #shown = "";

  /** `onChoose(code)` is told; `memory` is the browser's. */
  constructor({ codes, memory, onChoose }) {
    Object.assign(this, { codes, memory, onChoose });
  }

  /** A defect was recorded. */
  used(code) {
    const others = this.#used.filter((one) => one !== code);
    this.memory.set(USED, JSON.stringify([code, ...others]));
  }

  /** Shown when a defect is all that is missing. Under the finger nothing changes its place. */
  draw(isShown) {
    const tiles = find("#tiles");
    if (isShown && tiles.hidden) this.#fill(tiles);
    tiles.hidden = !isShown;
  }

  #fill(tiles) {
    const used = this.#used;
    const rank = ({ code }) => (used.includes(code) ? used.indexOf(code) : used.length);
    const defects = [...this.codes.defects.values()].sort((a, b) => rank(a) - rank(b));
    const shown = JSON.stringify(defects);
    if (shown === this.#shown) return;
    this.#shown = shown;
    tiles.replaceChildren(...defects.map((defect) => this.#tile(defect)));
  }

  #tile({ code, name }) {
    const tile = clone("#tile");
    setText(find("strong", tile), code);
    setText(find("span", tile), name);
    tile.classList.toggle("is-good", code === "000");
    tile.onclick = () => this.onChoose(code);
    return tile;
  }

  get #used() {
    return this.memory.read(USED, []);
  }
}
