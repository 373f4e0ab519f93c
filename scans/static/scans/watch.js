// Asks the server how things stand, and tells it that this station is there.

const PERIOD_SECONDS = 30;

export class Watch {
  clockOffSeconds = 60; // more is "off"; less is the way there and back
  #isStale = true; // the counts are not what the server would say now
  #isAsking = false;
  #base = ""; // the order that was asked for

  /**
   * `device` resolves with this browser's id, or null; `state()` answers `{station, base, pending, oldestSeconds, attention, isBusy}`: while busy with
   * sending nothing is asked. `on.slow()`, `on.answered(answer)`, `on.counted(body)`,
   * `on.clock(offSeconds)`, `on.floor(revision, station)` and `on.shift(window)` are told.
   */
  constructor({ server, device, state, on }) {
    Object.assign(this, { server, device, state, on });
  }

  start() {
    this.refresh();
    this.beat();
    setInterval(() => this.refresh(), PERIOD_SECONDS * 1000);
    setInterval(() => this.beat(), PERIOD_SECONDS * 1000);
  }

  /** The counts have changed over there; asked for when nothing is on its way any more. */
  stale() {
    this.#isStale = true;
  }

  /** The work goes on with an order: asked for when it is another one. */
  orderIs(base) {
    if (base !== this.#base) this.refresh();
  }

  refreshIfStale() {
    if (this.#isStale && !this.state().isBusy) this.refresh();
  }

  async refresh() {
    this.#isStale = true;
    if (this.#isAsking) return; // Whoever made it stale again asks again below.
    this.#isAsking = true;
    this.#isStale = false;
    const { station, base } = this.state();
    this.#base = base;
    this.on.asking();
    const answer = await this.server.recent({ station, base }, () => this.on.slow());
    this.#isAsking = false;
    this.on.answered(answer);
    if (answer.status === 200 && answer.body?.scans) this.#heard(answer.body);
    this.refreshIfStale();
  }

  #heard(body) {
    this.on.counted(body);
    const off = Math.round((Date.now() - Date.parse(body.now)) / 1000);
    this.on.clock(Math.abs(off) > this.clockOffSeconds ? off : 0);
    this.on.floor(body.revision, body.bound);
    this.on.shift(body.shift);
  }

  async beat() {
    const device = await this.device;
    if (!device) return; // Nobody whom the server would know again.
    const { station, pending, oldestSeconds, attention } = this.state();
    const answer = await this.server.heartbeat({
      device,
      station,
      pending,
      oldest_pending_seconds: oldestSeconds,
      attention,
    });
    if (answer.status === 200) this.on.floor(answer.body?.revision);
  }
}
