// The elements of page.html, and new ones. Whatever comes from the data is set as text, never as markup.

/**
 * The elements that are more than an HTMLElement.
 * @typedef {object} SpecialElements
 * @property {HTMLInputElement} all-page
 * @property {HTMLButtonElement} page-before
 * @property {HTMLButtonElement} page-after
 * @property {HTMLDialogElement} chooser
 * @property {HTMLDialogElement} confirm
 * @property {HTMLDialogElement} help
 * @property {HTMLDialogElement} meanings
 * @property {HTMLFormElement} filters
 * @property {HTMLAnchorElement} map-list
 * @property {HTMLProgressElement} map-share
 * @property {HTMLSelectElement} map-class
 * @property {HTMLSelectElement} map-colour
 * @property {HTMLSelectElement} map-layout
 * @property {HTMLProgressElement} progress
 * @property {HTMLAnchorElement} to-list
 * @property {HTMLInputElement} wanted
 * @property {HTMLInputElement} note
 * @property {HTMLDetailsElement} parts
 * @property {HTMLAnchorElement} to-export
 */

/**
 * The element of page.html with this id.
 * @template {string} Id
 * @param {Id} id
 * @returns {Id extends keyof SpecialElements ? SpecialElements[Id] : HTMLElement}
 */
export const byId = (id) => /** @type {any} */ (document.getElementById(id));

/**
 * Open a dialog from its beginning: its button, which gets the focus, stands at its end.
 * @param {'help' | 'meanings'} id
 */
export function openFromTop(id) {
  byId(id).showModal();
  byId(id).scrollTop = 0;
}

/**
 * Whether what a part of the page shows is being asked for.
 * @param {'row-view' | 'list' | 'map-view' | 'map-chosen'} id
 * @param {boolean} isBusy
 */
export const setBusy = (id, isBusy) => byId(id).setAttribute('aria-busy', `${isBusy}`);

/** @returns {HTMLDialogElement | null} */
export const currentDialog = () => document.querySelector('dialog[open]');

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Partial<HTMLElementTagNameMap[Tag]>} properties
 * @param {(Node | string | null)[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function createElement(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter((child) => child !== null));
  return element;
}

/**
 * An element with words of the data, which may run from right to left wherever they stand.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} text
 */
export function createText(tag, text, className = '') {
  const element = createElement(tag);
  return Object.assign(element, { textContent: text, className, dir: 'auto' });
}

/**
 * @param {string} text
 * @param {string} className
 * @param {() => void} onClick
 */
export function createButton(text, className, onClick) {
  const button = createElement('button', { type: 'button', className, textContent: text });
  button.addEventListener('click', onClick);
  return button;
}
