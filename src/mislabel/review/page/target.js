// What a decision is about: the row on the screen, or what is chosen in the list.
/** @import { Kind, ListFilter, Row } from './types.js' */
/** @import { Shown } from './display.js' */
import { display } from './display.js';
import { formatRows } from './format.js';
import { list, selection } from './list-state.js';
import { map } from './map-state.js';

/**
 * A dialog keeps the one it was opened for.
 * @typedef {object} Target
 * @property {number} count
 * @property {string} what The rows in words.
 * @property {number[]} [rows]
 * @property {ListFilter} [filter] For all rows that match,
 * @property {string} [digest] by which the server knows that they are still those.
 * @property {Shown} [shown] The row of the row view.
 */

/** @returns {Target | null} */
export function currentTarget() {
  const { view, shown } = display;
  if (view === 'row') return shown && { rows: [shown.row.row], count: 1, what: shown.row.id, shown };
  if (view === 'map') return mapTarget();
  const { filter, digest, total } = list.answer;
  if (selection.all) return { filter, digest, count: total, what: formatRows(total) };
  const { ids } = selection;
  const what = ids.size === 1 ? [...ids.values()][0] : formatRows(ids.size);
  return ids.size ? { rows: [...ids.keys()], count: ids.size, what } : null;
}

/** The rows inside a line on the map, once the server has counted them. */
function mapTarget() {
  const { filter, digest, total } = map.chosen ?? {};
  return filter && total ? { filter, digest, count: total, what: formatRows(total) } : null;
}

/** How many rows a decision of the list or the map would take now. */
export const countSeveral = () => currentTarget()?.count ?? 0;

/**
 * @param {Kind} kind
 * @param {Row} row
 */
export const isPossible = (kind, row) =>
  (kind !== 'keep' || row.given !== null) && (kind !== 'suggestion' || row.suggested !== null);
