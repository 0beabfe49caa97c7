// Made by tools/page_types.py from review/answers.py and review/requests.py: change those, then run it again.

export type Kind = 'keep' | 'suggestion' | 'label' | 'unsure' | 'none';

export interface Pair {
  given: number;
  suggested: number;
  count: number;
}

export interface Mistake {
  true: string;
  said: string;
  /** That are expected. */
  rows: number;
}

/** Who gave labels, and how far the rest of what is known agrees with them. */
export interface Source {
  name: string;
  kind: string;
  rows: number;
  agreement: number | null;
  low: number | null;
  /** The 95 % interval of the agreement is from low to high. */
  high: number | null;
  /** The largest first. */
  mistakes: Mistake[];
  /** A source that says the same on every row. */
  repeats: string | null;
}

export interface Run {
  name: string;
  path: string;
  modality: string;
  method: string;
  classes: string[];
  rows: number;
  judged: number;
  order: string;
  order_words: string;
  budget: number | null;
  /** Share of the looks that chance chooses. */
  probe: number;
  /** Length of the queue. */
  looks: number;
  statuses: string[];
  /** Whether rows are pictures. */
  has_pictures: boolean;
  has_inputs: boolean;
  has_neighbours: boolean;
  /** Whether a map may be asked for; a run without embeddings says then that it has none. */
  has_map: boolean;
  /** Whether rows are texts, the words of which may be marked. */
  marks_words: boolean;
  /** Why they are not. */
  words_note: string | null;
  /** Sentences that say what each class means, as they were given with --describe; empty where nobody said it. */
  meanings: string[][];
  /** The most frequent pairs of classes that differ, the most frequent first. */
  pairs: Pair[];
  /** Those with the most wrong labels first; none where one label a row was given. */
  sources: Source[];
  /** Who has decided, and who decides now. */
  reviewers: string[];
  /** Whether this address is one to decide with, and not only to look. */
  may_decide: boolean;
  /** That this reviewer has chosen, by what they do. */
  keys: Record<string, string>;
}

export interface Decision {
  kind: Kind;
  label: number | null;
  number: number;
  action: number;
  time: string;
  source: string;
  reviewer: string | null;
  note: string | null;
}

export interface Change {
  row: number;
  decision: Decision | null;
}

export interface State {
  /** Of the last event. */
  number: number;
  decided: number;
  judged: number;
  /** Looks that are not decided. */
  left: number;
  looks: number;
  kinds: Record<Kind, number>;
  per_minute: number | null;
  /** Rows with events that the page did not know. */
  changed: Change[];
  /** Whether so many changed that the page has to ask for everything anew. */
  reset: boolean;
}

export interface CurvePoint {
  depth: number;
  precision: number | null;
  low: number;
  high: number;
  decided: number;
}

/** What the answers in the order trust say. */
export interface Taught {
  answers: number;
  words: string[];
  /** Whether more answers are worth little. */
  enough: boolean;
}

/** What the next rows are expected to bring. */
export interface Advice {
  rows: number;
  /** Wrong labels among them. */
  expected: number;
  minutes: number | null;
  words: string[];
}

/** The planned rows of one given class, or of a given and a suggested one. */
export interface Part {
  given: number;
  suggested: number | null;
  rows: number;
  decided: number;
  wrong: number;
}

export interface Progress {
  /** Those with the most rows first. */
  classes: Part[];
  pairs: Part[];
  /** One decision takes, in the middle. */
  seconds: number | null;
}

export interface Estimate {
  probes: number;
  estimate: number | null;
  low: number;
  high: number;
  rows: number;
  decided: number;
  wrong: number;
  unsure: number;
  /** Of the labels, without any checked row; None where that is not known. */
  at_least: number | null;
  curve: CurvePoint[];
  /** None in another order. */
  taught: Taught | null;
  /** How far reviewers agree, a sentence for each two. */
  agreement: string[];
  /** None where no row is left. */
  advice: Advice | null;
}

export interface Bar {
  label: number;
  p: number;
}

export interface Vote {
  source: string;
  label: number | null;
  p_wrong: number;
}

/** What one of two reviewers said of a row, before it was settled. */
export interface Verdict {
  reviewer: string;
  kind: Kind;
  label: number | null;
}

/** The fields of a row in every answer. */
export interface AnyRow {
  row: number;
  id: string;
  given: number | null;
  suggested: number | null;
  p_mislabeled: number | null;
  status: string;
  decision: Decision | null;
}

/** One column of a row of a table. */
export interface FeatureValue {
  index: number;
  name: string;
  value: string;
  /** Robust standard deviations from the median of the given class's rows, or the share of them that have it. */
  given: number | null;
  suggested: number | null;
  is_share: boolean;
}

export interface Row {
  row: number;
  id: string;
  given: number | null;
  suggested: number | null;
  p_mislabeled: number | null;
  status: string;
  decision: Decision | null;
  predicted: number | null;
  difficulty: number | null;
  confidence: number | null;
  /** The most probable classes, the most probable first. */
  posterior: Bar[];
  why: string[];
  /** What each source says of it, the least wrong first. */
  votes: Vote[];
  /** How many there are beside these. */
  more_votes: number;
  /** Where two reviewers differ on it: who said what, in that order. */
  verdicts: Verdict[];
  /** The most unusual first; none where rows are no tables, or none are kept. */
  columns: FeatureValue[];
  text: string | null;
  /** Where its picture is. */
  image: string | null;
  /** Where the picture is as large as it was; what is there is known when it is asked for. */
  original: string | null;
  /** Why there is only a small one. */
  original_note: string | null;
  /** Why there is no input. */
  note: string | null;
}

export interface Brief {
  row: number;
  id: string;
  given: number | null;
  suggested: number | null;
  p_mislabeled: number | null;
  status: string;
  decision: Decision | null;
  /** Its beginning. */
  text: string | null;
  image: string | null;
}

export interface Neighbour {
  row: number;
  id: string;
  given: number | null;
  suggested: number | null;
  p_mislabeled: number | null;
  status: string;
  decision: Decision | null;
  /** Its beginning. */
  text: string | null;
  image: string | null;
  similarity: number;
}

export interface Neighbours {
  neighbours: Neighbour[];
  /** What they have in each column of a table. */
  values: string[];
  note: string | null;
}

export interface ListPage {
  total: number;
  /** Names all rows that match. */
  digest: string;
  offset: number;
  rows: Brief[];
}

/** A piece of a text. */
export interface WordPart {
  text: string;
  /** How much the log odds of one label over the other fall without it; None for what lies between words. */
  weight: number | null;
}

/** The words of a text that speak for one label and against another; all parts make the text. */
export interface Words {
  parts: WordPart[];
  toward: number | null;
  /** None for all other classes together. */
  against: number | null;
  /** Why there are none. */
  note: string | null;
}

/** One way to lay the rows out on the map. */
export interface MapLayout {
  ready: boolean;
  /** 0 to 1. */
  progress: number;
  /** Why there will be none. */
  failure: string | null;
  /** Of the last event. */
  number: number;
}

export interface NextLook {
  /** In the queue. */
  place: number;
  row: Row;
  /** Whether chance chose it. */
  probe: boolean;
}

export interface NoLook {
  place: null;
  row: null;
}

export interface Decided {
  saved: boolean;
  action: number;
  number: number;
  rows: number[];
  state: State;
}

export interface Undone {
  undone: number[];
  number: number;
  state: State;
}

export interface ListFilter {
  given?: number | null;
  suggested?: number | null;
  decision?: string;
  status?: string;
  search?: string;
  reviewer?: string;
  area?: string;
}

/** Needs `rows` or `filter`. */
export interface DecideRequest {
  key: string;
  kind: Kind;
  label?: number | null;
  rows?: number[] | null;
  filter?: ListFilter | null;
  /** Of the rows that a list said pass the filter. */
  digest?: string | null;
  place?: number | null;
  note?: string | null;
  since?: number;
}

export interface KeysRequest {
  /** By what they do; those that are left out are as usual. */
  keys: Record<string, string>;
}

export interface UndoRequest {
  key: string;
  action?: number | null;
  since?: number;
}
