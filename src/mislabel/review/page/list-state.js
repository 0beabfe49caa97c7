// What the list shows, and which of its rows are chosen.
/** @import { Brief, ListFilter } from './types.js' */

/**
 * @typedef {object} ListAnswer
 * @property {string | null} query What it was asked with; null where it need not be what is asked for now.
 * @property {ListFilter | undefined} filter
 * @property {string | undefined} digest Names all rows that match.
 * @property {number} total
 * @property {number} offset
 * @property {Brief[]} rows
 */

export const list = {
  /** @type {ListAnswer} */
  answer: { query: null, filter: undefined, digest: undefined, total: 0, offset: 0, rows: [] }, // on the screen
  offset: 0, // of the page that is wanted
  request: 0, // counts the questions
  answered: 0, // the last one that was answered
};

export const selection = {
  /** @type {Map<number, string>} */
  ids: new Map(), // by row, over all pages of one filter
  all: false, // every row that matches is chosen, also those of other pages
  /** @type {number | null} */
  lastTicked: null, // a row
};

export const countChosen = () => (selection.all ? list.answer.total : selection.ids.size);
