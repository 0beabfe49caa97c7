// What the classes mean, as somebody described them.
import { display } from './display.js';
import { byId, createElement, createText, openFromTop } from './elements.js';
import { className, run } from './run.js';

/** Those of the row on the screen first. */
export function openMeanings() {
  const row = display.view === 'row' ? display.shown?.row : undefined;
  const first = [row?.given, row?.suggested].filter((code) => code !== null && code !== undefined);
  const order = [...new Set([...first, ...run.classes.keys()])];
  const isDescribed = run.meanings.some((sentences) => sentences.length);
  byId('meanings-note').hidden = isDescribed;
  byId('meanings-list').replaceChildren(...(isDescribed ? order.map((code) => createMeaning(code, row)) : []));
  openFromTop('meanings');
}

/**
 * @param {number} code
 * @param {{ given: number | null, suggested: number | null } | undefined} row
 */
function createMeaning(code, row) {
  const roles = [code === row?.given && 'given', code === row?.suggested && 'suggested'].filter(Boolean).join(', ');
  const name = createElement('dt', {}, createText('b', className(code)), roles ? createText('small', roles) : null);
  const sentences = run.meanings[code];
  const words = sentences.length ? sentences : ['Nobody said what it means.'];
  const lines = words.map((sentence) => createText('p', sentence, sentences.length ? '' : 'muted'));
  return createElement('div', {}, name, createElement('dd', {}, ...lines));
}

export function listenToMeanings() {
  byId('to-meanings').addEventListener('click', openMeanings);
  byId('close-meanings').addEventListener('click', () => byId('meanings').close());
}
