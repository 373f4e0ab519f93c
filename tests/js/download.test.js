import { isTaken, MOST_ROWS, nameOf, receive, refusal } from "/static/scans/download.js";
import { equal, test } from "./harness.js";

const CSV = "text/csv; charset=utf-8";
const XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/** An answer whose body comes in these pieces; an Error among them breaks it off. */
function answer(pieces, { type = CSV, total = 4, status = 200, name = "scans.csv" } = {}) {
  const body = new ReadableStream({
    pull(controller) {
      const piece = pieces.shift();
      if (piece === undefined) controller.close();
      else if (piece instanceof Error) controller.error(piece);
      else controller.enqueue(typeof piece === "string" ? new TextEncoder().encode(piece) : piece);
    },
  });
  const headers = { "Content-Type": type };
  if (total !== null) headers["X-Total-Rows"] = String(total);
  if (name) headers["Content-Disposition"] = `attachment; filename="${name}"`;
  return new Response(body, { status, headers });
}

async function received(...given) {
  const shares = [];
  const blob = await receive(answer(...given), (share) => shares.push(share));
  return { text: await blob.text(), type: blob.type, shares };
}

test("a CSV is as far as its lines, and whole at its end", async () => {
  const found = await received(["id,cp\r\n", "1,a\r\n", "2,b\r\n3,", "c\r\n4,d\r\n"]);
  equal(found.text, "id,cp\r\n1,a\r\n2,b\r\n3,c\r\n4,d\r\n");
  equal(found.shares, [0, 0.25, 0.5, 0.99, 1]);
  equal(found.type, CSV);
});

test("an XLSX is as far as its size says", async () => {
  const piece = new Uint8Array(14_000);
  const { shares } = await received([piece, piece, piece], { type: XLSX, total: 200 });
  equal(shares, [0.5, 0.99, 0.99, 1]);
});

test("a file without rows is whole at once", async () => {
  equal((await received(["id,cp\r\n"], { total: 0 })).shares, [1]);
});

test("what breaks off is no file", async () => {
  let caught = null;
  await receive(answer(["id\r\n1\r\n", new Error("gone")]), () => {}).catch((error) => (caught = error));
  equal(caught?.message, "gone");
});

test("the file has the server's name, and a page to sign in has none", () => {
  equal(nameOf(answer([])), "scans.csv");
  equal(nameOf(answer([], { name: "", type: "text/html" })), "");
});

test("what is too large for a page is left to the browser", () => {
  equal(isTaken(answer([], { total: MOST_ROWS })), true);
  equal(isTaken(answer([], { total: MOST_ROWS + 1 })), false);
  equal(isTaken(answer([], { total: 0 })), true);
  equal(isTaken(answer([], { total: null })), false);
});

test("a refusal is told in the server's words, if it has some", async () => {
  const busy = answer(["Others are exporting.\n"], { status: 503, type: "text/plain; charset=utf-8" });
  equal((await refusal(busy)).message, "Others are exporting.");
  const page = answer(["<h1>Sign in</h1>"], { type: "text/html" });
  equal((await refusal(page)).message.includes("<"), false);
});
