// Makes the tiles as large as they can be with all of them in sight: nobody scrolls on a wall.

// Of the board's own letter. When the last one is too large, the bars of the hours go, and then the tiles scroll.
const SCALES = [1.3, 1.2, 1.1, 1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6];
const MOST_COLUMNS = 6;
// So wide a tile takes four digits, in letters of its own; with the hours beside them, as where few stand side by side, it is wider.
const LEAST_EM = 25;
const LEAST_EM_OF_FEW = 40;

/** What stands in each row of tiles: lines one after the other, several while they fit; how many tiles one above the other. */
export function rowsOf(lines, columns) {
  const rows = [];
  let free = 0;
  for (const { stations } of lines) {
    const width = Math.min(stations.length, columns);
    if (width > free) {
      rows.push(1);
      free = columns;
    }
    free -= width;
    rows.push(Math.max(rows.pop(), Math.ceil(stations.length / columns)));
  }
  return rows;
}

/** Tries it out, as only the browser knows how high its letters are: after a change of stations, or of the screen. */
export function fit(board, lines) {
  for (const isCrowded of [false, true]) {
    board.toggleAttribute("data-crowded", isCrowded);
    // Room is left for the message that the site is away, which must push nothing out of sight; the bars have it meanwhile.
    board.toggleAttribute("data-fitting", !isCrowded);
    if (SCALES.some((scale) => fitAt(scale, board, lines))) break;
  }
  board.removeAttribute("data-fitting");
}

function fitAt(scale, board, lines) {
  for (let columns = 1; columns <= MOST_COLUMNS; columns += 1) {
    lay(board, lines, columns, scale);
    if (!isWide(board, columns)) {
      lay(board, lines, fewest(lines, columns - 1), scale);
      return false;
    }
    if (board.scrollHeight <= board.clientHeight) return true;
  }
  return false;
}

/** As few columns as make no more rows: none is left empty. */
function fewest(lines, columns) {
  const height = (count) => rowsOf(lines, count).reduce((sum, tiles) => sum + tiles, 0);
  while (columns > 1 && height(columns - 1) === height(columns)) columns -= 1;
  return Math.max(1, columns);
}

function lay(board, lines, columns, scale) {
  board.dataset.columns = columns;
  board.style.setProperty("--columns", columns);
  board.style.setProperty("--scale", scale);
  board.style.setProperty("--rows", rowsOf(lines, columns).map((tiles) => `${tiles}fr`).join(" "));
  board.querySelectorAll(".line").forEach((line, place) => {
    line.style.setProperty("--width", Math.min(lines[place].stations.length, columns));
  });
}

function isWide(board, columns) {
  const tile = board.querySelector(".station");
  const least = columns > 2 ? LEAST_EM : LEAST_EM_OF_FEW;
  return !tile || tile.clientWidth >= least * parseFloat(getComputedStyle(tile).fontSize);
}
