// Package money holds connectors that are wrong about amounts: in what they ask the
// provider for, in what they take, release and return, and in what they say of it.
package money

import (
	"slices"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
)

// Mutants lists them.
func Mutants() []broken.Mutant {
	return slices.Concat(units(), integrity(), captures(), voids(), refunds(), claims(), outside())
}
