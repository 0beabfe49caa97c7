// A curve with its band, drawn as SVG.
import { formatNumber } from './format.js';

const [LEFT, RIGHT, TOP, BOTTOM] = [40, 312, 10, 128];

/** @typedef {{ depth: number, precision: number, low: number, high: number }} Point */

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 */
function createShape(tag, attributes, words = '') {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, `${value}`);
  if (words) element.textContent = words;
  return element;
}

/** @param {number} share */
const heightOf = (share) => BOTTOM - share * (BOTTOM - TOP);

/** @param {Point[][]} stretches Points that belong together; between two stretches no line is drawn. */
export function createCurve(stretches) {
  const points = stretches.flat();
  const deepest = Math.max(...points.map((point) => point.depth));
  /** @param {number} depth */
  const placeOf = (depth) => LEFT + (depth / deepest) * (RIGHT - LEFT);
  const radius = points.length > 20 ? 1.5 : 3;
  const picture = createShape('svg', { viewBox: '0 0 330 164', role: 'img' });
  picture.append(
    ...createGrid(),
    ...createDepths(deepest, placeOf),
    ...stretches.flatMap((stretch) => createStretch(stretch, placeOf)),
    ...points.map(({ depth, precision }) =>
      createShape('circle', { cx: placeOf(depth), cy: heightOf(precision), r: radius }),
    ),
  );
  return picture;
}

const createGrid = () =>
  [0, 0.5, 1].flatMap((share) => [
    createShape('line', { x1: LEFT, x2: RIGHT, y1: heightOf(share), y2: heightOf(share), class: 'grid' }),
    createShape('text', { x: LEFT - 6, y: heightOf(share) + 4, 'text-anchor': 'end' }, `${share * 100}%`),
  ]);

/**
 * @param {number} deepest
 * @param {(depth: number) => number} placeOf
 */
function createDepths(deepest, placeOf) {
  /**
   * @param {number} x
   * @param {number} y
   * @param {string} text
   */
  const centred = (x, y, text) => createShape('text', { x, y, 'text-anchor': 'middle' }, text);
  return [
    ...[0, Math.round(deepest / 2), deepest].map((depth) => centred(placeOf(depth), BOTTOM + 16, formatNumber(depth))),
    centred((LEFT + RIGHT) / 2, BOTTOM + 32, 'first rows of the list'),
  ];
}

/**
 * The band between low and high, and the line in it.
 * @param {Point[]} stretch
 * @param {(depth: number) => number} placeOf
 */
function createStretch(stretch, placeOf) {
  /** @param {(point: Point) => number} shareOf */
  const placesOf = (shareOf) =>
    stretch.map((point) => `${placeOf(point.depth).toFixed(1)},${heightOf(shareOf(point)).toFixed(1)}`);
  const [high, middle, low] = [placesOf((p) => p.high), placesOf((p) => p.precision), placesOf((p) => p.low)];
  return [
    createShape('polygon', { points: [...high, ...low.reverse()].join(' '), class: 'band' }),
    createShape('polyline', { points: middle.join(' '), class: 'line' }),
  ];
}
