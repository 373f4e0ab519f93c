// Learns what is changed in the office while the page is open: codes, people, settings.

export class Floor {
  #isAsking = false;

  /**
   * `ask()` answers the floor of this moment, or null; `isBusy()` whether a piece is in the making,
   * under which nothing changes; `apply(floor)` makes it so.
   */
  constructor(floor, { ask, isBusy, apply }) {
    Object.assign(this, { floor, ask, isBusy, apply });
  }

  get revision() {
    return this.floor.revision;
  }

  /** The server has told its revision, and perhaps at which station this browser stands. */
  async heard(revision, station = this.floor.station) {
    const isNews = revision !== this.revision || station !== this.floor.station;
    if (revision === undefined || !isNews) return;
    if (this.#isAsking || this.isBusy()) return; // It will tell again.
    this.#isAsking = true;
    const floor = await this.ask();
    this.#isAsking = false;
    if (!floor || this.isBusy()) return;
    this.floor = floor;
    this.apply(floor);
  }
}
