// What other keyboard layouts make of the keys that a scanner presses, which thinks it is American.

const QWERTZ = ["yz", "zy"];
const AZERTY = ["aqzwm;M", "qawz,m?"];

/** By name: pairs of keys and what comes of them; a capital letter follows its small one. */
const LAYOUTS = {
  us: [],
  "romanian": [[";", "ș"]],
  "romanian-legacy": [QWERTZ, ["-/;", "+-ș"]],
  german: [QWERTZ, ["-/;", "ß-ö"]],
  "swiss-german": [QWERTZ, ["-/;", "'-ö"]],
  "swiss-french": [QWERTZ, ["-/;", "'-é"]],
  hungarian: [QWERTZ, ["-/;0", "ü-éö"]],
  czech: [QWERTZ, ["-/;1234567890", "=-ů+ěščřžýáíé"]],
  slovak: [QWERTZ, ["-/;1234567890", "=-ô+ľščťžýáíé"]],
  croatian: [QWERTZ, ["-/;", "'-č"]],
  french: [AZERTY, ["-/1234567890", ")!&é\"'(-è_çà"]],
  belgian: [AZERTY, ["-/1234567890", ")=&é\"'(§è!çà"]],
  italian: [["-/;", "'-ò"]],
  spanish: [["-/;", "'-ñ"]],
  portuguese: [["-/;", "'-ç"]],
  swedish: [["-/;", "+-ö"]],
  norwegian: [["-/;", "+-ø"]],
  danish: [["-/;", "+-æ"]],
  turkish: [["-/;", "*.ș"]],
  cyrillic: [["qwertyuiopasdfghjkl;zxcvbnm/", "йцукенгшщзфывапролджячсмить."]],
};

export const NAMES = Object.keys(LAYOUTS);

/** The capital letter, where it is one: "ß" would become two. */
export function capital(char) {
  const large = char.toUpperCase();
  return large.length === char.length ? large : char;
}

const TABLES = new Map(
  NAMES.map((name) => {
    const pairs = LAYOUTS[name].flatMap(([keys, made]) => {
      const chars = [...made];
      return [...keys].map((key, at) => [key, chars[at]]);
    });
    const capitals = pairs
      .filter(([key]) => key !== key.toUpperCase())
      .map(([key, made]) => [key.toUpperCase(), capital(made)]);
    // What is said of a capital letter itself counts more.
    return [name, new Map([...capitals, ...pairs])];
  }),
);

/** What a text becomes on its way from the scanner through a layout. */
export function through(layout, text) {
  const table = TABLES.get(layout);
  return [...text].map((char) => table.get(char) ?? char).join("");
}
