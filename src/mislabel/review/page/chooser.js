// The dialog in which another class is chosen.
/** @import { Target } from './target.js' */
import { isUnexpected } from './display.js';
import { byId, createElement, createText } from './elements.js';
import { formatNumber, formatPercent } from './format.js';
import { className, digitOf, run } from './run.js';

const MOST_OPTIONS = 300;

/**
 * Gets the class that was chosen.
 * @typedef {(code: number, target: Target) => void} Take
 */

const chooser = {
  /** @type {Target | null} */
  target: null, // what it was opened for; null where that row is being fetched
  /** @type {Take} */
  take: () => {},
  /** @type {number[]} */
  options: [],
  picked: 0,
};

/** @param {string} words */
const fold = (words) => words.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();

export const isChooserOpen = () => byId('chooser').open;

/**
 * @param {Target | null} target
 * @param {string} title
 * @param {Take} take
 * @param {string} typed
 */
export function openChooser(target, title, take, typed = '') {
  Object.assign(chooser, { target, take });
  byId('wanted').value = typed;
  byId('chooser-title').textContent = title;
  byId('chooser').showModal();
  filterClasses();
}

/**
 * Where it was opened for a row that was being fetched, this is that row.
 * @param {Target | null} target
 */
export function aimChooser(target) {
  if (!isChooserOpen() || chooser.target) return;
  chooser.target = target;
  filterClasses();
}

/** Close it where the row that it was opened for does not come. */
export function closeAimlessChooser() {
  if (!chooser.target) byId('chooser').close();
}

function filterClasses() {
  const typed = byId('wanted').value.trim();
  const bars = chooser.target?.shown?.row.posterior || [];
  const likely = new Map(bars.map((bar) => [bar.label, bar.p]));
  chooser.options = chooser.target ? matchingClasses(typed, [...likely.keys()]) : [];
  const shown = chooser.options.slice(0, MOST_OPTIONS);
  byId('classes').replaceChildren(...shown.map((code, index) => createOption(code, index, likely.get(code))));
  const matching = `${formatNumber(chooser.options.length)} of ${formatNumber(run.classes.length)} classes`;
  const hidden = chooser.options.length > shown.length ? `, the first ${MOST_OPTIONS} shown` : '';
  const none = chooser.target ? 'No class matches.' : 'Fetching the row …';
  byId('classes-note').textContent = chooser.options.length ? matching + hidden : none;
  pick(0);
}

/**
 * The classes whose name contains what was typed, those that begin with it first: the same ones on every row.
 * @param {string} typed
 * @param {number[]} likely The likeliest classes, which come first where nothing is typed.
 */
function matchingClasses(typed, likely) {
  const wanted = fold(typed);
  if (!wanted) return [...new Set([...likely, ...run.classes.keys()])];
  const matching = [...run.classes.keys()].filter((code) => fold(className(code)).includes(wanted));
  /** @type {((name: string) => boolean)[]} */
  const ranks = [
    (name) => name === typed,
    (name) => fold(name) === wanted,
    (name) => fold(name).startsWith(wanted),
    () => true,
  ];
  /** @param {number} code */
  const rank = (code) => ranks.findIndex((fits) => fits(className(code)));
  return matching.sort((first, second) => rank(first) - rank(second));
}

/**
 * @param {number} code
 * @param {number} index
 * @param {number | undefined} share
 */
function createOption(code, index, share) {
  const digit = digitOf(code);
  const name = createElement('span', {}, digit && createText('kbd', digit), createText('span', className(code)));
  const chance = share === undefined ? null : createText('small', formatPercent(share));
  const option = createElement('li', { id: `class-${index}`, role: 'option' }, name, chance);
  option.addEventListener('click', () => takeClass(index));
  return option;
}

/** @param {number} index */
function pick(index) {
  const options = [...byId('classes').children];
  chooser.picked = Math.max(0, Math.min(options.length - 1, index));
  for (const [other, option] of options.entries()) option.setAttribute('aria-selected', `${other === chooser.picked}`);
  options[chooser.picked]?.scrollIntoView({ block: 'nearest' });
  byId('wanted').setAttribute('aria-activedescendant', options[chooser.picked]?.id || '');
}

/** @param {number} index */
function takeClass(index) {
  const { options, target, take } = chooser;
  if (options[index] === undefined || !target) return;
  byId('chooser').close();
  take(options[index], target);
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
  if (step) {
    event.preventDefault();
    pick(chooser.picked + step);
  }
  if (event.key === 'Enter' && !event.isComposing) {
    event.preventDefault();
    if (!isUnexpected(event, chooser.target?.shown)) takeClass(chooser.picked);
  }
}

export function listenToChooser() {
  byId('wanted').addEventListener('input', filterClasses);
  byId('wanted').addEventListener('keydown', onKey);
}
