// Package api speaks Smartpay's HTTP API in Smartpay's own words: checkout
// sessions, orders, payments, refunds and webhook endpoints.
//
// A [Client] belongs to one base URL and to no account: the secret key comes with
// each call, through [Client.As], so that one process serves many merchants over
// one pool of connections. A call sends at most one request that can have an
// effect, and never sends a write twice. What goes wrong is a [*Failure], which
// says whether the request may have reached Smartpay.
//
// The package believes only what it can read: an answer whose object, id or mode
// is not what was asked for is a [*Foreign] failure. Unknown keys are ignored and
// unknown statuses are kept as they came. Absent amounts and times stay absent.
//
// It maps nothing to a payments vocabulary of ours, retries nothing, follows no
// redirect, and keeps no state but its connections. Facts about the provider come
// from its official clients and its documentation; what those do not say is marked
// [UNK] (unknown) or [INF] (inferred) where it is relied on.
package api
