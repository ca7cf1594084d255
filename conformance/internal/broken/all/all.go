// Package all lists every mutant of every area, for the matrix that holds the suite to them.
package all

import "github.com/connectorhost/connectorhost/conformance/internal/broken"

// Mutants lists every mutant, in the order of the areas.
func Mutants() []broken.Mutant {
	var all []broken.Mutant
	for _, area := range []func() []broken.Mutant{} {
		all = append(all, area()...)
	}
	return all
}
