// Who gave the labels, and how far the rest agrees with each: a table above the list of rows.
/** @import { Source } from './types.js' */
import { byId, createElement, createText } from './elements.js';
import { formatInterval, formatNumber, formatPercent, formatRows } from './format.js';
import { run } from './run.js';

export function fillSources() {
  byId('sources').hidden = !run.sources.length;
  const many = run.sources.length === 1 ? 'one source' : `${formatNumber(run.sources.length)} sources`;
  byId('sources-title').textContent = `Who labelled the rows: ${many}`;
  byId('source-lines').replaceChildren(...run.sources.map(createLine));
}

/** @param {Source} source */
function createLine(source) {
  const name = createElement('th', { scope: 'row' }, createText('bdi', source.name), createText('small', source.kind));
  const share = source.agreement === null ? '–' : formatPercent(source.agreement);
  const range = source.low === null ? '' : formatInterval(source, formatPercent);
  return createElement(
    'tr',
    {},
    name,
    createText('td', formatNumber(source.rows)),
    createElement('td', {}, createText('b', share), createText('small', range)),
    createElement('td', {}, ...describeMistakes(source).map((words) => createText('div', words))),
  );
}

/** @param {Source} source */
function describeMistakes(source) {
  if (source.repeats !== null) return [`says what ${source.repeats} says`];
  return source.mistakes.map((each) => `“${each.said}” of about ${formatRows(each.rows)} that are “${each.true}”`);
}
