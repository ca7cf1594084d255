// Package book is the stand-in Smartpay's own truth: merchants, checkout
// sessions, orders, payments, refunds, tokens, coupons, promotion codes and
// webhook endpoints, and every movement of money between them.
//
// All change happens inside [Merchant.Do], which holds one merchant's lock, so
// a reader never sees half a change and two captures can never share a yen.
// The order machine is a table ([Next]); everything that decides is a pure
// function of what the table and the amounts say.
//
// The package knows nothing of HTTP, of JSON shapes beyond text it was asked to
// keep, or of real time: it reads a virtual [Clock]. Amounts are int64 in the
// minor unit (JPY: yen). Objects handed out by a [Tx] may be read only until
// Do returns.
package book
