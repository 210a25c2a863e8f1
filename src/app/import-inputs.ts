export { fileInput, streamInput } from '../graph/lines/import-input.ts';
