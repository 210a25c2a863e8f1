import { lockHome } from '../../src/config/home-lock.ts';
import { homeAt } from '../../src/config/home.ts';

/** A process of its own that owns the home given as argument until it is killed or its parent goes away. */
await lockHome(homeAt(process.argv[2] ?? ''), { command: 'valence test' });
process.send?.('locked');
// A listener keeps the channel, and with it the process, alive.
process.once('disconnect', () => process.exit());
