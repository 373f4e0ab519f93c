"""What the operator sees and hears of a scan, and how soon."""

import pytest
from playwright.sync_api import expect

PIECES = 12
LIMIT_MS = 100

# Notes when the last Enter came, and when the banner and the ear had their answer to a whole piece.
MEASURE = """() => {
  window.answers = [];
  let pressed = 0;
  addEventListener("keydown", (event) => {
    if (event.key === "Enter") pressed = event.timeStamp;
  }, true);
  const banner = document.getElementById("banner");
  new MutationObserver(() => {
    const at = pressed;
    const title = document.getElementById("banner-title").textContent;
    // When it stands on the screen, not when it was written.
    requestAnimationFrame(() => setTimeout(() => {
      const sort = banner.dataset.sort;
      window.answers.push({ title, sort, ms: performance.now() - at });
    }));
  }).observe(banner, { subtree: true, childList: true, characterData: true, attributes: true });
}"""
# The same for the tone of a scan that is kept.
HEAR = """() => {
  let pressed = 0;
  window.tones = [];
  addEventListener("keydown", (event) => {
    if (event.key === "Enter") pressed = event.timeStamp;
  }, true);
  const Tone = window.OscillatorNode;
  window.OscillatorNode = class extends Tone {
    constructor(audio, options) {
      super(audio, options);
      window.tones.push(performance.now() - pressed);
    }
  };
}"""
ANSWER = """(cp) => new Promise((done) => {
  (function look() {
    const seen = window.answers.find(({ title }) => title === cp);
    if (seen && window.tones.length) done([seen.ms, window.tones[0]]);
    else requestAnimationFrame(look);
  })();
})"""


def middle(numbers):
    return sorted(numbers)[len(numbers) // 2]


@pytest.mark.parametrize("line", ["well", "dead"])
def test_whoever_scans_gets_an_answer_within_100_ms(station, complaints, order, line):
    complaints.expected = ["Failed to load resource"]
    if line == "dead":
        station.page.route("**/scans/", lambda route: None)
    station.page.evaluate(MEASURE)
    station.page.evaluate(HEAR)
    station.scan("OP0001")
    seen, heard = [], []
    for number in range(1, PIECES + 1):
        cp = f"{order}-{number:04d}"
        station.scan(cp, "OC01", "OC11")
        station.await_active("defect")
        station.page.evaluate("() => { window.answers = []; window.tones = []; }")
        station.scan("000")
        eye, ear = station.page.evaluate(ANSWER, cp)
        seen.append(eye)
        heard.append(ear)
    print(f"line {line}: seen after {middle(seen):.0f} ms, heard after {middle(heard):.0f} ms")
    assert middle(seen) < LIMIT_MS
    assert middle(heard) < LIMIT_MS


def test_a_browser_that_plays_no_tone_is_told_of_until_it_does(open_station, order):
    # As one does whose policy wants a gesture that a scanner's keys are not.
    station = open_station(
        script="""
        AudioContext.prototype.resume = async function () {
          if (!window.allowSound) return new Promise(() => {});
          this.isHeard = true;
        };
        Object.defineProperty(AudioContext.prototype, "state", {
          get() { return this.isHeard ? "running" : "suspended"; },
        });"""
    )
    notice = station.page.locator("#sound-off")
    station.scan_piece(f"{order}-0001")
    station.await_confirmed(f"{order}-0001")
    expect(notice).to_be_visible()
    assert station.heard() == []
    station.page.evaluate("window.allowSound = true")
    station.page.locator("#banner").click()
    expect(notice).to_be_hidden()


def test_a_station_that_is_to_be_silent_is_and_misses_nothing(open_station, profile, order):
    profile(sound_is_on=0)
    station = open_station()
    expect(station.page.locator("#sound-off")).to_be_hidden()
    station.scan_piece(f"{order}-0001", "001")
    station.await_confirmed(f"{order}-0001", "001")
    assert station.heard() == []


def test_each_kind_of_result_has_its_own_tones(station, order):
    station.scan_piece(f"{order}-0001")
    station.await_confirmed(f"{order}-0001")
    tones = {}
    for name, codes in {
        "good": [f"{order}-0002", "OC01", "OC11", "000"],
        "reject": [f"{order}-0003", "OC01", "OC11", "001"],
        "error": ["CP1"],
        "double": [f"{order}-0003", "OC01", "OC11", "001"],
    }.items():
        station.scan(*codes[:-1])
        station.heard()
        station.scan(codes[-1])
        expect(station.banner).not_to_contain_text("being kept")
        station.await_pending(0)
        tones[name] = station.heard()
    assert tones == {
        "good": [1760],
        "reject": [220, 220],
        "error": [220, 220],
        "double": [880, 660, 880],
    }
