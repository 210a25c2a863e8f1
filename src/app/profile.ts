export { codeOf as profileOf } from '../config/schema.ts';
