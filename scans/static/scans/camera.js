// Scans with the camera, where the browser can read barcodes: an extra beside the scanner.

// Of what a camera sees, only this is a code of the factory's.
const FORMAT = "code_128";
const LOOK_EVERY_SECONDS = 0.15;
// What lies in front of the camera is one scan, until it has been away for this long.
const AWAY_SECONDS = 1.5;

export class Camera {
  #detector;
  #stream = null;
  #timer = 0;
  #seenAt = new Map(); // code → when it was seen last, in milliseconds

  /** Whether this browser has a camera to ask for and can read the factory's barcodes. */
  static async isOffered() {
    if (!globalThis.BarcodeDetector || !navigator.mediaDevices?.getUserMedia) return false;
    const formats = await BarcodeDetector.getSupportedFormats().catch(() => []);
    return formats.includes(FORMAT);
  }

  /** `onCode(raw)` gets each code once; `video` shows what the camera sees. */
  constructor({ video, onCode }) {
    Object.assign(this, { video, onCode });
    this.#detector = new BarcodeDetector({ formats: [FORMAT] });
  }

  get isOn() {
    return this.#stream !== null;
  }

  /** Throws when there is no camera, or nobody allows it. */
  async start() {
    const stream = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: "environment", width: { ideal: 1280 } },
    });
    this.#stream = stream;
    this.video.srcObject = stream;
    await this.video.play();
    this.#look();
  }

  stop() {
    clearTimeout(this.#timer);
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
    this.#seenAt.clear();
    this.video.srcObject = null;
  }

  async #look() {
    const found = await this.#detector.detect(this.video).catch(() => []); // No picture yet.
    if (!this.isOn) return;
    const now = performance.now();
    for (const { rawValue } of found) {
      const before = this.#seenAt.get(rawValue) ?? -Infinity;
      this.#seenAt.set(rawValue, now);
      if (now - before > AWAY_SECONDS * 1000) this.onCode(rawValue);
    }
    this.#timer = setTimeout(() => this.#look(), LOOK_EVERY_SECONDS * 1000);
  }
}

/** Shows `button` where there is a camera to scan with; it opens and closes `panel`. */
export async function offerCamera({ button, panel, onCode, onProblem }) {
  if (!(await Camera.isOffered())) return;
  const camera = new Camera({ video: panel.querySelector("video"), onCode });
  const close = () => {
    camera.stop();
    panel.hidden = true;
    button.setAttribute("aria-expanded", "false");
  };
  button.hidden = false;
  button.onclick = async () => {
    if (camera.isOn) return close();
    button.disabled = true; // While the person is asked to allow it.
    try {
      await camera.start();
      panel.hidden = false;
      button.setAttribute("aria-expanded", "true");
    } catch (error) {
      console.info("The camera cannot be used:", error);
      close();
      onProblem();
    }
    button.disabled = false;
  };
  panel.querySelector("button").onclick = close;
  // Nobody is filmed by a page that is not looked at.
  document.addEventListener("visibilitychange", () => document.hidden && close());
}
