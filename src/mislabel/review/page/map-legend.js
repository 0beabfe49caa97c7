// What the colours of the map mean. Pressing a line of it makes its points stand out.
/** @import { Entry } from './map-colours.js' */
import { byId, createButton, createElement, createText } from './elements.js';
import { formatNumber } from './format.js';
import { recolour } from './map-canvas.js';
import { STEPS } from './map-colours.js';
import { map } from './map-state.js';
import { className, run } from './run.js';

/** Colour the points anew, and say what the colours mean. */
export function showColours() {
  const colours = recolour();
  if (!colours) return;
  const isShare = map.colour === 'p';
  const shown = colours.entries.map((entry, place) => ({ entry, place })).filter(({ entry }) => entry.count);
  const named = isShare ? shown.filter(({ place }) => place >= STEPS) : shown;
  const lines = named.map(({ entry, place }) => createElement('li', {}, createLine(entry, place)));
  byId('legend').replaceChildren(...(isShare ? [createScale(colours.entries)] : []), ...lines);
  byId('map-class-part').hidden = isShare || run.classes.length < colours.entries.length;
  if (!byId('map-class').options.length) fillClasses();
}

/**
 * @param {Entry} entry
 * @param {number} place
 */
function createLine(entry, place) {
  const swatch = createElement('i');
  swatch.style.background = entry.colour;
  const button = createButton('', 'plain', () => {
    map.focus = map.focus === place ? -1 : place;
    showColours();
  });
  button.setAttribute('aria-pressed', `${map.focus === place}`);
  button.append(swatch, createText('span', entry.name), createText('small', formatNumber(entry.count)));
  return button;
}

/** @param {Entry[]} entries */
function createScale(entries) {
  const bar = createElement('i', { className: 'scale' });
  const colours = entries.slice(0, STEPS).map((entry) => entry.colour);
  bar.style.background = `linear-gradient(to right, ${colours.join(', ')})`;
  const words = createElement('span', {}, createText('small', 'surely right'), createText('small', 'surely wrong'));
  return createElement('li', { className: 'shares' }, bar, words);
}

function fillClasses() {
  const options = run.classes.map((_, code) =>
    createElement('option', { value: `${code}`, textContent: className(code) }),
  );
  byId('map-class').replaceChildren(
    createElement('option', { value: '', textContent: 'the most frequent' }),
    ...options,
  );
}

/** A class that is not among the most frequent gets a colour of its own, and stands out. */
export function wantClass() {
  const { value } = byId('map-class');
  map.wanted = value === '' ? null : Number(value);
  map.focus = value === '' ? -1 : 0;
  showColours();
}
