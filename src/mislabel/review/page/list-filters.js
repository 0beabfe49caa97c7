// The filters of the list. They live in the address, so that reload and the browser's Back keep them.
/** @import { ListFilter, Pair } from './types.js' */
import { byId, createElement } from './elements.js';
import { formatNumber } from './format.js';
import { list } from './list-state.js';
import { className, run } from './run.js';

export const PAGE_SIZE = 50; // rows of the list at once

/** @type {Record<string, string>} */
const DEFAULTS = { given: '', suggested: '', decision: '', status: 'judged', search: '', reviewer: '', area: '' };

/**
 * The form's field of this name.
 * @template {string} Name
 * @param {Name} name
 * @returns {Name extends 'search' ? HTMLInputElement : HTMLSelectElement}
 */
export const fieldOf = (name) => /** @type {any} */ (byId('filters').elements.namedItem(name));

/**
 * @param {string} value
 * @param {string} textContent
 */
const createOption = (value, textContent) => createElement('option', { value, textContent });

/** @param {Pair} pair */
const pairName = (pair) => `${className(pair.given)} → ${className(pair.suggested)}`;

export function fillFilters() {
  for (const name of /** @type {const} */ (['given', 'suggested'])) {
    const classes = run.classes.map((_, code) => createOption(`${code}`, className(code)));
    fieldOf(name).replaceChildren(createOption('', 'any'), ...classes);
  }
  const pairs = run.pairs.map((pair) =>
    createOption(`${pair.given},${pair.suggested}`, `${pairName(pair)} (${formatNumber(pair.count)})`),
  );
  fieldOf('pair').replaceChildren(createOption('', 'any'), ...pairs);
  const statuses = run.statuses.map((name) => createOption(name, name.replaceAll('_', ' ')));
  fieldOf('status').replaceChildren(createOption('any', 'any'), ...statuses);
  const reviewers = run.reviewers.map((name) => createOption(name, name));
  fieldOf('reviewer').replaceChildren(createOption('', 'any'), ...reviewers);
  byId('by-reviewer').hidden = !reviewers.length;
}

/** A pair is a given and a suggested class. */
export function showPair() {
  const [given, suggested] = [fieldOf('given').value, fieldOf('suggested').value];
  fieldOf('pair').value = given && suggested ? `${given},${suggested}` : '';
}

export function takePair() {
  [fieldOf('given').value, fieldOf('suggested').value = ''] = fieldOf('pair').value.split(',');
}

/** What the fields hold, as the address writes it. */
const fieldValues = () =>
  Object.fromEntries(Object.entries(DEFAULTS).map(([name, usual]) => [name, fieldOf(name).value || usual]));

/**
 * The address of the list with these filters.
 * @param {number} offset
 */
export function listHash(offset) {
  const values = Object.entries({ ...fieldValues(), offset: `${offset || ''}` });
  const told = values.filter(([name, value]) => value !== (DEFAULTS[name] || ''));
  return told.length ? `list?${new URLSearchParams(told)}` : 'list';
}

/**
 * Fill the fields from an address.
 * @param {string | undefined} query
 */
export function readQuery(query) {
  const values = new URLSearchParams(query);
  for (const [name, usual] of Object.entries(DEFAULTS)) fieldOf(name).value = values.get(name) ?? usual;
  byId('in-area').hidden = !fieldOf('area').value;
  list.offset = Math.max(0, Math.floor(Number(values.get('offset')) / PAGE_SIZE) * PAGE_SIZE || 0);
}

/** What the server is asked for: the filters and the page. */
export const listQuery = () =>
  String(new URLSearchParams({ ...fieldValues(), offset: `${list.offset}`, limit: `${PAGE_SIZE}` }));

/**
 * The same filters as a decision names them.
 * @returns {ListFilter}
 */
export function listFilter() {
  const { given, suggested, decision, status, search, reviewer, area } = fieldValues();
  /** @param {string} value */
  const codeOf = (value) => (value === '' ? null : Number(value));
  const codes = { given: codeOf(given), suggested: codeOf(suggested) };
  return { ...codes, decision: decision || 'any', status, search, reviewer, area };
}
