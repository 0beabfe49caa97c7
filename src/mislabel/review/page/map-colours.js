// The colours of the map: told apart in the dark, in the light, and by people who see fewer colours than others.
/** @import { Points } from './map-state.js' */
import { map, NO_CLASS, UNKNOWN } from './map-state.js';
import { className, run } from './run.js';

/**
 * A group of points of one colour.
 * @typedef {object} Entry
 * @property {string} name
 * @property {string} colour
 * @property {number} count
 */

// Of classes, the most frequent first: seen on the page, and far apart in hue or lightness for people who see no red, no
// green or no blue (tests/review/test_map_colours.py measures both).
const CLASSES = {
  light: ['#198cff', '#e65c17', '#8a00a6', '#a6805b', '#4c3159', '#2a00ff', '#800000'],
  dark: ['#32a66c', '#ff8000', '#ff8cff', '#ffff00', '#9c3dcc', '#00ff80', '#cc0022'],
};
const OTHERS = { light: '#8d95a3', dark: '#6b7485' };
// From surely right to surely wrong: lightness says it, whoever sees no red.
const SHARES = { light: ['#c3cad6', '#a3201d'], dark: ['#3a4252', '#ffd27a'] };
const DECIDED = { light: '#1b6b40', dark: '#6fcf97' };
export const STEPS = 64; // of a share that are told apart
const FADED = 0.82; // how far what does not stand out goes to the colour of the page
const PAGE = { light: '#ffffff', dark: '#14171d' };

const scheme = () => (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');

/** @param {string} colour */
const parts = (colour) => [1, 3, 5].map((place) => parseInt(colour.slice(place, place + 2), 16));

/**
 * @param {string} one
 * @param {string} other
 * @param {number} share Of the other.
 */
function mixed(one, other, share) {
  const [from, to] = [parts(one), parts(other)];
  const hex = from.map((value, place) =>
    Math.round(value + (to[place] - value) * share)
      .toString(16)
      .padStart(2, '0'),
  );
  return `#${hex.join('')}`;
}

/** @param {string} colour As a pixel holds it. */
function pixel(colour) {
  const [red, green, blue] = parts(colour);
  return (255 << 24) | (blue << 16) | (green << 8) | red;
}

/**
 * For each row the entry of a palette, and the palette: bright, then faded.
 * @param {Points} points
 */
export function colourPoints(points) {
  const { entries, entryOf } = map.colour === 'p' ? byShare(points) : byClass(points, points[map.colour]);
  const page = PAGE[scheme()];
  const bright = Uint32Array.from(entries, (entry) => pixel(entry.colour));
  const faded = Uint32Array.from(entries, (entry) => pixel(mixed(entry.colour, page, FADED)));
  return { entries, entryOf, bright, faded };
}

/** @param {Points} points */
function byShare(points) {
  const [right, wrong] = SHARES[scheme()];
  const entryOf = new Uint8Array(points.count);
  const entries = Array.from({ length: STEPS }, (_, step) => ({
    name: '',
    colour: mixed(right, wrong, step / (STEPS - 1)),
    count: 0,
  }));
  entries.push({ name: 'not judged', colour: mixed(OTHERS[scheme()], PAGE[scheme()], 0.5), count: 0 });
  entries.push({ name: 'decided', colour: DECIDED[scheme()], count: 0 });
  for (let row = 0; row < points.count; row++) {
    const share = points.p[row] === UNKNOWN ? STEPS : Math.floor((points.p[row] * STEPS) / 255);
    entryOf[row] = points.flags[row] & 2 ? STEPS + 1 : share;
    entries[entryOf[row]].count++;
  }
  return { entries, entryOf };
}

/**
 * @param {Points} points
 * @param {Uint16Array} codes
 */
function byClass(points, codes) {
  const counts = new Uint32Array(run.classes.length);
  for (let row = 0; row < points.count; row++) if (codes[row] !== NO_CLASS) counts[codes[row]]++;
  const colours = CLASSES[scheme()];
  const frequent = [...counts.keys()].sort((one, other) => counts[other] - counts[one] || one - other);
  const wanted = map.wanted === null ? frequent : [map.wanted, ...frequent.filter((code) => code !== map.wanted)];
  const shown = wanted.slice(0, colours.length);
  const entries = shown.map((code, place) => ({ name: className(code), colour: colours[place], count: counts[code] }));
  const place = new Uint8Array(run.classes.length).fill(shown.length);
  for (const [entry, code] of shown.entries()) place[code] = entry;
  const others = run.classes.length - shown.length;
  entries.push({ name: others ? `${others} other classes` : 'no class', colour: OTHERS[scheme()], count: 0 });
  const entryOf = new Uint8Array(points.count);
  for (let row = 0; row < points.count; row++) {
    entryOf[row] = codes[row] === NO_CLASS ? shown.length : place[codes[row]];
    if (entryOf[row] === shown.length) entries[shown.length].count++;
  }
  return { entries, entryOf };
}
