// The list of rows of a review that is one file.
/** @import { Brief, Decision, ListFilter, ListPage, Row } from '../page/types.js' */
import { file } from './file.js';

const EXCERPT = 300; // characters

/**
 * @param {Partial<ListFilter>} filter
 * @param {(row: Row) => Decision | null} decisionOf
 */
export function matching(filter, decisionOf) {
  const { given, suggested, decision = 'any', status = 'any', search = '', reviewer = '' } = filter;
  const words = search.trim().toLowerCase();
  return file.rows
    .filter((row) => {
      const decided = decisionOf(row);
      const is = { any: true, undecided: !decided, decided: Boolean(decided), differ: false }[decision];
      return (
        (given === null || given === undefined || row.given === given) &&
        (suggested === null || suggested === undefined || row.suggested === suggested) &&
        (is ?? decided?.kind === decision) &&
        (status === 'any' || row.status === status) &&
        (!reviewer || (decided && file.reviewer === reviewer)) &&
        (row.text ?? row.id).toLowerCase().includes(words)
      );
    })
    .toSorted((one, other) => one.row - other.row);
}

/** @param {Row[]} rows */
export const digestOf = (rows) => rows.map(({ row }) => row).join(' ');

/**
 * @param {URLSearchParams} query
 * @param {(row: Row) => Decision | null} decisionOf
 * @returns {ListPage}
 */
export function listPage(query, decisionOf) {
  const word = (/** @type {string} */ name) => query.get(name) || undefined;
  const code = (/** @type {string} */ name) => (word(name) === undefined ? null : Number(word(name)));
  const filter = {
    given: code('given'),
    suggested: code('suggested'),
    decision: word('decision'),
    status: word('status'),
    search: word('search'),
    reviewer: word('reviewer'),
  };
  const rows = matching(filter, decisionOf);
  const offset = code('offset') ?? 0;
  const shown = rows.slice(offset, offset + (code('limit') ?? 50));
  const briefs = shown.map((row) => brief(row, decisionOf(row)));
  return { total: rows.length, digest: digestOf(rows), offset, rows: briefs };
}

/**
 * @param {Row} row
 * @param {Decision | null} decision
 * @returns {Brief}
 */
const brief = (row, decision) => ({ ...row, decision, text: row.text && row.text.slice(0, EXCERPT) });
