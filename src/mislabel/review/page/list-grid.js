// A list of pictures as a grid of them.
import { byId } from './elements.js';
import { run } from './run.js';
import { saveSession, session } from './session.js';

const SIDES = { list: 56, grid: 148 }; // pixels of the longer side of a picture

// Not by the rows of the list: they may not be there yet when G is pressed.
const hasPictures = () => run.has_pictures && run.has_inputs;

export const pictureSide = () => (session.grid ? SIDES.grid : SIDES.list);

/** Rows without pictures stay a list. */
export function showGrid() {
  byId('as-grid').hidden = !hasPictures();
  byId('as-grid').setAttribute('aria-pressed', `${session.grid}`);
  byId('list').classList.toggle('grid', session.grid && hasPictures());
}

export function toggleGrid() {
  if (!hasPictures()) return;
  session.grid = !session.grid;
  saveSession();
}

/**
 * How many rows of the list an arrow key passes: in a grid those beside each other are rows apart.
 * @param {string} key
 */
export function stepOf(key) {
  const isGrid = byId('list').classList.contains('grid');
  const items = /** @type {HTMLElement[]} */ ([...byId('list').children]);
  const beside = isGrid ? items.filter((item) => item.offsetTop === items[0].offsetTop).length : 1;
  const sideways = isGrid ? 1 : 0;
  return { arrowup: -beside, arrowdown: beside, arrowleft: -sideways, arrowright: sideways }[key] ?? 0;
}
