// Package deed readies writes for cases: one of each kind that a connector offers, each
// about a payment of its own, which can be asked for, asked for again, looked up and
// counted in the provider's books.
//
// A deed knows no provider's dialect. What it did is read from the simulator's books
// alone, never from what the connector says of it.
package deed
