// The run under review, and the names of its classes and of decisions.
/** @import { Kind, Run } from './types.js' */
/** @import { Job } from './session.js' */

const MOST_DIGITS = 9; // classes that can be chosen by a digit

/** The run as the server tells it: filled before anything else is done. */
export const run = /** @type {Run} */ ({});

/** @type {Record<Kind, string>} */
const KIND_NAMES = {
  keep: 'keep',
  suggestion: 'suggestion',
  label: 'another class',
  unsure: 'not sure',
  none: 'none of these',
};

/** @param {Run} answer */
export function fillRun(answer) {
  const classes = answer.classes.map((name) => (name.trim() ? name : '(empty)'));
  Object.assign(run, answer, { classes });
}

/** Whether every class has a digit, the same one on every row; otherwise it is chosen by typing its name. */
export const hasDigits = () => run.classes.length <= MOST_DIGITS;

/**
 * The digit of a class, shown wherever it is chosen; null where there are more classes than digits.
 * @param {number} code
 */
export const digitOf = (code) => (hasDigits() ? `${code + 1}` : null);

/** @param {number | null | undefined} code */
export const className = (code) => (code === null || code === undefined ? '–' : run.classes[code]);

/**
 * @param {Kind} kind
 * @param {number | null} [code]
 */
export const decisionName = (kind, code) =>
  kind === 'label' ? `${KIND_NAMES.label}: ${className(code)}` : KIND_NAMES[kind];

/** @param {Job} job */
export const jobName = (job) =>
  job.undo ? `undo ${job.undo.what || ''}` : `${decisionName(job.kind, job.label)} · ${job.what}`;
