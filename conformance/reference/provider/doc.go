// Package provider is a card-like payment provider in memory: the other side of the
// reference connector, and its outside witness.
//
// It authorizes, captures (in parts, several times, a little over), releases, raises,
// refunds and reverses; it stores instruments, asks buyers to approve on a page, and
// sends signed webhooks. It counts in decimal strings of the major unit, as many
// providers do: "10.50" EUR, "1050" JPY, "1.050" KWD; never in floats.
//
// # What it promises
//
//   - The same answer for the same idempotency key, for as long as keys live. A key
//     that has lived too long is refused, never used again.
//   - captured ≤ authorized + tolerance, refunded ≤ captured, and for one key at most
//     one movement of each kind: a final capture takes and releases under one key.
//   - Its state is a pure function of what was written down and of the time, so that
//     moving its clock expires, settles and approves whatever is due, and a lookup
//     during the visibility delay sees exactly the past.
//   - Every request is counted and every movement of money can be read at /ledger.
//   - It is a simulator too ([SimPath]): the conformance suite opens lanes in it, acts for
//     buyers, and makes it misbehave, one merchant at a time.
//
// It shares no code with the connector: where the two agree, it is because both
// follow the same description.
//
// # What it does not do
//
// It keeps nothing on disk: its payments die with it. It authenticates its API and
// nothing else; /ledger and /control are open to whoever can reach it, so it must
// listen on loopback only. No money moves.
package provider
