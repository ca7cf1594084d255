// Package money is being written; it holds no mutant yet.
package money

import "github.com/connectorhost/connectorhost/conformance/internal/broken"

// Mutants lists the mutants.
func Mutants() []broken.Mutant { return nil }
