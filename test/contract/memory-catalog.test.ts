import { MemoryCatalog } from '../support/memory-catalog.ts';
import { describeCatalogContract } from './catalog-contract.ts';

describeCatalogContract('the memory catalog of the tests', async () => {
  const catalog = new MemoryCatalog();
  return { catalog, stored: (read) => read(catalog) };
});
