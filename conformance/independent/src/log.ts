// Log records for the host: one line of JSON each on standard error. What identifies
// the call stands beside the author's attributes and not among them. Standard output
// belongs to the handshake.
import type { Call } from './contract';

type Level = 'DEBUG' | 'INFO' | 'WARN' | 'ERROR';

process.stderr.on('error', () => {}); // a host that is gone reads no log, and that is no reason to crash

/** log writes a record. Never hand it a secret: the host masks what it recognises, as a last resort. */
export function log(level: Level, msg: string, attrs: Record<string, unknown> = {}, call?: Call): void {
  process.stderr.write(JSON.stringify({
    time: new Date().toISOString(), level, msg,
    payment_id: call?.payment_id, operation_id: call?.operation_id, account: call?.account?.id,
    attrs,
  }) + '\n');
}
