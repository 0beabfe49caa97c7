// What the map shows, and which of its rows are chosen.
/** @import { ListFilter } from './types.js' */

/**
 * All rows as points, by their rank in the audit.
 * @typedef {object} Points
 * @property {number} count
 * @property {Uint16Array} x 0 to 65535.
 * @property {Uint16Array} y
 * @property {Uint16Array} given Codes, `NO_CLASS` for none.
 * @property {Uint16Array} suggested
 * @property {Uint8Array} p That the given label is wrong, in 1/254; `UNKNOWN` for rows that are not judged.
 * @property {Uint8Array} flags 1 for a judged row, 2 for a decided one.
 */

/**
 * Rows inside a line that was drawn round them.
 * @typedef {object} Chosen
 * @property {string} area As the server reads it.
 * @property {string} layout That it was drawn on.
 * @property {number[]} corners x, y, x, y, ...
 * @property {Uint8Array} inside 1 for the rows in it.
 * @property {ListFilter} [filter] Once the server has counted them,
 * @property {string} [digest] by which it knows that they are still those.
 * @property {number} total
 */

export const SIDE = 65535;
export const NO_CLASS = 65535;
export const UNKNOWN = 255;

export const map = {
  /** @type {'pca' | 'tsne'} */
  layout: 'pca',
  /** @type {'p' | 'given' | 'suggested'} */
  colour: 'p',
  /** @type {Points | null} */
  points: null,
  /** @type {Chosen | null} */
  chosen: null,
  /** @type {number | null} */
  hovered: null, // a row
  /** @type {number[]} */
  near: [], // rows nearest to it
  /** @type {number[]} */
  corners: [], // of a line that is being drawn: x, y, x, y, ...
  /** @type {{ x: number, y: number } | null} */
  cross: null, // where the keys are, in pixels of the canvas
  lasso: true, // whether dragging draws a line; else it moves the map
  focus: -1, // the entry of the legend that stands out
  /** @type {number | null} */
  wanted: null, // a class that stands out though it is not among the most frequent
};

/** @type {(() => void)[]} */
const listeners = [];

/** @param {() => void} listener */
export function onChosen(listener) {
  listeners.push(listener);
}

/** @param {Chosen | null} chosen */
export function choose(chosen) {
  map.chosen = chosen;
  map.corners = [];
  for (const listener of listeners) listener();
}
