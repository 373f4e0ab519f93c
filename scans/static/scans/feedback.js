// Tells the ear: one high tone is good, two low tones are a reject or an error, three a repetition.

const TONES = {
  good: [{ hertz: 1760, at: 0, seconds: 0.12 }],
  bad: [
    { hertz: 220, at: 0, seconds: 0.18 },
    { hertz: 220, at: 0.26, seconds: 0.18 },
  ],
  repeat: [
    { hertz: 880, at: 0, seconds: 0.08 },
    { hertz: 660, at: 0.12, seconds: 0.08 },
    { hertz: 880, at: 0.24, seconds: 0.08 },
  ],
};

export class Sound {
  #audio = null;
  #isOn = true;
  volume = 0.3; // 1: as loud as there is

  /** `onState(isHeard)` is told whether tones can be heard: a browser wants a key or tap first. */
  constructor({ onState }) {
    this.onState = onState;
  }

  /** Whether there are to be tones at all. */
  set isOn(isOn) {
    this.#isOn = isOn;
    this.#report();
  }

  listen(target) {
    for (const gesture of ["keydown", "pointerdown"]) {
      target.addEventListener(gesture, () => this.#unlock(), true);
    }
  }

  play(name) {
    if (!this.#isOn || this.#audio?.state !== "running") return;
    const start = this.#audio.currentTime;
    for (const { hertz, at, seconds } of TONES[name]) {
      const tone = new OscillatorNode(this.#audio, { frequency: hertz, type: "triangle" });
      const volume = new GainNode(this.#audio, { gain: this.volume });
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

  /** Where none is wanted, none is missed. */
  #report() {
    this.onState(!this.#isOn || this.#audio?.state === "running");
  }
}
