// Tells the ear: one high tone is good, two low tones are a reject or an error.

const TONES = {
  good: [{ hertz: 1760, at: 0, seconds: 0.12 }],
  bad: [
    { hertz: 220, at: 0, seconds: 0.18 },
    { hertz: 220, at: 0.26, seconds: 0.18 },
  ],
};
const VOLUME = 0.3;

export class Sound {
  #audio = null;

  /** `onState(isHeard)` is told whether tones can be heard: a browser wants a key or tap first. */
  constructor({ onState }) {
    this.onState = onState;
  }

  listen(target) {
    this.onState(false);
    for (const gesture of ["keydown", "pointerdown"]) {
      target.addEventListener(gesture, () => this.#unlock(), true);
    }
  }

  play(name) {
    if (this.#audio?.state !== "running") return;
    const start = this.#audio.currentTime;
    for (const { hertz, at, seconds } of TONES[name]) {
      const tone = new OscillatorNode(this.#audio, { frequency: hertz, type: "triangle" });
      const volume = new GainNode(this.#audio, { gain: VOLUME });
      // Faded out: a tone cut off hard ends in a click.
      volume.gain.setTargetAtTime(0, start + at + seconds - 0.03, 0.01);
      tone.connect(volume).connect(this.#audio.destination);
      tone.start(start + at);
      tone.stop(start + at + seconds + 0.05);
    }
  }

  /** Made on the first gesture: before it the browser would refuse and complain. */
  #unlock() {
    if (!this.#audio) {
      if (!globalThis.AudioContext) return;
      this.#audio = new AudioContext();
      this.#audio.onstatechange = () => this.#report();
    }
    if (this.#audio.state !== "running") this.#audio.resume().then(() => this.#report());
  }

  #report() {
    this.onState(this.#audio.state === "running");
  }
}
