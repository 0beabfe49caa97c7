// What is written into a review that is one file.
/** @import { Row, Run } from '../page/types.js' */
import { byId } from '../page/elements.js';

/**
 * @typedef {object} ReviewFile
 * @property {string} key Names this content: decisions on another file are others.
 * @property {Run} run
 * @property {Row[]} rows In the order in which they are looked at.
 * @property {string[][]} near What the nearest rows have in each column of a table, for each row.
 * @property {string[]} ids For each row, as JSON writes them: a number may have more digits than a page can count to.
 * @property {string[]} labels The classes, as JSON writes them.
 * @property {string | null} reviewer
 */

/** @type {ReviewFile} */
export const file = JSON.parse(byId('file').textContent ?? '');

/** The place of each row in the queue. */
export const placeOf = new Map(file.rows.map((row, place) => [row.row, place]));
