// How far a review is that is one file, and what its next rows are expected to bring.
/** @import { Advice, Decision, Part, Progress, Row } from '../page/types.js' */
import { file } from './file.js';

const AHEAD = 50; // rows, and as many behind
const FEWEST = 20; // decisions that tell something

/** @typedef {(row: Row) => Decision | null} DecisionOf */

/**
 * @param {DecisionOf} decisionOf
 * @returns {Advice | null}
 */
export function advise(decisionOf) {
  const ahead = file.rows.filter((row) => !decisionOf(row)).slice(0, AHEAD);
  if (!ahead.length) return null;
  const expected = ahead.reduce((sum, row) => sum + (row.p_mislabeled ?? 0), 0);
  const rows = ahead.length > 1 ? `the next ${ahead.length} rows` : 'the next row';
  const words = `Of ${rows} the run expects about ${Math.round(expected)} to have a wrong label${soFar(decisionOf)}.`;
  return { rows: ahead.length, expected, minutes: null, words: [words] };
}

/** @param {DecisionOf} decisionOf */
function soFar(decisionOf) {
  const decisions = file.rows.flatMap((row) => decisionOf(row) ?? []);
  const last = decisions.sort((one, other) => other.number - one.number).slice(0, AHEAD);
  return last.length < FEWEST ? '' : `; ${last.filter(isWrong).length} of the last ${last.length} decided had one`;
}

/** @param {Decision} decision */
const isWrong = ({ kind }) => kind !== 'keep' && kind !== 'unsure';

/**
 * @param {DecisionOf} decisionOf
 * @returns {Progress}
 */
export const countParts = (decisionOf) => ({
  classes: parts(decisionOf, (row) => [row.given, null]),
  pairs: parts(decisionOf, (row) => [row.given === row.suggested ? null : row.given, row.suggested]),
  seconds: null,
});

/**
 * @param {DecisionOf} decisionOf
 * @param {(row: Row) => [number | null, number | null]} nameOf The classes; null where the row is in no part.
 */
function parts(decisionOf, nameOf) {
  /** @type {Map<string, Part>} */
  const found = new Map();
  for (const row of file.rows) {
    const [given, suggested] = nameOf(row);
    if (given === null) continue;
    const part = found.get(`${given} ${suggested}`) ?? { given, suggested, rows: 0, decided: 0, wrong: 0 };
    const decision = decisionOf(row);
    part.rows++;
    part.decided += Number(Boolean(decision));
    part.wrong += Number(decision !== null && isWrong(decision));
    found.set(`${given} ${suggested}`, part);
  }
  return [...found.values()].sort((one, other) => other.rows - one.rows);
}
