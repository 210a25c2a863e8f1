export { fileInput, streamInput } from '../graph/import-input.ts';
