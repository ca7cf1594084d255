// Package webhook signs and delivers events as Smartpay does: a POST with four
// headers, signed anew at every try, the event's identity the same at every try,
// and only HTTP 200 counted as received.
//
// Each endpoint has its own lane: deliveries to it start in the order they were
// sent, one at a time, and one that fails goes back to the lane until its next
// try is due. Waiting follows the provider's virtual clock. Nothing is
// unbounded: not the queue, not one try, not [Dispatcher.Close].
package webhook
