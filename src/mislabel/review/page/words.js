// The words of a text that speak for its labels, marked where the run's model can be asked, and as long as it is wanted.
/** @import { Row, WordPart, Words } from './types.js' */
import { getWords, statusOf } from './api.js';
import { display } from './display.js';
import { byId, createElement, createText } from './elements.js';
import { className, run } from './run.js';
import { saveSession, session } from './session.js';

const REST = 350; // milliseconds on one row after which the model is asked
const LEVELS = [0.2, 0.45, 0.7]; // of the largest weight
const LEAST = 0.05; // of log odds: below it no word matters
const MOST_KEPT = 500;

/** @type {Map<number, Words>} */
const known = new Map();

/**
 * The text of a row, to be marked later.
 * @param {Row} row
 */
export function createWords(row) {
  const said = createElement('p', { className: 'words-said muted' });
  return createElement('div', {}, createText('div', row.text ?? '', 'text'), said);
}

/** The switch, and the words of the row on the screen. */
export async function markWords() {
  showSwitch();
  const { shown } = display;
  const isLate = () => shown !== display.shown || !session.words;
  if (!shown || !shown.row.text?.trim() || !run.marks_words || run.words_note !== null || isLate()) return;
  const { row } = shown.row;
  if (!known.has(row)) {
    await new Promise((resolve) => setTimeout(resolve, REST));
    if (isLate()) return;
    say('Asking the model which words matter …');
    try {
      if (known.size > MOST_KEPT) known.clear();
      known.set(row, await getWords(row));
    } catch (error) {
      if (!isLate()) say(statusOf(error) ? 'The words could not be marked.' : '');
    }
  }
  const words = known.get(row);
  if (words && !isLate()) showMarks(words);
}

function showSwitch() {
  const button = byId('mark-words');
  button.hidden = !run.marks_words;
  button.setAttribute('aria-pressed', `${session.words && run.words_note === null}`);
  button.setAttribute('aria-disabled', `${run.words_note !== null}`);
  button.title = run.words_note ?? 'Mark the words that speak for each label';
}

/** On or off; where nothing can be marked, why. */
export function switchWords() {
  if (!run.marks_words || !display.shown) return;
  if (run.words_note !== null) return say(run.words_note);
  session.words = !session.words;
  saveSession();
  const text = document.querySelector('#content .text');
  if (!session.words && text) {
    text.textContent = display.shown.row.text;
    say('');
  }
  markWords();
}

/** @param {string} words */
function say(words) {
  const place = document.querySelector('#content .words-said');
  if (place) place.textContent = words;
}

/** @param {Words} words */
function showMarks({ parts, toward, against, note }) {
  if (note !== null) return say(note);
  const most = Math.max(...parts.map((part) => Math.abs(part.weight ?? 0)));
  if (most < LEAST) return say('No single word matters much to the model.');
  document.querySelector('#content .text')?.replaceChildren(...parts.map((part) => createPart(part, most)));
  const other = against === null ? 'against it' : `for “${className(against)}”`;
  say(`To the run’s model, marked words speak for “${className(toward)}”, those with a dotted line ${other}.`);
}

/**
 * @param {WordPart} part
 * @param {number} most
 */
function createPart({ text, weight }, most) {
  const level = weight === null ? 0 : LEVELS.filter((least) => Math.abs(weight) >= least * most).length;
  if (!level) return document.createTextNode(text);
  return createElement('mark', {
    textContent: text,
    className: `${(weight ?? 0) > 0 ? 'toward' : 'against'} level${level}`,
  });
}

export function listenToWords() {
  byId('mark-words').addEventListener('click', switchWords);
}
