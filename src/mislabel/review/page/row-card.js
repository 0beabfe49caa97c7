// One row: its content, its labels and what the run says of it.
/** @import { Bar, Row, Verdict, Vote } from './types.js' */
/** @import { Look } from './session.js' */
import { display } from './display.js';
import { byId, createElement, createText, currentDialog } from './elements.js';
import { formatNumber, formatPercent, formatTime } from './format.js';
import { decisionOf } from './known.js';
import { createTable } from './feature-table.js';
import { className, decisionName, digitOf, hasDigits, run } from './run.js';
import { session } from './session.js';
import { createViewer } from './viewer.js';
import { createWords } from './words.js';

const LONG_TEXT = 900; // characters above which the letters are smaller

/** @type {number | null} */
let noted = null; // the row that the note is about

/** Whether somebody is at the note. */
export const isNoteTyped = () => display.view === 'row' && document.activeElement === byId('note');

/**
 * @param {Row} row
 * @param {Look} look
 */
export function fillRow(row, look) {
  byId('row-id').textContent = row.id;
  byId('row-where').textContent = describePlace(look);
  byId('row-probe').hidden = !look.probe;
  byId('row-status').hidden = row.status === 'judged';
  byId('row-status').textContent = row.status.replaceAll('_', ' ');
  fillContent(row);
  fillVerdict(row);
  const isTyped = isNoteTyped() && noted === row.row;
  noted = row.row;
  if (isTyped) return; // the same row, shown anew
  byId('note').value = decisionOf(row)?.note ?? '';
  // So that Space pressed next does not press a button of the row before, and the text scrolls by arrow keys.
  if (display.view === 'row' && !currentDialog()) byId('content').focus({ preventScroll: true });
  if (display.view === 'row') window.scrollTo(0, 0);
}

/** @param {Look} look */
function describePlace(look) {
  if (session.detours.length) return 'opened beside the way: ← or → goes back';
  if (look.place !== null) return `row ${formatNumber(look.place + 1)} of ${formatNumber(run.looks)}`;
  return `from the list, ${formatNumber(look.nth ?? 0)} of ${formatNumber(look.of ?? 0)}`;
}

/** @param {Row} row */
function fillContent(row) {
  const content = byId('content');
  content.replaceChildren(createContent(row));
  content.className = `card ${row.image ? 'picture' : run.modality}`;
  content.classList.toggle('table', row.columns.length > 0);
  content.classList.toggle('long', (row.text || '').length > LONG_TEXT);
  content.scrollTop = 0;
}

/** @param {Row} row */
function createContent(row) {
  if (row.image) return createViewer(row);
  if (row.columns.length) return createTable(row);
  if (row.text === null) return createText('p', row.note ?? '', 'muted');
  return row.text.trim() ? createWords(row) : createText('p', 'The text is empty.', 'muted');
}

/** @param {Row} row */
function fillVerdict(row) {
  byId('given').textContent = className(row.given);
  byId('suggested').textContent = className(row.suggested);
  byId('suggested').classList.toggle('same', row.suggested === row.given);
  const chance = `The given label is ${formatPercent(row.p_mislabeled)} likely wrong.`;
  byId('chance').textContent = row.p_mislabeled === null ? 'The run does not judge this row.' : chance;
  byId('bars').replaceChildren(...orderBars(row.posterior).map((bar) => createBar(bar, row)));
  byId('bars-part').hidden = !row.posterior.length;
  byId('verdicts').replaceChildren(...row.verdicts.map(createVerdict));
  byId('verdicts-part').hidden = !row.verdicts.length;
  byId('votes').replaceChildren(...row.votes.map((vote) => createVote(vote, row)));
  byId('votes-part').hidden = !row.votes.length;
  byId('more-votes').textContent = `and ${formatNumber(row.more_votes)} more`;
  byId('more-votes').hidden = !row.more_votes;
  byId('why').replaceChildren(...row.why.map((sentence) => createElement('li', { textContent: sentence })));
  byId('why-part').hidden = !row.why.length;
}

/**
 * In the order of their digits, so that a class has its place as it has its key; else the most probable first.
 * @param {Bar[]} bars
 */
const orderBars = (bars) => (hasDigits() ? bars.toSorted((one, other) => one.label - other.label) : bars);

/**
 * @param {Bar} bar
 * @param {Row} row
 */
function createBar(bar, row) {
  const fill = createElement('i');
  fill.style.width = `${Math.max(bar.p * 100, 0.5)}%`;
  const roles = [bar.label === row.given && 'given', bar.label === row.suggested && 'suggested'];
  const role = roles.filter(Boolean).join(', ');
  const digit = digitOf(bar.label);
  const track = createElement('span', { className: 'track' }, fill);
  const name = createText('span', className(bar.label), 'name');
  const share = createText('b', formatPercent(bar.p));
  const key = digit && createText('kbd', digit);
  return createElement('li', { className: role }, key, name, createText('small', role), track, share);
}

/**
 * @param {Vote} vote
 * @param {Row} row
 */
function createVote(vote, row) {
  const wrong = createText('small', `wrong: ${formatPercent(vote.p_wrong)}`);
  const roles = [vote.label === row.given && 'given', vote.label === row.suggested && 'suggested'];
  const label = createText('b', className(vote.label), roles.filter(Boolean).join(' '));
  return createElement('li', {}, createText('span', vote.source, 'name'), label, wrong);
}

/** @param {Verdict} verdict */
function createVerdict(verdict) {
  const said = verdict.kind === 'label' ? className(verdict.label) : decisionName(verdict.kind, null);
  return createElement('li', {}, createText('span', verdict.reviewer, 'name'), createText('b', said));
}

/** @param {Row} row */
export function showDecision(row) {
  const decision = decisionOf(row);
  byId('row-decision').hidden = !decision;
  if (!decision) return;
  let who = decision.source === 'page' ? 'decided' : `decided (${decision.source})`;
  if (decision.reviewer) who += ` by ${decision.reviewer}`;
  if (decision.time) who += ` at ${formatTime(new Date(decision.time)).slice(0, 5)}`;
  if (decision.elsewhere) who = 'decided in another window';
  if (decision.waiting) who = 'not saved yet';
  const note = decision.note ? ` · “${decision.note}”` : '';
  byId('row-decision').textContent = `✓ ${who}: ${decisionName(decision.kind, decision.label)}${note}`;
}
