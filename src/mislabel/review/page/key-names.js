// Which key does what: as somebody has chosen it, else as usual.
import { run } from './run.js';

/** @type {Record<string, string>} */
export const USUAL_KEYS = {
  keep: 'k',
  suggestion: 's',
  label: 'c',
  unsure: 'n',
  none: 'x',
  undo: 'u',
  note: 't',
  list: 'l',
  row: 'r',
  map: 'm',
  words: 'w',
  meanings: 'd',
  actual: 'z',
  grid: 'g',
};

/** @param {string} name Of what it does. */
export const keyFor = (name) => run.keys[name] ?? USUAL_KEYS[name];

/** @param {string} name */
export const keyName = (name) => keyFor(name).toUpperCase();

/** Write the keys wherever the page names them. */
export function showKeys() {
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-key]'))) {
    element.textContent = keyName(element.dataset.key ?? '');
  }
}
