// Sorts, searches and filters the table of worst rows. Nothing of the page is read as markup, and nothing is loaded;
// without this script the table is whole, in its own order.
(() => {
  'use strict';
  const table = /** @type {HTMLTableElement | null} */ (document.querySelector('table.worst'));
  if (!table) return;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows, (row, place) => ({ row, place, words: row.textContent.toLowerCase() }));
  /** @param {HTMLElement} row @param {string} name */
  const number = (row, name) => Number(row.dataset[name] || -1);
  /** @param {HTMLElement} row */
  const pair = (row) => {
    const given = row.querySelector('.given')?.textContent;
    const suggested = row.querySelector('.suggested');
    return suggested ? `${given} → ${suggested.textContent}` : `${given} kept`;
  };

  /** @template {keyof HTMLElementTagNameMap} T @param {T} name @param {object} properties @param {HTMLElement} parent */
  const element = (name, properties, parent) =>
    parent.appendChild(Object.assign(document.createElement(name), properties));
  /** @param {string} label @param {string[][]} options */
  const choice = (label, options) => {
    const select = element('select', {}, element('label', { textContent: `${label} ` }, tools));
    for (const [value, textContent] of options) element('option', { value, textContent }, select);
    return select;
  };
  const tools = document.createElement('div');
  tools.className = 'tools';
  const search = element('input', { type: 'search' }, element('label', { textContent: 'Search ' }, tools));
  const pairs = [...new Set(rows.map(({ row }) => pair(row)))];
  const shown = choice('Show', [['', 'all pairs'], ...pairs.map((words) => [words, words])]);
  const order = choice('Sort', [
    ['', 'pairs in turn'],
    ['p', 'p wrong'],
    ['difficulty', 'difficulty'],
  ]);
  const decided = rows.some(({ row }) => row.className === 'done');
  const open = element(
    'input',
    { type: 'checkbox' },
    element('label', { textContent: 'Undecided only ', hidden: !decided }, tools),
  );
  const told = element('span', { role: 'status' }, tools);

  const update = () => {
    const wanted = search.value.toLowerCase();
    let left = 0;
    for (const { row, words } of rows) {
      row.hidden =
        !words.includes(wanted) ||
        (shown.value !== '' && pair(row) !== shown.value) ||
        (open.checked && row.className === 'done');
      left += Number(!row.hidden);
    }
    const sorted = [...rows].sort(
      (a, b) => (order.value ? number(b.row, order.value) - number(a.row, order.value) : 0) || a.place - b.place,
    );
    body.append(...sorted.map(({ row }) => row));
    told.textContent = `${left} of ${rows.length} rows`;
  };
  tools.addEventListener('input', update);
  table.before(tools);
  update();
})();
