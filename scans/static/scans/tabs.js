// Tells the other tabs of this browser what has happened in this one.

const NAME = "quality.outbox";

export class Tabs {
  #channel = null;

  constructor() {
    if (globalThis.BroadcastChannel) this.#channel = new BroadcastChannel(NAME);
  }

  /** `onNews(news)` gets what other tabs say. */
  listen(onNews) {
    if (this.#channel) {
      this.#channel.onmessage = ({ data }) => onNews(data);
      return;
    }
    window.addEventListener("storage", ({ key, newValue }) => {
      if (key === NAME && newValue) onNews(JSON.parse(newValue).news);
    });
  }

  say(news) {
    if (this.#channel) {
      this.#channel.postMessage(news);
      return;
    }
    try {
      // The same words twice would be no event; what is left there says nothing to anybody.
      localStorage.setItem(NAME, JSON.stringify({ news, at: Math.random() }));
    } catch {
      // Full or denied: the others look by themselves.
    }
  }
}
