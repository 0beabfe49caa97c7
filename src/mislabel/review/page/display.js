// What is on the screen.
/** @import { Row } from './types.js' */
/** @import { Look } from './session.js' */

const UNREAD_TIME = 350; // milliseconds in which nobody reads a row and finds a button for it

/**
 * A row on the screen.
 * @typedef {object} Shown
 * @property {Row} row
 * @property {Look} look How one came to it.
 * @property {number} time When it was shown, in milliseconds since the page was opened.
 * @property {boolean} sudden Whether no key asked for it, so that one pressed right then is meant for what was there before.
 */

export const display = {
  /** @type {'row' | 'list' | 'map'} */
  view: 'row',
  /** @type {'row' | 'end' | 'waiting'} */
  part: 'waiting', // of the row view
  /** @type {Shown | null} */
  shown: null, // nothing can be decided in the row view but this one
  request: 0, // counts the rows asked to be shown, so that a late answer does not overwrite a newer one
};

/** Whether the queue has no more rows. */
export const isAtEnd = () => display.part === 'end';

/**
 * Whether nobody can have read a row yet when a key or a click came.
 * @param {Event} event
 * @param {Shown} shown
 */
export const isUnread = (event, shown) => event.timeStamp - shown.time < UNREAD_TIME;

/**
 * Whether a row came by itself and nobody can have read it when a key or a click came.
 * @param {Event} event
 * @param {Shown | null | undefined} shown
 */
export const isUnexpected = (event, shown) => Boolean(shown?.sudden) && isUnread(event, /** @type {Shown} */ (shown));
