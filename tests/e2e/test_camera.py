"""The camera scans where the browser can read barcodes, and is not to be seen where it cannot."""

from playwright.sync_api import expect

# A browser that can: what lies in front of the camera is what `window.inFront` names.
WITH_CAMERA = """
window.inFront = [];
window.BarcodeDetector = class {
  static async getSupportedFormats() { return ["code_128", "qr_code"]; }
  constructor({ formats }) { this.formats = formats; }
  async detect(video) {
    if (!video.srcObject) throw new Error("no picture");
    return window.inFront.map((rawValue) => ({ rawValue, format: this.formats[0] }));
  }
};
Object.defineProperty(navigator, "mediaDevices", { value: {
  async getUserMedia() {
    if (window.isForbidden) throw new DOMException("no", "NotAllowedError");
    const canvas = document.createElement("canvas");
    canvas.getContext("2d").fillRect(0, 0, 10, 10);
    window.given = canvas.captureStream();
    return window.given;
  },
} });
"""
WITHOUT_CODE_128 = """
window.BarcodeDetector = class { static async getSupportedFormats() { return ["qr_code"]; } };
"""


def show(station, *codes: str) -> None:
    """What the camera sees from now on."""
    station.page.evaluate("(codes) => { window.inFront = codes; }", list(codes))


def await_looks(station) -> None:
    """The page has looked through the camera for some more times."""
    station.page.evaluate(
        """() => new Promise((done) => {
          const { detect } = BarcodeDetector.prototype;
          let looks = 0;
          BarcodeDetector.prototype.detect = function (video) {
            if ((looks += 1) > 5) done();
            return detect.call(this, video);
          };
        })"""
    )


def test_a_piece_is_scanned_with_the_camera(open_station, database, order):
    station = open_station(script=WITH_CAMERA)
    station.page.get_by_role("button", name="Camera").click()
    expect(station.page.locator("#camera-panel video")).to_be_visible()
    for field, code in [
        ("operator", "OP0002"),
        ("cp", f"{order}-0001"),
        ("oc1", "OC01"),
        ("oc2", "OC11"),
    ]:
        station.await_active(field)
        show(station, code)
    station.await_active("defect")
    show(station, "003")
    station.await_confirmed(f"{order}-0001", "003")
    # It still lies there: that is no other scan.
    await_looks(station)
    assert len(database.scans(order)) == 1


def test_what_is_held_before_the_camera_for_long_is_read_once(open_station, order):
    station = open_station(script=WITH_CAMERA)
    station.page.get_by_role("button", name="Camera").click()
    show(station, "OP0001", f"{order}-0001")
    station.await_active("oc1")
    show(station, "OC01")
    station.await_active("oc2")
    await_looks(station)
    # A second OC01 would be refused, or fill OC2.
    station.await_active("oc2")
    expect(station.banner).not_to_have_attribute("data-sort", "problem")


def test_closing_the_panel_switches_the_camera_off(open_station):
    station = open_station(script=WITH_CAMERA)
    button = station.page.get_by_role("button", name="Camera")
    button.click()
    expect(button).to_have_attribute("aria-expanded", "true")
    station.page.get_by_role("button", name="Close").click()
    expect(station.page.locator("#camera-panel")).to_be_hidden()
    assert station.page.evaluate("given.getTracks().map((track) => track.readyState)") == ["ended"]


def test_a_camera_that_nobody_allows_is_named_and_the_scanner_goes_on(open_station, order):
    station = open_station(script=WITH_CAMERA + "window.isForbidden = true;")
    station.page.get_by_role("button", name="Camera").click()
    station.await_banner("problem", "The camera cannot be used")
    station.scan_piece(f"{order}-0001")
    station.await_confirmed(f"{order}-0001")


def test_where_no_barcode_can_be_read_no_camera_is_offered(open_station):
    for script in ("", WITHOUT_CODE_128):
        expect(open_station(script=script).page.locator("#camera")).to_be_hidden()
