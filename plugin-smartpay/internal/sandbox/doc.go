// Package sandbox is a stand-in Smartpay: its API, its hosted page, its
// webhooks, and controls under /_sandbox/ that the real one does not have.
//
// A [Server] is an [http.Handler] that keeps its own truth in memory. It shares
// no code with the connector it is used to test, so that a misreading on one
// side cannot hide on the other. It keeps to what is known of the provider
// (smartpay-api.md); what is not known is one named constant with [UNK] in its
// comment, and what is this sandbox's own says so.
//
// No money moves, no card network is reached, and nothing here is a place for
// real keys or real people's data.
package sandbox
