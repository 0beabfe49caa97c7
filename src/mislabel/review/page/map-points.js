// The points of the map: read from what the server sends, found by place, and told whether a line goes round them.
/** @import { Points } from './map-state.js' */
import { SIDE } from './map-state.js';

const BYTES = 10; // of a row
const CELL_BITS = 9; // a cell is 512 wide: 128 times 128 of them
const CELLS = 1 << (16 - CELL_BITS);
const MOST_CORNERS = 160;

/**
 * @param {ArrayBuffer} buffer
 * @returns {Points}
 */
export function readPoints(buffer) {
  const count = buffer.byteLength / BYTES;
  /** @param {number} place */
  const words = (place) => new Uint16Array(buffer, place * 2 * count, count);
  const [p, flags] = [new Uint8Array(buffer, 8 * count, count), new Uint8Array(buffer, 9 * count, count)];
  return { count, x: words(0), y: words(1), given: words(2), suggested: words(3), p, flags };
}

/** Rows by the cell that they lie in, so that the nearest is found without looking at all. */
export class Places {
  /** @param {Points} points */
  constructor(points) {
    this.points = points;
    this.starts = new Uint32Array(CELLS * CELLS + 1);
    const cells = new Uint16Array(points.count);
    for (let row = 0; row < points.count; row++) {
      cells[row] = (points.y[row] >> CELL_BITS) * CELLS + (points.x[row] >> CELL_BITS);
      this.starts[cells[row] + 1]++;
    }
    for (let cell = 0; cell < CELLS * CELLS; cell++) this.starts[cell + 1] += this.starts[cell];
    const free = this.starts.slice();
    this.rows = new Uint32Array(points.count);
    for (let row = 0; row < points.count; row++) this.rows[free[cells[row]]++] = row;
  }

  /**
   * The row nearest to a place, the first in the audit of those that are; null where none is as near as `reach`.
   * @param {number} x
   * @param {number} y
   * @param {number} reach
   * @returns {number | null}
   */
  nearest(x, y, reach) {
    /** @param {number} value */
    const cellOf = (value) => Math.max(0, Math.min(CELLS - 1, Math.floor(value) >> CELL_BITS));
    let [best, found] = [reach * reach, /** @type {number | null} */ (null)];
    const [left, right] = [cellOf(Math.max(0, x - reach)), cellOf(Math.min(SIDE, x + reach))];
    for (let line = cellOf(Math.max(0, y - reach)); line <= cellOf(Math.min(SIDE, y + reach)); line++) {
      const [begin, end] = [this.starts[line * CELLS + left], this.starts[line * CELLS + right + 1]];
      for (let place = begin; place < end; place++) {
        const row = this.rows[place];
        const distance = (this.points.x[row] - x) ** 2 + (this.points.y[row] - y) ** 2;
        if (distance < best || (distance === best && (found === null || row < found))) [best, found] = [distance, row];
      }
    }
    return found;
  }
}

/**
 * The judged rows inside a line: those that a ray to the right leaves by an odd number of edges, as the server counts.
 * @param {Points} points
 * @param {number[]} corners
 */
export function rowsInside(points, corners) {
  const inside = new Uint8Array(points.count);
  const [left, right] = bounds(corners, 0);
  const [top, bottom] = bounds(corners, 1);
  for (let row = 0; row < points.count; row++) {
    const [x, y] = [points.x[row], points.y[row]];
    if (x < left || x > right || y < top || y > bottom || !(points.flags[row] & 1)) continue;
    for (let at = 0; at < corners.length; at += 2) {
      const next = (at + 2) % corners.length;
      const [y0, y1] = [corners[at + 1], corners[next + 1]];
      if (y0 > y === y1 > y) continue;
      const [x0, x1] = [corners[at], corners[next]];
      if (x < ((x1 - x0) * (y - y0)) / (y1 - y0) + x0) inside[row] ^= 1;
    }
  }
  return inside;
}

/**
 * @param {number[]} corners
 * @param {0 | 1} axis
 */
function bounds(corners, axis) {
  const values = corners.filter((_, place) => place % 2 === axis);
  return [Math.min(...values), Math.max(...values)];
}

/**
 * A line as whole numbers on the map, of no more corners than the server takes.
 * @param {number[]} corners
 */
export function wholeCorners(corners) {
  const every = Math.ceil(corners.length / 2 / MOST_CORNERS);
  const kept = corners.filter((_, place) => (place >> 1) % every === 0);
  return kept.map((value) => Math.max(0, Math.min(SIDE, Math.round(value))));
}

/**
 * @param {string} layout
 * @param {number[]} corners
 */
export function areaOf(layout, corners) {
  const pairs = [];
  for (let at = 0; at < corners.length; at += 2) pairs.push(`${corners[at]},${corners[at + 1]}`);
  return `${layout}:${pairs.join(';')}`;
}
